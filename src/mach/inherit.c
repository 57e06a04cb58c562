/* SPDX-License-Identifier: MIT */
/* inherit.c - vm_inherit in both spellings: what a child gets at fork. */
#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_inherit.h>
#include <mach/vm_map.h>
#include <sys/mman.h>

#include "range.h"
#include "share.h"

struct request {
	vm_inherit_t inheritance;
};

static bool is_shared(const struct machvm__piece *piece)
{
	return (piece->vma.access & MACHVM__VMA_SHARED) != 0;
}

static kern_return_t judge(struct machvm__target *target, const struct machvm__map *map,
			   void *context, enum machvm__range_plan *plan)
{
	const struct request *request = context;

	*plan = map->count ? MACHVM__RANGE_CALLS : MACHVM__RANGE_NOTHING;
	if (request->inheritance == VM_INHERIT_SHARE && machvm__share_needed(map)) {
		*plan = MACHVM__RANGE_STOP;
		return machvm__share_judge(target, map);
	}
	for (size_t i = 0; request->inheritance == VM_INHERIT_COPY && i < map->count; i++)
		if (is_shared(&map->pieces[i]))
			return machvm__error_at(target, map->pieces[i].start, KERN_INVALID_ARGUMENT,
						0, "argument check",
						"is shared memory, of which a child cannot get a copy");
	return KERN_SUCCESS;
}

static kern_return_t advise(struct machvm__space *space, const struct machvm__piece *piece,
			    int advice)
{
	int64_t r = machvm__space_advise(space, piece->start, piece->end, advice);

	if (r < 0 && space->broken)
		return machvm__error_space(space, space->broken);
	/* The kernel's own pages, which a child gets in any case, refuse DOFORK with EINVAL. */
	if (r == 0 || (r == -EINVAL && advice == MADV_DOFORK))
		return KERN_SUCCESS;
	return machvm__error_at(space->target, piece->start, KERN_RESOURCE_SHORTAGE, (int)-r,
				"madvise", "cannot be split off: no memory, or the limit "
				"vm.max_map_count is reached");
}

static kern_return_t act(struct machvm__space *space, const struct machvm__map *map, void *context)
{
	const struct request *request = context;
	int advice = request->inheritance == VM_INHERIT_NONE ? MADV_DONTFORK : MADV_DOFORK;
	struct machvm__attributes value = machvm__ledger_default;
	kern_return_t kr = KERN_SUCCESS;

	value.inheritance = (uint8_t)request->inheritance;
	if (request->inheritance == VM_INHERIT_SHARE && machvm__share_needed(map))
		return machvm__share_move(space, map, MACHVM__LEDGER_INHERITANCE, &value, NULL);
	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++)
		kr = advise(space, &map->pieces[i], advice);
	if (kr == KERN_SUCCESS)
		kr = machvm__map_enter(space->target, map, MACHVM__LEDGER_INHERITANCE, &value);
	return kr;
}

static kern_return_t inherit(struct machvm__target *target, uint64_t address, uint64_t size,
			     vm_inherit_t inheritance)
{
	static const struct machvm__range_job job = {MACHVM__MAP_SKIP, judge, act};
	static const struct machvm__range_job sharing = {MACHVM__MAP_SKIP | MACHVM__MAP_DETAIL,
							 judge, act};
	struct request request = {inheritance};
	uint64_t start, end;

	if (size == 0)
		return KERN_SUCCESS;
	if (inheritance > VM_INHERIT_LAST_VALID)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "%u is no inheritance", inheritance);
	if (!machvm__range_pages(address, size, &start, &end))
		return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	return machvm__range_change(target, start, end,
				    inheritance == VM_INHERIT_SHARE ? &sharing : &job, &request);
}

kern_return_t mach_vm_inherit(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
			      vm_inherit_t new_inheritance)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = inherit(hold.target, address, size, new_inheritance);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t vm_inherit(vm_map_t target_task, vm_address_t address, vm_size_t size,
			 vm_inherit_t new_inheritance)
{
	return mach_vm_inherit(target_task, address, size, new_inheritance);
}
