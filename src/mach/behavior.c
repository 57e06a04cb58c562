/* SPDX-License-Identifier: MIT */
/*
 * behavior.c - vm_behavior_set in both spellings: Mach's advice in madvise's words.
 *
 * MADV_DONTNEED throws anonymous contents away, which Mach's DONTNEED never does:
 * that one is MADV_COLD. ZERO is what MADV_DONTNEED is good for.
 */
#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_behavior.h>
#include <mach/vm_map.h>
#include <sys/mman.h>

#include "range.h"

#ifndef MADV_COLD /* Linux 5.4 */
#define MADV_COLD    20
#define MADV_PAGEOUT 21
#endif

struct request {
	vm_behavior_t behavior;
};

static bool is_anonymous(const struct machvm__piece *piece)
{
	return !piece->vma.inode && !(piece->vma.access & MACHVM__VMA_SHARED) && !piece->special;
}

static bool wants_plain_memory(vm_behavior_t behavior)
{
	return behavior == VM_BEHAVIOR_REUSABLE || behavior == VM_BEHAVIOR_REUSE ||
	       behavior == VM_BEHAVIOR_CAN_REUSE;
}

static bool wants_writable(vm_behavior_t behavior)
{
	return behavior == VM_BEHAVIOR_REUSABLE || behavior == VM_BEHAVIOR_ZERO ||
	       behavior == VM_BEHAVIOR_ZERO_WIRED_PAGES;
}

static bool is_wired(const struct machvm__piece *piece)
{
	return piece->attributes.wired || piece->flags & MACHVM__VM_LOCKED;
}

static kern_return_t judge_piece(struct machvm__target *target, const struct machvm__piece *piece,
				 vm_behavior_t behavior)
{
	if (wants_plain_memory(behavior) && (!is_anonymous(piece) || is_wired(piece)))
		return machvm__error_at(target, piece->start, KERN_INVALID_ADDRESS, 0,
					"argument check",
					"is shared, wired or a file's, which cannot be reused");
	if (wants_writable(behavior) && !(piece->vma.access & MACHVM__VMA_WRITE))
		return machvm__error_at(target, piece->start, KERN_PROTECTION_FAILURE, 0,
					"argument check", "may not be written");
	if (behavior != VM_BEHAVIOR_ZERO)
		return KERN_SUCCESS;
	if (piece->vma.access & MACHVM__VMA_EXECUTE)
		return machvm__error_at(target, piece->start, KERN_PROTECTION_FAILURE, 0,
					"argument check", "may be executed");
	if (piece->vma.inode && !(piece->vma.access & MACHVM__VMA_SHARED))
		return machvm__error_at(target, piece->start, KERN_NO_ACCESS, 0, "argument check",
					"is a private mapping of a file");
	return KERN_SUCCESS;
}

static kern_return_t judge(struct machvm__target *target, const struct machvm__map *map,
			   void *context, enum machvm__range_plan *plan)
{
	const struct request *request = context;
	kern_return_t kr = KERN_SUCCESS;

	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++)
		kr = judge_piece(target, &map->pieces[i], request->behavior);
	if (kr == KERN_SUCCESS && !map->whole)
		kr = machvm__range_unmapped(target, map->hole);
	/* Pages that were given up for reuse are kept by the kernel once they are written again. */
	if (request->behavior != VM_BEHAVIOR_REUSE && request->behavior != VM_BEHAVIOR_CAN_REUSE)
		*plan = MACHVM__RANGE_CALLS;
	if (kr == KERN_SUCCESS && request->behavior == VM_BEHAVIOR_ZERO_WIRED_PAGES)
		kr = machvm__error(KERN_NOT_SUPPORTED, "madvise",
				   "the kernel cannot be told to zero wired pages when they are freed");
	return kr;
}

