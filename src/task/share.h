/* SPDX-License-Identifier: MIT */
/*
 * share.h - private memory of a target moved to a memfd, so that it can be shared:
 * contents, protection and addresses stay, and a child forked afterwards shares
 * it instead of getting a copy.
 */
#ifndef MACHVM_TASK_SHARE_H
#define MACHVM_TASK_SHARE_H

#include <mach/kern_return.h>

#include "map.h"
#include "space.h"

/* Is there private memory in the map? */
bool machvm__share_needed(const struct machvm__map *map);

/*
 * Can it be moved? KERN_SUCCESS or, on record, KERN_NOT_SUPPORTED: stacks that
 * grow, huge pages, memory registered with userfaultfd or io_uring, guarded pages. The map
 * was read with MACHVM__MAP_DETAIL.
 */
kern_return_t machvm__share_judge(struct machvm__target *target, const struct machvm__map *map);

/*
 * Moves it, with every thread of the target standing still. The ledger's fields
 * become those of `value` for the whole map. *memory, when it is not null, gets a
 * descriptor of ours on the memfd, whose offset 0 is the start of the map.
 */
kern_return_t machvm__share_move(struct machvm__space *space, const struct machvm__map *map,
				 unsigned fields, const struct machvm__attributes *value,
				 int *memory);

#endif
