/* SPDX-License-Identifier: MIT */
/* placement.h - placing new memory: what vm_allocate, vm_map and vm_remap have in common. */
#ifndef MACHVM_MACH_PLACEMENT_H
#define MACHVM_MACH_PLACEMENT_H

#include <mach/kern_return.h>
#include <mach/vm_statistics.h>
#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"
#include "map.h"
#include "space.h"

/* Where, and with what. `protection` and `flags` are mmap's; `fd` counts in the target. */
struct machvm__placement {
	uint64_t address; /* fixed, or a hint: the search goes upward from it */
	uint64_t size;
	uint64_t mask; /* bits that are 0 in the result */
	bool anywhere;
	bool hinted; /* anywhere, and `address` is a hint */
	bool overwrite;
	bool purgable; /* an object of its own, whose size has a limit */
	bool low;      /* below 4 GiB, for a caller whose words are that long */
	unsigned protection;
	unsigned flags;
	int fd;
	uint64_t offset;
};

/* The checks of a placement that need no call. On record when it fails. */
kern_return_t machvm__placement_check(struct machvm__target *target,
				      const struct machvm__placement *placement);

/* Is there room now? For whoever changes something else before he maps it. On record if not. */
kern_return_t machvm__placement_room(struct machvm__target *target,
				     const struct machvm__placement *placement);

/* Maps it: KERN_SUCCESS and *address, or a code that is on record. */
kern_return_t machvm__placement_map(struct machvm__space *space,
				    const struct machvm__placement *placement, uint64_t *address);

/*
 * Moves what stands at `made`, pieces as those of the map, over what is at `to`: after what
 * could refuse has been tried, so that all of it is replaced or nothing. On record if not.
 */
kern_return_t machvm__placement_move(struct machvm__space *space, const struct machvm__map *map,
				     uint64_t made, uint64_t to);

/* Enters new memory at `address` into the ledger, as the live map shows it. 0 or -errno. */
int machvm__placement_enter(struct machvm__target *target, uint64_t address, uint64_t size,
			    const struct machvm__attributes *attributes);

/* Gives new memory its tag as a name, where the kernel keeps names. */
void machvm__placement_name(struct machvm__space *space, uint64_t address, uint64_t size,
			    unsigned tag);

#endif
