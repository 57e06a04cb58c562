/* SPDX-License-Identifier: MIT */
/* range.c - the way that most changes of a range go. */
#include "range.h"

#include <errno.h>

static kern_return_t look(struct machvm__target *target, uint64_t start, uint64_t end,
			  const struct machvm__range_job *job, void *context,
			  struct machvm__map *map, enum machvm__range_plan *plan)
{
	int r = machvm__map_read(target, start, end, job->look, map);

	*plan = MACHVM__RANGE_NOTHING;
	return r ? machvm__error_look(target, r) : job->judge(target, map, context, plan);
}

static kern_return_t act(struct machvm__target *target, uint64_t start, uint64_t end,
			 const struct machvm__range_job *job, void *context,
			 struct machvm__map *map, enum machvm__range_plan plan, bool *again)
{
	struct machvm__space space;
	kern_return_t kr = KERN_SUCCESS;
	int r = machvm__space_open(&space, target,
				   plan == MACHVM__RANGE_STOP ? MACHVM__SPACE_ALL : 0);

	*again = r == -ESTALE;
	if (r)
		return machvm__error_space(&space, r);
	if (plan == MACHVM__RANGE_STOP && !target->own) {
		machvm__map_free(map);
		kr = look(target, start, end, job, context, map, &plan);
	}
	if (kr == KERN_SUCCESS)
		kr = job->act(&space, map, context);
	r = machvm__space_close(&space);
	if (r && kr == KERN_SUCCESS)
		kr = machvm__error_space(&space, r);
	return kr;
}

kern_return_t machvm__range_change(struct machvm__target *target, uint64_t start, uint64_t end,
				   const struct machvm__range_job *job, void *context)
{
	kern_return_t kr = KERN_SUCCESS;
	bool again = true;

	machvm__space_lock(target);
	for (int i = 0; again && i < MACHVM__RANGE_ATTEMPTS; i++) {
		enum machvm__range_plan plan;
		struct machvm__map map;

		again = false;
		kr = look(target, start, end, job, context, &map, &plan);
		if (kr == KERN_SUCCESS && plan != MACHVM__RANGE_NOTHING)
			kr = act(target, start, end, job, context, &map, plan, &again);
		machvm__map_free(&map);
	}
	machvm__space_unlock(target);
	return kr;
}
