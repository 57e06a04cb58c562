/* SPDX-License-Identifier: MIT */
/* pattern - a run of bytes, some of them arbitrary, searched for in a buffer. */
#ifndef CLI_PATTERN_H
#define CLI_PATTERN_H

#include <stddef.h>

struct pattern {
	const unsigned char *data;
	const unsigned char *mask; /* 0xff: this byte, 0: any byte */
	size_t size;
	size_t anchor, anchor_size; /* the longest run without arbitrary bytes */
};

/*
 * `data` and `mask` stay the caller's. Returns 0, or -1 when every byte is
 * arbitrary: there is nothing to look for.
 */
int pattern_init(struct pattern *pattern, const unsigned char *data, const unsigned char *mask,
		 size_t size);

/* Could zeros alone be a match? */
int pattern_fits_zeros(const struct pattern *pattern);

/* The first place at or after `from` in the buffer where all of it fits, or null. */
const unsigned char *pattern_find(const struct pattern *pattern, const unsigned char *from,
				  const unsigned char *end);

#endif
