/* SPDX-License-Identifier: MIT */
/* sync.c - vm_msync and vm_machine_attribute in both spellings. */
#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_attributes.h>
#include <mach/vm_map.h>
#include <mach/vm_sync.h>
#include <sys/mman.h>

#include "range.h"

#ifndef MADV_COLD /* Linux 5.4 */
#define MADV_COLD 20
#endif

struct request {
	vm_sync_t flags;
};

static bool is_file(const struct machvm__piece *piece)
{
	return piece->vma.inode && piece->vma.access & MACHVM__VMA_SHARED;
}

static bool is_anonymous(const struct machvm__piece *piece)
{
	return !piece->vma.inode && !(piece->vma.access & MACHVM__VMA_SHARED) && !piece->special;
}

/* What is to be done besides writing back; 0 for nothing. */
static int advice(const struct request *request, const struct machvm__piece *piece)
{
	if (request->flags & (VM_SYNC_KILLPAGES | VM_SYNC_REUSABLEPAGES))
		return is_anonymous(piece) && piece->vma.access & MACHVM__VMA_WRITE ? MADV_FREE : 0;
	return request->flags & VM_SYNC_DEACTIVATE ? MADV_COLD : 0;
}

static kern_return_t judge(struct machvm__target *target, const struct machvm__map *map,
			   void *context, enum machvm__range_plan *plan)
{
	for (size_t i = 0; i < map->count; i++)
		if (is_file(&map->pieces[i]) || advice(context, &map->pieces[i]))
			*plan = MACHVM__RANGE_CALLS;
	return KERN_SUCCESS;
}

static int64_t write_back(struct machvm__space *space, const struct machvm__piece *piece,
			  vm_sync_t flags)
{
	uint64_t how = (flags & VM_SYNC_SYNCHRONOUS ? MS_SYNC : MS_ASYNC) |
		       (flags & VM_SYNC_INVALIDATE ? MS_INVALIDATE : 0);
	int64_t r = machvm__space_call(space, MACHVM__CALL_MSYNC, piece->start,
				       piece->end - piece->start, how, 0, 0, 0);

	/* Locked pages are not invalidated; their contents are the file's anyway. */
	if (r == -EBUSY)
		r = machvm__space_call(space, MACHVM__CALL_MSYNC, piece->start,
				       piece->end - piece->start, how & ~(uint64_t)MS_INVALIDATE, 0,
				       0, 0);
	return r;
}

static kern_return_t act(struct machvm__space *space, const struct machvm__map *map, void *context)
{
	const struct request *request = context;

	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		int64_t r = is_file(piece) ? write_back(space, piece, request->flags) : 0;

		/* KILLPAGES ends at the first hole. */
		if (request->flags & VM_SYNC_KILLPAGES && !map->whole && piece->start >= map->hole)
			break;
		if (r == 0 && advice(request, piece))
			(void)machvm__space_advise(space, piece->start, piece->end,
						   advice(request, piece));
		if (space->broken)
			return machvm__error_space(space, space->broken);
		if (r < 0)
			return machvm__error_at(space->target, piece->start, KERN_FAILURE, (int)-r,
						"msync", "cannot be written back to its file");
	}
	return KERN_SUCCESS;
}

struct gap {
	struct request request;
	bool whole;
	uint64_t hole;
};

static kern_return_t note_gap(struct machvm__target *target, const struct machvm__map *map,
			      void *context, enum machvm__range_plan *plan)
{
	struct gap *gap = context;

	gap->whole = map->whole;
	gap->hole = map->hole;
	return judge(target, map, &gap->request, plan);
}

static kern_return_t act_in_gap(struct machvm__space *space, const struct machvm__map *map,
				void *context)
{
	return act(space, map, &((struct gap *)context)->request);
}

