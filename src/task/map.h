/* SPDX-License-Identifier: MIT */
/*
 * map.h - the part of a live map that a routine is about to change: regions,
 * what may be made of them, and what the ledger keeps with them.
 */
#ifndef MACHVM_TASK_MAP_H
#define MACHVM_TASK_MAP_H

#include <mach/kern_return.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger.h"
#include "smaps.h"

/* One run of equal attributes within one region, cut to the range. */
struct machvm__piece {
	uint64_t start;
	uint64_t end;
	struct machvm__vma vma;
	struct machvm__attributes attributes;
	unsigned maximum; /* what the kernel and the ledger leave of it, MACHVM__VMA_* */
	unsigned flags;   /* MACHVM__VM_*, when `detailed` */
	bool detailed;
	bool special; /* the kernel's own: [vdso] and its like */
	bool stack;   /* the main stack, which grows down */
};

struct machvm__map {
	uint64_t start, end; /* the range, widened to whole pages of the regions at its edges */
	struct machvm__piece *pieces;
	size_t count, room;
	bool whole;    /* no hole between start and end */
	uint64_t hole; /* the first, when there is one */
};

enum {
	MACHVM__MAP_SKIP = 1 << 0,    /* go on behind holes; otherwise the first one ends the list */
	MACHVM__MAP_EXECUTE = 1 << 1, /* the maximum must be exact for execution too */
	MACHVM__MAP_DETAIL = 1 << 2,  /* every piece with its flags */
};

/* 0 or -errno; to be freed in either case. `start` and `end` are multiples of the page size. */
int machvm__map_read(struct machvm__target *target, uint64_t start, uint64_t end, unsigned options,
		     struct machvm__map *map);
void machvm__map_free(struct machvm__map *map);

/*
 * Gives every piece of the map the fields of `value` that `fields`
 * (MACHVM__LEDGER_*) name. KERN_SUCCESS, or a code on record and nothing entered.
 */
kern_return_t machvm__map_enter(struct machvm__target *target, const struct machvm__map *map,
				  unsigned fields, const struct machvm__attributes *value);

#endif
