/* SPDX-License-Identifier: MIT */
/*
 * window.c - machvm_window_open and its kin. A window keeps nothing: it is mappings, and
 * what it shows can be told from the map.
 */
#include <errno.h>
#include <inttypes.h>
#include <mach/mach_init.h>
#include <mach/mach_vm.h>
#include <machvm.h>

#include "descriptor.h"
#include "range.h"
#include "share.h"
#include "view.h"

#define KNOWN (MACHVM_WINDOW_WRITE | MACHVM_WINDOW_MOVE | MACHVM_WINDOW_FAULTS)

/* ---- private memory ---- */

static kern_return_t judge_move(struct machvm__target *target, const struct machvm__map *map,
				void *context, enum machvm__range_plan *plan)
{
	const struct machvm__view *view = context;

	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];

		if (machvm__view_needs(view) & ~piece->vma.access)
			return machvm__view_refuse(view, piece->start, KERN_PROTECTION_FAILURE, 0,
						   "does not permit it");
		if (piece->special)
			return machvm__view_refuse(view, piece->start, KERN_NOT_SUPPORTED, 0,
						   "is memory of the kernel's own");
	}
	if (!map->whole)
		return machvm__view_refuse(view, map->hole, KERN_INVALID_ADDRESS, 0,
					   "is not allocated");
	if (!machvm__share_needed(map))
		return KERN_SUCCESS;
	*plan = MACHVM__RANGE_STOP;
	return machvm__share_judge(target, map);
}

static kern_return_t act_move(struct machvm__space *space, const struct machvm__map *map,
			      void *context)
{
	struct machvm__view *view = context;

	return machvm__share_move(space, map, 0, &machvm__ledger_default, &view->memory);
}

/* What is shared already is looked at first: if it cannot be shown, nothing is to be moved. */
static kern_return_t move(struct machvm__view *view)
{
	static const struct machvm__range_job job = {MACHVM__MAP_DETAIL, judge_move, act_move};
	kern_return_t kr;

	view->skip = true;
	kr = machvm__view_open(view);
	view->skip = false;
	if (kr != KERN_SUCCESS)
		return kr;
	machvm__view_close(view);
	return machvm__range_change(view->target, view->start, view->end, &job, view);
}

/* ---- the routines ---- */

static kern_return_t check(struct machvm__view *view, struct machvm__target *target,
			   uint64_t address, size_t size, unsigned flags)
{
	*view = (struct machvm__view){
		.target = target,
		.address = address,
		.writable = (flags & MACHVM_WINDOW_WRITE) != 0,
		.faults = (flags & MACHVM_WINDOW_FAULTS) != 0,
		.memory = -1,
	};
	if (flags & ~(unsigned)KNOWN)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "unknown flags 0x%x",
				     flags & ~(unsigned)KNOWN);
	if (size == 0)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "the size is 0");
	if (!machvm__range_pages(address, size, &view->start, &view->end))
		return machvm__range_wraps(KERN_INVALID_ADDRESS);
	/* Its descriptors are found by a number, which leads to whatever program it runs now. */
	if (target->received)
		return machvm__error(KERN_DENIED, "argument check",
				     "a right that was received brings no windows; open the task");
	return KERN_SUCCESS;
}

kern_return_t machvm_window_open(mach_port_t task, mach_vm_address_t address, size_t size,
				 unsigned flags, void **window)
{
	enum machvm_right right = flags & (MACHVM_WINDOW_WRITE | MACHVM_WINDOW_MOVE)
					  ? MACHVM_RIGHT_CONTROL
					  : MACHVM_RIGHT_READ;
	struct machvm__hold hold = {0};
	struct machvm__view view;
	kern_return_t kr;

	if (!window)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "`window` is null");
	kr = machvm__range_hold(task, right, &hold);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = check(&view, hold.target, address, size, flags);
	if (kr == KERN_SUCCESS && flags & MACHVM_WINDOW_MOVE)
		kr = move(&view);
	if (kr == KERN_SUCCESS)
		kr = machvm__view_open(&view);
	machvm__descriptor_close(view.memory);
	machvm__task_release(&hold);
	if (kr == KERN_SUCCESS)
		*window = machvm__view_keep(&view);
	return kr;
}

/* Does the target have at `at` what we have at `mine`? *size is how far that answer goes. */
static kern_return_t compare(struct machvm__target *target, uint64_t at, uint64_t mine,
			     uint64_t *size)
{
	struct machvm__vma theirs, ours;
	char their_name[64] = "", our_name[64] = "";
	uint64_t rest;
	int r = machvm__target_region(machvm__target_own(), mine, &ours, our_name, sizeof our_name);

	if (r || ours.start > mine || !(ours.access & MACHVM__VMA_SHARED))
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "0x%" PRIx64 " is in no window", mine);
	r = machvm__target_region(target, at, &theirs, their_name, sizeof their_name);
	if (r == -ENOENT || (r == 0 && theirs.start > at))
		return machvm__range_unmapped(target, at);
	if (r)
		return machvm__error_look(target, r);
	if (!machvm__view_same(&theirs, their_name, at, &ours, our_name, mine))
		return machvm__error_at(target, at, KERN_INVALID_OBJECT, 0, "region lookup",
					"is other memory than the window shows");
	rest = theirs.end - at < ours.end - mine ? theirs.end - at : ours.end - mine;
	*size = rest < *size ? rest : *size;
	return KERN_SUCCESS;
}

kern_return_t machvm_window_check(mach_port_t task, mach_vm_address_t address, const void *window,
				  size_t size)
{
	uint64_t mine = (uintptr_t)window, ends, done;
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(task, MACHVM_RIGHT_INSPECT, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	if (size == 0 || __builtin_add_overflow(mine, (uint64_t)size, &ends))
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check", "this is no window");
	else if (__builtin_add_overflow(address, (uint64_t)size, &ends))
		kr = machvm__range_wraps(KERN_INVALID_ADDRESS);
	for (uint64_t at = 0; kr == KERN_SUCCESS && at < size; at += done) {
		done = size - at;
		kr = compare(hold.target, address + at, mine + at, &done);
	}
	if (kr == KERN_SUCCESS && machvm__target_alive(hold.target))
		kr = machvm__error_gone(hold.target, "region lookup");
	machvm__task_release(&hold);
	return kr;
}

kern_return_t machvm_window_close(void *window, size_t size)
{
	if (!window || size == 0)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "this is no window");
	return mach_vm_deallocate(mach_task_self(), (uintptr_t)window, size);
}
