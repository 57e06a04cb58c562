/* SPDX-License-Identifier: MIT */
/*
 * arena.h - memory for the old bytes of a write, or for a read that must not
 * touch the buffer before it is whole.
 *
 * One piece is kept mapped between calls, for making pages anew costs as much as
 * filling them twice: the largest that was needed, until machvm__arena_trim().
 * A second call at the same time has memory of its own. A child has none.
 */
#ifndef MACHVM_TRANSFER_ARENA_H
#define MACHVM_TRANSFER_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct machvm__arena {
	char *data;
	size_t size;
	bool kept;
};

/* At least `size` bytes of anything; false when there is no memory. */
bool machvm__arena_get(struct machvm__arena *arena, size_t size);
void machvm__arena_put(struct machvm__arena *arena);

/* Gives back what is kept, unless a call is using it. */
void machvm__arena_trim(void);

#endif
