/* SPDX-License-Identifier: MIT */
/*
 * needle.h - bytes searched for in a buffer, some of their bits perhaps without
 * meaning.
 *
 * Two of the bytes, rare ones if there are any, are looked for at once in as
 * many places as a register holds; only where both are found are the others
 * compared. A number at its natural alignment is compared whole instead.
 */
#ifndef MACHVM_TRANSFER_NEEDLE_H
#define MACHVM_TRANSFER_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far beyond the end of the haystack a search may read (but not believe) bytes. */
#define MACHVM__NEEDLE_SLACK ((size_t)256)

struct machvm__needle {
	const uint8_t *bytes;
	const uint8_t *mask; /* bits that count; null: all */
	size_t size;
	size_t first, distance; /* the two bytes: where, and how far apart; both count wholly */
	bool vague;             /* no byte counts wholly: every place is compared */
	unsigned width;         /* 2, 4, 8: compared whole, at its multiples; or 0 */
};

/* `bytes` and `mask` stay the caller's. `alignment`: the places that are asked for, 1 for all. */
void machvm__needle_init(struct machvm__needle *needle, const void *bytes, const void *mask,
                         size_t size, uint64_t alignment);

/*
 * The first place in [at, end) where the needle begins, or null. It may reach
 * beyond `end`: size - 1 bytes more are the caller's, and the slack can be read.
 * Addresses of the target and of the buffer agree in their last six bits.
 */
const uint8_t *machvm__needle_find(const struct machvm__needle *needle, const uint8_t *at,
                                   const uint8_t *end);

/* Could it be found in zeros? */
bool machvm__needle_fits_zeros(const struct machvm__needle *needle);

#endif
