/* SPDX-License-Identifier: MIT */
/*
 * still.h - a target that stands still until it is told to go on, and single
 * threads of it, stopped for a look at their registers.
 */
#ifndef MACHVM_TARGET_STILL_H
#define MACHVM_TARGET_STILL_H

#include <stdbool.h>
#include <stddef.h>

#include "keeper.h"
#include "space.h"

/* As machvm__keeper_suspend() and its kin, on a target. `space` is for error.h to say why not. */
int machvm__still_suspend(struct machvm__space *space, struct machvm__target *target,
			  enum machvm__keeper_count what, int tid);
int machvm__still_resume(struct machvm__target *target, enum machvm__keeper_count what, int tid);
unsigned machvm__still_count(struct machvm__target *target, enum machvm__keeper_count what,
			     int tid);

/* Whether this process has suspended it, so that nothing inside it answers anybody. */
static inline bool machvm__still_stands(struct machvm__target *target)
{
	return atomic_load_explicit(&machvm__keeper_any, memory_order_relaxed) &&
	       (machvm__still_count(target, MACHVM__KEEPER_PROCESS, 0) ||
		machvm__still_count(target, MACHVM__KEEPER_TOKENS, 0));
}

/*
 * Stops one thread, to be let go with machvm__space_close(): only for its registers, by
 * way of space->session. Also for the own target, whose other threads a helper stops.
 */
int machvm__still_open(struct machvm__space *space, struct machvm__target *target, int tid);

/* The ids of its threads that live, in fresh memory of malloc(): how many, or -errno. */
int machvm__still_threads(struct machvm__target *target, int **tids);

#endif
