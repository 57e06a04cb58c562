/* SPDX-License-Identifier: MIT */
/* standing.c - a session that makes no calls, around a transfer. */
#include "standing.h"

#include <errno.h>

#include "error.h"
#include "space.h"
#include "tracer.h"

kern_return_t machvm__standing_do(const struct machvm__standing *standing)
{
	struct machvm__target *target = standing->target;
	struct machvm__space space;
	kern_return_t kr;
	int r;

	if (target->own && !machvm__tracer_alone())
		return machvm__error(KERN_NOT_SUPPORTED, "stop",
				     "a program with several threads cannot stop itself");
	machvm__space_lock(target);
	r = machvm__space_open(&space, target, MACHVM__SPACE_ALL | MACHVM__SPACE_STILL);
	kr = r ? machvm__error_space(&space, r) : standing->move(standing->context);
	if (r == 0)
		r = machvm__space_close(&space);
	machvm__space_unlock(target);
	/* Its threads ran before all was done. */
	if (r == -EOWNERDEAD && kr == KERN_SUCCESS)
		kr = machvm__error_stop_lost(target, standing->raddr, standing->changes);
	return kr;
}