static int advice(vm_behavior_t behavior, const struct machvm__piece *piece)
{
	switch (behavior) {
	case VM_BEHAVIOR_RANDOM:
		return MADV_RANDOM;
	case VM_BEHAVIOR_SEQUENTIAL:
		return MADV_SEQUENTIAL;
	case VM_BEHAVIOR_WILLNEED:
		return MADV_WILLNEED;
	case VM_BEHAVIOR_DONTNEED:
		return MADV_COLD;
	case VM_BEHAVIOR_FREE:
	case VM_BEHAVIOR_REUSABLE:
		return MADV_FREE;
	case VM_BEHAVIOR_PAGEOUT:
		return MADV_PAGEOUT;
	case VM_BEHAVIOR_ZERO:
		return is_anonymous(piece) ? MADV_DONTNEED : MADV_REMOVE;
	default:
		/* Readahead runs upwards only, so reverse order has no word of its own. */
		return MADV_NORMAL;
	}
}

/* Is the refusal of a hint nothing to tell anybody? */
static bool is_hint(vm_behavior_t behavior)
{
	return behavior != VM_BEHAVIOR_ZERO;
}

/* Locked pages are not thrown away (MADV_DONTNEED says EINVAL): written over instead. */
static int zero_by_writing(struct machvm__target *target, const struct machvm__piece *piece)
{
	static const char zeros[16384];

	for (uint64_t at = piece->start; at < piece->end;) {
		size_t part = piece->end - at < sizeof zeros ? (size_t)(piece->end - at)
							       : sizeof zeros;
		size_t done;
		int r = machvm__target_force(target, MACHVM__WRITE, at, (void *)(uintptr_t)zeros,
					     part, &done);

		if (r)
			return r;
		at += part;
	}
	return 0;
}

static kern_return_t advise(struct machvm__space *space, const struct machvm__piece *piece,
			    vm_behavior_t behavior)
{
	int64_t r = machvm__space_advise(space, piece->start, piece->end, advice(behavior, piece));

	if (r < 0 && space->broken)
		return machvm__error_space(space, space->broken);
	if (r == -ENOMEM)
		return machvm__error_at(space->target, piece->start, KERN_RESOURCE_SHORTAGE, ENOMEM,
					"madvise", "cannot be split off: no memory, or the limit "
					"vm.max_map_count is reached");
	if (r < 0 && behavior == VM_BEHAVIOR_ZERO)
		r = zero_by_writing(space->target, piece);
	if (r < 0 && !is_hint(behavior))
		return machvm__error_at(space->target, piece->start, KERN_NOT_SUPPORTED, (int)-r,
					"madvise", "cannot be zeroed");
	return KERN_SUCCESS;
}

static kern_return_t act(struct machvm__space *space, const struct machvm__map *map, void *context)
{
	const struct request *request = context;
	kern_return_t kr = KERN_SUCCESS;

	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++)
		kr = advise(space, &map->pieces[i], request->behavior);
	return kr;
}

static kern_return_t set_behavior(struct machvm__target *target, uint64_t address, uint64_t size,
				  vm_behavior_t behavior)
{
	static const struct machvm__range_job job = {0, judge, act};
	static const struct machvm__range_job reusing = {MACHVM__MAP_DETAIL, judge, act};
	struct request request = {behavior};
	const struct machvm__range_job *how = wants_plain_memory(behavior) ? &reusing : &job;
	uint64_t start, end;

	if (behavior < VM_BEHAVIOR_DEFAULT || behavior > VM_BEHAVIOR_LAST_VALID)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "%d is no behavior",
				     behavior);
	if (size == 0)
		return KERN_SUCCESS;
	if (__builtin_add_overflow(address, size, &end))
		return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	/* The end of the very last page, which rounds to 0, is no more than outside. */
	if (!machvm__range_pages(address, size, &start, &end) || end > machvm__space_limit(target))
		return machvm__error_at(target, address, KERN_NO_SPACE, 0, "argument check",
					"or what follows is outside the addresses that a program can have");
	return machvm__range_change(target, start, end, how, &request);
}

kern_return_t mach_vm_behavior_set(vm_map_t target_task, mach_vm_address_t address,
				   mach_vm_size_t size, vm_behavior_t new_behavior)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = set_behavior(hold.target, address, size, new_behavior);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t vm_behavior_set(vm_map_t target_task, vm_address_t address, vm_size_t size,
			      vm_behavior_t new_behavior)
{
	return mach_vm_behavior_set(target_task, address, size, new_behavior);
}
