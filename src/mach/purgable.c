/* SPDX-License-Identifier: MIT */
/*
 * purgable.c - vm_purgable_control in both spellings.
 *
 * Linux drops no memory that a program may still read, so volatile memory keeps its
 * contents here until it is made empty or purged. What is purgeable, and in which state, the
 * ledger knows; an entry of it is an allocation.
 */
#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <mach/vm_purgable.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "range.h"

struct request {
	vm_purgable_t control;
	uint64_t start; /* the page that was named */
	int *state;     /* in: the new one; out: the old one */
};

static kern_return_t check(vm_purgable_t control, int state)
{
	if (control != VM_PURGABLE_SET_STATE && control != VM_PURGABLE_GET_STATE)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "there is no control %d of purgeable memory", control);
	if (control == VM_PURGABLE_SET_STATE &&
	    (state & ~VM_PURGABLE_ALL_MASKS ||
	     (state & VM_PURGABLE_STATE_MASK) == VM_PURGABLE_DENY))
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "0x%x is no state of purgeable memory", (unsigned)state);
	return KERN_SUCCESS;
}

static bool begins_here(struct machvm__target *target, const struct machvm__piece *piece)
{
	uint64_t until, before = piece->start - machvm__page_size();

	if (before < piece->vma.start || before > piece->start)
		return true;
	return !machvm__ledger_at(target, &piece->vma, before, &until).purgable ||
	       until <= piece->start;
}

static kern_return_t judge(struct machvm__target *target, const struct machvm__map *map,
			   void *context, enum machvm__range_plan *plan)
{
	struct request *request = context;
	const struct machvm__piece *piece = map->pieces;
	int old;

	if (!map->count || map->pieces[0].start > request->start)
		return machvm__range_unmapped(target, request->start);
	if (request->control == VM_PURGABLE_SET_STATE && !(piece->vma.access & MACHVM__VMA_WRITE))
		return machvm__error_at(target, piece->start, KERN_PROTECTION_FAILURE, 0,
					"argument check", "is not writable");
	if (!piece->attributes.purgable || !begins_here(target, piece))
		return machvm__error_at(target, piece->start, KERN_INVALID_ARGUMENT, 0,
					"argument check",
					"is not the beginning of purgeable memory that this "
					"program has allocated");
	old = piece->attributes.purgable - 1;
	if (request->control == VM_PURGABLE_GET_STATE) {
		*request->state = old;
		return KERN_SUCCESS;
	}
	*plan = MACHVM__RANGE_CALLS;
	return KERN_SUCCESS;
}

static kern_return_t act(struct machvm__space *space, const struct machvm__map *map, void *context)
{
	struct request *request = context;
	struct machvm__attributes value = machvm__ledger_default;
	const struct machvm__piece *piece = map->pieces;
	int state = *request->state & VM_PURGABLE_STATE_MASK;
	kern_return_t kr;
	int64_t r = 0;

	if (state == VM_PURGABLE_EMPTY)
		r = machvm__space_advise(space, piece->start, piece->end, MADV_DONTNEED);
	if (r < 0 && space->broken)
		return machvm__error_space(space, space->broken);
	if (r < 0)
		return machvm__error_at(space->target, piece->start, KERN_INVALID_ARGUMENT, (int)-r,
					"madvise", "cannot be emptied: it is wired");
	value.purgable = (uint8_t)(1 + state);
	kr = machvm__map_enter(space->target, map, MACHVM__LEDGER_PURGABLE, &value);
	if (kr == KERN_SUCCESS)
		*request->state = piece->attributes.purgable - 1;
	return kr;
}

/* Where the allocation that begins at `start` ends; a page behind when there is none. */
static uint64_t end_of(struct machvm__target *target, uint64_t start)
{
	struct machvm__vma vma;
	uint64_t until = 0;

	if (machvm__target_region(target, start, &vma, NULL, 0) == 0 && vma.start <= start)
		(void)machvm__ledger_at(target, &vma, start, &until);
	if (until > vma.end)
		until = vma.end;
	return until > start ? until : start + machvm__page_size();
}

static kern_return_t control_range(struct machvm__target *target, uint64_t address,
				   vm_purgable_t control, int *state)
{
	static const struct machvm__range_job job = {0, judge, act};
	struct request request = {control, address & ~(uint64_t)(machvm__page_size() - 1), state};
	uint64_t end;

	if (!machvm__range_pages(address, 1, &request.start, &end))
		return machvm__range_unmapped(target, address);
	return machvm__range_change(target, request.start, end_of(target, request.start), &job,
				    &request);
}

/* ---- all of a task's ---- */

static bool is_volatile(const struct machvm__piece *piece)
{
	return piece->attributes.purgable == 1 + VM_PURGABLE_VOLATILE;
}

static kern_return_t judge_all(struct machvm__target *target, const struct machvm__map *map,
			       void *context, enum machvm__range_plan *plan)
{
	for (size_t i = 0; i < map->count; i++)
		if (is_volatile(&map->pieces[i]))
			*plan = MACHVM__RANGE_CALLS;
	return KERN_SUCCESS;
}

/* Wired memory stays, and stays volatile. */
static kern_return_t empty_all(struct machvm__space *space, const struct machvm__map *map,
			       struct machvm__ledger_piece *pieces)
{
	struct machvm__ledger_change change;
	int r;

	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];

		pieces[i] = (struct machvm__ledger_piece){piece->start, piece->end, piece->vma,
							  piece->attributes};
		if (is_volatile(piece) && machvm__space_advise(space, piece->start, piece->end,
							       MADV_DONTNEED) == 0)
			pieces[i].attributes.purgable = 1 + VM_PURGABLE_EMPTY;
		if (space->broken)
			return machvm__error_space(space, space->broken);
	}
	r = machvm__ledger_prepare(space->target, map->start, map->end, pieces, map->count, &change);
	if (r)
		return machvm__error_look(space->target, r);
	machvm__ledger_commit(&change);
	return KERN_SUCCESS;
}

static kern_return_t act_all(struct machvm__space *space, const struct machvm__map *map,
			     void *context)
{
	struct machvm__ledger_piece *pieces = calloc(map->count + 1, sizeof(*pieces));
	kern_return_t kr;

	if (!pieces)
		return machvm__error_look(space->target, -ENOMEM);
	kr = empty_all(space, map, pieces);
	free(pieces);
	return kr;
}

static kern_return_t purge_all(struct machvm__target *target)
{
	static const struct machvm__range_job job = {MACHVM__MAP_SKIP, judge_all, act_all};

	if (!machvm__ledger_exists(target))
		return KERN_SUCCESS;
	return machvm__range_change(target, 0, machvm__space_limit(target), &job, NULL);
}

kern_return_t mach_vm_purgable_control(vm_map_t target_task, mach_vm_address_t address,
				       vm_purgable_t control, int *state)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);
	int value = *state;

	if (kr != KERN_SUCCESS)
		return kr;
	/* Of the machine in XNU; here of what this process knows to be volatile in the task. */
	if (control == VM_PURGABLE_PURGE_ALL)
		kr = purge_all(hold.target);
	else
		kr = check(control, value);
	if (kr == KERN_SUCCESS && control != VM_PURGABLE_PURGE_ALL)
		kr = control_range(hold.target, address, control, &value);
	if (kr == KERN_SUCCESS)
		*state = value;
	machvm__task_release(&hold);
	return kr;
}

kern_return_t vm_purgable_control(vm_map_t target_task, vm_address_t address, vm_purgable_t control,
				  int *state)
{
	return mach_vm_purgable_control(target_task, address, control, state);
}
