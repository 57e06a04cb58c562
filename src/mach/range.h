/* SPDX-License-Identifier: MIT */
/* range.h - what the routines that change an address space begin with. */
#ifndef MACHVM_MACH_RANGE_H
#define MACHVM_MACH_RANGE_H

#include <mach/message.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "map.h"
#include "pages.h"
#include "task.h"

/* How often a routine begins anew because the target executed another program under it. */
#define MACHVM__RANGE_ATTEMPTS 3

/* The task behind a port that has this right, and lives; then to be released. */
static inline kern_return_t machvm__range_hold(mach_port_name_t name, enum machvm_right right,
					       struct machvm__hold *hold)
{
	kern_return_t kr = machvm__task_hold(name, right, hold);

	if (kr != KERN_SUCCESS || machvm__target_alive(hold->target) == 0)
		return kr;
	machvm__task_release(hold);
	return machvm__error(MACH_SEND_INVALID_DEST, "task lookup", "the process is gone");
}

/* The pages that [address, address + size) touches. False when it wraps or its end rounds to 0. */
static inline bool machvm__range_pages(uint64_t address, uint64_t size, uint64_t *start,
				       uint64_t *end)
{
	uint64_t mask = machvm__page_size() - 1;

	if (__builtin_add_overflow(address, size, end) || *end + mask < *end)
		return false;
	*start = address & ~mask;
	*end = (*end + mask) & ~mask;
	return true;
}

/*
 * A change of a range: look at the map, judge, make calls. `judge` sees the map as
 * it is and sets *plan to what is to be done; `act` does it with the target held.
 * When all threads are to stand still, the map is looked at and judged once more
 * with nobody left to change it.
 */
enum machvm__range_plan {
	MACHVM__RANGE_NOTHING, /* it is as it should be: no call, no stop */
	MACHVM__RANGE_CALLS,
	MACHVM__RANGE_STOP, /* calls while every thread stands still */
};

struct machvm__range_job {
	unsigned look; /* MACHVM__MAP_* */
	kern_return_t (*judge)(struct machvm__target *target, const struct machvm__map *map,
			       void *context, enum machvm__range_plan *plan);
	kern_return_t (*act)(struct machvm__space *space, const struct machvm__map *map,
			     void *context);
};

kern_return_t machvm__range_change(struct machvm__target *target, uint64_t start, uint64_t end,
				   const struct machvm__range_job *job, void *context);

static inline kern_return_t machvm__range_unmapped(struct machvm__target *target, uint64_t hole)
{
	return machvm__error_at(target, hole, KERN_INVALID_ADDRESS, 0, "region lookup",
				"is not allocated");
}

static inline kern_return_t machvm__range_wraps(kern_return_t code)
{
	return machvm__error(code, "argument check",
			     "the range wraps around the end of the address space");
}

#endif
