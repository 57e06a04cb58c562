/* SPDX-License-Identifier: MIT */
/*
 * pattern - a run of bytes, some of them arbitrary, searched for in a buffer.
 *
 * The longest fixed run is looked for with memmem(3), which skips ahead; only
 * where it is found are the other bytes compared.
 */
#include <string.h>

#include "pattern.h"

int pattern_init(struct pattern *pattern, const unsigned char *data, const unsigned char *mask,
		 size_t size)
{
	size_t i, run = 0;

	*pattern = (struct pattern){.data = data, .mask = mask, .size = size};
	for (i = 0; i < size; i++) {
		run = mask[i] ? run + 1 : 0;
		if (run > pattern->anchor_size) {
			pattern->anchor_size = run;
			pattern->anchor = i + 1 - run;
		}
	}
	return pattern->anchor_size ? 0 : -1;
}

int pattern_fits_zeros(const struct pattern *pattern)
{
	size_t i;

	for (i = 0; i < pattern->size; i++) {
		if (pattern->data[i] & pattern->mask[i])
			return 0;
	}
	return 1;
}

static int fits(const struct pattern *pattern, const unsigned char *at)
{
	size_t i;

	if (pattern->anchor_size == pattern->size)
		return 1;
	for (i = 0; i < pattern->size; i++) {
		if ((at[i] ^ pattern->data[i]) & pattern->mask[i])
			return 0;
	}
	return 1;
}

const unsigned char *pattern_find(const struct pattern *pattern, const unsigned char *from,
				  const unsigned char *end)
{
	const unsigned char *anchor = pattern->data + pattern->anchor;
	size_t behind = pattern->size - pattern->anchor - pattern->anchor_size;

	while ((size_t)(end - from) >= pattern->size) {
		const unsigned char *start = from + pattern->anchor;
		const unsigned char *hit =
			memmem(start, (size_t)(end - behind - start), anchor, pattern->anchor_size);

		if (!hit)
			return NULL;
		from = hit - pattern->anchor;
		if (fits(pattern, from))
			return from;
		from++;
	}
	return NULL;
}