static kern_return_t synchronize(struct machvm__target *target, uint64_t address, uint64_t size,
				 vm_sync_t flags)
{
	static const struct machvm__range_job job = {MACHVM__MAP_SKIP, note_gap, act_in_gap};
	struct gap gap = {.request = {flags}};
	uint64_t start, end;
	kern_return_t kr;

	if (size == 0)
		return KERN_SUCCESS;
	if (flags & VM_SYNC_SYNCHRONOUS && flags & VM_SYNC_ASYNCHRONOUS)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "write back now, or later, but not both");
	if (!machvm__range_pages(address, size, &start, &end))
		return machvm__range_wraps(KERN_INVALID_ADDRESS);
	kr = machvm__range_change(target, start, end, &job, &gap);
	if (kr == KERN_SUCCESS && flags & VM_SYNC_CONTIGUOUS && !gap.whole)
		kr = machvm__range_unmapped(target, gap.hole);
	return kr;
}

kern_return_t mach_vm_msync(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
			    vm_sync_t sync_flags)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr == KERN_INVALID_ARGUMENT)
		return machvm__error(KERN_INVALID_TASK, "task lookup",
				     "port 0x%x is not a task, or not one with the control right",
				     target_task);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = synchronize(hold.target, address, size, sync_flags);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t vm_msync(vm_map_t target_task, vm_address_t address, vm_size_t size,
		       vm_sync_t sync_flags)
{
	return mach_vm_msync(target_task, address, size, sync_flags);
}

static kern_return_t cache(struct machvm__target *target, uint64_t start, uint64_t end,
			   vm_machine_attribute_val_t *value)
{
	struct machvm__map map;
	kern_return_t kr = KERN_SUCCESS;
	int r = machvm__map_read(target, start, end, 0, &map);

	if (r)
		kr = machvm__error_look(target, r);
	else if (!map.whole)
		kr = machvm__error_at(target, map.hole, KERN_FAILURE, 0, "region lookup",
				      "is not allocated");
	machvm__map_free(&map);
	if (kr != KERN_SUCCESS)
		return kr;
	switch (*value) {
	case MATTR_VAL_CACHE_FLUSH:
	case MATTR_VAL_DCACHE_FLUSH:
	case MATTR_VAL_ICACHE_FLUSH:
	case MATTR_VAL_CACHE_SYNC:
	case MATTR_VAL_ON:
		/* The kernel's writes into another process make themselves visible to its fetches. */
		return KERN_SUCCESS;
	case MATTR_VAL_GET:
		*value = MATTR_VAL_ON;
		return KERN_SUCCESS;
	case MATTR_VAL_OFF:
	case MATTR_VAL_GET_INFO:
		return machvm__error(KERN_NOT_SUPPORTED, "argument check",
				     "the caches of memory cannot be turned off or asked here");
	default:
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "%d is no value of the cache attribute", *value);
	}
}

static kern_return_t attribute_of(struct machvm__target *target, uint64_t address, uint64_t size,
				  vm_machine_attribute_t attribute,
				  vm_machine_attribute_val_t *value)
{
	uint64_t start, end;

	if (size == 0)
		return KERN_SUCCESS;
	if (!machvm__range_pages(address, size, &start, &end) || end > machvm__space_limit(target))
		return machvm__range_wraps(KERN_INVALID_ADDRESS);
	if (attribute == MATTR_MIGRATE || attribute == MATTR_REPLICATE)
		return machvm__error(KERN_NOT_SUPPORTED, "argument check",
				     "pages are neither migrated nor replicated on request");
	if (attribute != MATTR_CACHE)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "%u is no machine attribute", attribute);
	return cache(target, start, end, value);
}

kern_return_t mach_vm_machine_attribute(vm_map_t target_task, mach_vm_address_t address,
					mach_vm_size_t size, vm_machine_attribute_t attribute,
					vm_machine_attribute_val_t *value)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = attribute_of(hold.target, address, size, attribute, value);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t vm_machine_attribute(vm_map_t target_task, vm_address_t address, vm_size_t size,
				   vm_machine_attribute_t attribute,
				   vm_machine_attribute_val_t *value)
{
	return mach_vm_machine_attribute(target_task, address, size, attribute, value);
}
