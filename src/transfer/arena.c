/* SPDX-License-Identifier: MIT */
/* arena.c - the piece that is kept. */
#include "arena.h"

#include <stdatomic.h>

#include "fork_notice.h"
#include "own_memory.h"

/* Whoever has swapped `busy` from false to true owns the rest. */
static struct {
	_Atomic bool busy;
	char *data;
	size_t size;
} kept;

/* In a child, which does not have the pages: a thread of the parent may have been using them. */
static void renew(void)
{
	kept.data = NULL;
	kept.size = 0;
	atomic_store(&kept.busy, false);
}

/* Whole huge pages of memory that a fork need not copy. */
static char *map(size_t *size)
{
	*size = (*size + MACHVM__OWN_HUGE - 1) & ~(MACHVM__OWN_HUGE - 1);
	char *data = machvm__own_memory_map_large(*size);

	if (data)
		machvm__own_memory_keep_from_children(data, *size);
	return data;
}

bool machvm__arena_get(struct machvm__arena *arena, size_t size)
{
	bool busy = false;

	machvm__fork_notice_add(renew);
	*arena = (struct machvm__arena){.size = size};
	arena->kept = atomic_compare_exchange_strong(&kept.busy, &busy, true);
	if (!arena->kept) {
		arena->data = machvm__own_memory_map_large(size);
		return arena->data != NULL;
	}
	if (kept.size < size) {
		machvm__own_memory_unmap(kept.data, kept.size);
		kept.size = size;
		kept.data = map(&kept.size);
		if (!kept.data)
			kept.size = 0;
	}
	arena->data = kept.data;
	if (!arena->data)
		atomic_store(&kept.busy, false);
	return arena->data != NULL;
}

void machvm__arena_put(struct machvm__arena *arena)
{
	if (arena->kept)
		atomic_store(&kept.busy, false);
	else
		machvm__own_memory_unmap(arena->data, arena->size);
	arena->data = NULL;
}

void machvm__arena_trim(void)
{
	bool busy = false;

	if (!atomic_compare_exchange_strong(&kept.busy, &busy, true))
		return;
	machvm__own_memory_unmap(kept.data, kept.size);
	kept.data = NULL;
	kept.size = 0;
	atomic_store(&kept.busy, false);
}
