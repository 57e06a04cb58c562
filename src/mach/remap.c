/* SPDX-License-Identifier: MIT */
/*
 * remap.c - vm_remap and vm_remap_new in both spellings: what they are given is checked,
 * the source is made such that it can be shared, and its pieces are mapped (remap_pieces.c).
 */
#include "remap.h"

#include <mach/mach_vm.h>
#include <mach/memory_object_types.h>
#include <mach/vm_inherit.h>
#include <mach/vm_map.h>
#include <sys/mman.h>

#include "range.h"
#include "share.h"

/* Making private memory of the source shareable, before the target is touched. */
static kern_return_t judge_move(struct machvm__target *target, const struct machvm__map *map,
				void *context, enum machvm__range_plan *plan)
{
	kern_return_t kr = machvm__remap_judge(context, map);

	if (kr != KERN_SUCCESS || !machvm__share_needed(map))
		return kr;
	*plan = MACHVM__RANGE_STOP;
	return machvm__share_judge(target, map);
}

static kern_return_t act_move(struct machvm__space *space, const struct machvm__map *map,
			      void *context)
{
	return machvm__share_move(space, map, 0, &machvm__ledger_default, NULL);
}

static void common(const struct machvm__remap *request, const struct machvm__map *map,
		   vm_prot_t *current, vm_prot_t *maximum)
{
	unsigned now = VM_PROT_ALL, most = VM_PROT_ALL;

	for (size_t i = 0; i < map->count; i++) {
		now &= machvm__remap_current(request, &map->pieces[i]);
		most &= machvm__remap_maximum(request, &map->pieces[i]);
	}
	*current = (vm_prot_t)now;
	*maximum = (vm_prot_t)most;
}

/* What would refuse in the end is found before the source is moved for nothing. */
static kern_return_t foresee(const struct machvm__remap *request)
{
	struct machvm__map map;
	int r = machvm__map_read(request->source, request->start, request->end, 0, &map);
	kern_return_t kr = r ? machvm__error_look(request->source, r)
			     : machvm__remap_judge(request, &map);

	machvm__map_free(&map);
	return kr == KERN_SUCCESS ? machvm__placement_room(request->target, &request->placement)
				  : kr;
}

/* Two tasks share what is behind a memory entry of the source. */
static kern_return_t make_entry(struct machvm__remap *request, vm_map_t source, mach_port_t *port,
				struct machvm__port_entry **held)
{
	memory_object_size_t size = request->end - request->start;
	kern_return_t kr = mach_make_memory_entry_64(
		source, &size, request->start,
		(vm_prot_t)(MAP_MEM_VM_SHARE | VM_PROT_IS_MASK | VM_PROT_ALL), port, MACH_PORT_NULL);

	return kr == KERN_SUCCESS ? machvm__entry_hold(*port, held, &request->entry) : kr;
}

static kern_return_t remap(struct machvm__remap *request, vm_map_t source, uint64_t *address,
			   vm_prot_t *current, vm_prot_t *maximum)
{
	static const struct machvm__range_job move = {MACHVM__MAP_DETAIL, judge_move, act_move};
	bool across = !request->within;
	struct machvm__port_entry *held = NULL;
	mach_port_t port = MACH_PORT_NULL;
	struct machvm__map map = {0};
	kern_return_t kr = machvm__placement_check(request->target, &request->placement);

	if (kr == KERN_SUCCESS && !request->copy)
		kr = foresee(request);
	if (kr == KERN_SUCCESS && !request->copy && !across)
		kr = machvm__range_change(request->source, request->start, request->end, &move,
					  request);
	if (kr == KERN_SUCCESS && !request->copy && across)
		kr = make_entry(request, source, &port, &held);
	if (kr == KERN_SUCCESS)
		kr = machvm__remap_pieces(request, &map, address);
	if (kr == KERN_SUCCESS) {
		*address += request->data_offset;
		common(request, &map, current, maximum);
	}
	machvm__map_free(&map);
	if (held)
		machvm__port_release(port, held);
	if (port != MACH_PORT_NULL)
		(void)machvm__port_change(port, -1);
	return kr;
}

static kern_return_t check(struct machvm__remap *request, uint64_t address, uint64_t size,
			   uint64_t mask, int flags, uint64_t source)
{
	uint64_t page = machvm__page_size() - 1, rounded, ignored;

	if ((unsigned)flags & ~(unsigned)VM_FLAGS_USER_REMAP)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "0x%x holds flags that vm_remap does not have", (unsigned)flags);
	if (request->inheritance > VM_INHERIT_LAST_VALID)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "%u is no inheritance", request->inheritance);
	if (size == 0)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "the size is 0");
	if (flags & VM_FLAGS_RETURN_DATA_ADDR) {
		request->data_offset = source & page;
		if (__builtin_add_overflow(size, source & page, &size))
			return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	}
	rounded = (size + page) & ~page;
	request->start = source & ~page;
	if (!rounded || __builtin_add_overflow(request->start, rounded, &request->end))
		return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	request->placement = (struct machvm__placement){
		.address = address & ~page,
		.size = rounded,
		.mask = mask,
		.anywhere = (flags & VM_FLAGS_ANYWHERE) != 0,
		.hinted = (address & ~page) != 0,
		.overwrite = (flags & VM_FLAGS_OVERWRITE) != 0,
		.protection = PROT_NONE,
		/* A child shares a copy that was made to be shared. */
		.flags = (request->copy && request->inheritance == VM_INHERIT_SHARE ? MAP_SHARED
										    : MAP_PRIVATE) |
			 MAP_ANONYMOUS | MAP_NORESERVE,
		.fd = -1,
	};
	if (!request->placement.anywhere &&
	    __builtin_add_overflow(request->placement.address, rounded, &ignored))
		return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	return KERN_SUCCESS;
}

/*
 * Two ports can name one process: two that live have different numbers. What shares then
 * goes by the one that was received, which ends with the program that it is for.
 */
static void name_tasks(struct machvm__remap *request, struct machvm__target *target,
		       struct machvm__target *source)
{
	request->target = target;
	request->source = source;
	request->within = target == source ||
			  (!target->own && !source->own &&
			   (target->numbers.tgid || target->numbers.proc_tgid) &&
			   target->numbers.tgid == source->numbers.tgid &&
			   target->numbers.proc_tgid == source->numbers.proc_tgid);
	if (request->within && !request->copy)
		request->target = request->source = source->received ? source : target;
}

static kern_return_t remap_held(struct machvm__remap *request, vm_map_t source, uint64_t *address,
				uint64_t size, uint64_t mask, int flags, uint64_t source_address,
				vm_prot_t *current, vm_prot_t *maximum)
{
	kern_return_t kr = check(request, *address, size, mask, flags, source_address);

	return kr == KERN_SUCCESS ? remap(request, source, address, current, maximum) : kr;
}

kern_return_t mach_vm_remap(vm_map_t target_task, mach_vm_address_t *target_address,
			    mach_vm_size_t size, mach_vm_offset_t mask, int flags,
			    vm_map_t src_task, mach_vm_address_t src_address, boolean_t copy,
			    vm_prot_t *cur_protection, vm_prot_t *max_protection,
			    vm_inherit_t inheritance)
{
	struct machvm__remap request = {.copy = copy != 0, .inheritance = inheritance};
	struct machvm__hold hold, source;
	uint64_t at = *target_address;
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = machvm__range_hold(src_task, MACHVM_RIGHT_CONTROL, &source);
	if (kr == KERN_SUCCESS) {
		name_tasks(&request, hold.target, source.target);
		kr = remap_held(&request, src_task, &at, size, mask, flags, src_address,
				cur_protection, max_protection);
		machvm__task_release(&source);
	}
	machvm__task_release(&hold);
	if (kr == KERN_SUCCESS)
		*target_address = at;
	return kr;
}

kern_return_t vm_remap(vm_map_t target_task, vm_address_t *target_address, vm_size_t size,
		       vm_address_t mask, int flags, vm_map_t src_task, vm_address_t src_address,
		       boolean_t copy, vm_prot_t *cur_protection, vm_prot_t *max_protection,
		       vm_inherit_t inheritance)
{
	mach_vm_address_t at = *target_address;
	kern_return_t kr = mach_vm_remap(target_task, &at, size, mask, flags, src_task, src_address,
					 copy, cur_protection, max_protection, inheritance);

	if (kr == KERN_SUCCESS)
		*target_address = (vm_address_t)at;
	return kr;
}

/* What is asked for, or with VM_PROT_IS_MASK as much of it as every piece has. */
static kern_return_t choose(struct machvm__remap *request, vm_prot_t current, vm_prot_t maximum)
{
	if ((current | maximum) & ~(VM_PROT_ALL | VM_PROT_IS_MASK) ||
	    (current & ~maximum & VM_PROT_ALL))
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "0x%x within 0x%x is no pair of protections",
				     (unsigned)current, (unsigned)maximum);
	if ((maximum & (VM_PROT_WRITE | VM_PROT_EXECUTE)) == (VM_PROT_WRITE | VM_PROT_EXECUTE))
		return machvm__error(KERN_PROTECTION_FAILURE, "argument check",
				     "memory that is remapped is never to be written and executed");
	request->chosen = true;
	request->current = (unsigned)current & VM_PROT_ALL;
	request->maximum = (unsigned)maximum & VM_PROT_ALL;
	return KERN_SUCCESS;
}

static kern_return_t apply_mask(struct machvm__remap *request)
{
	struct machvm__map map;
	int r = machvm__map_read(request->source, request->start, request->end,
				 MACHVM__MAP_EXECUTE, &map);

	for (size_t i = 0; r == 0 && i < map.count; i++) {
		request->current &= map.pieces[i].vma.access;
		request->maximum &= map.pieces[i].maximum;
	}
	machvm__map_free(&map);
	return r ? machvm__error_look(request->source, r) : KERN_SUCCESS;
}

static kern_return_t remap_chosen(struct machvm__remap *request, vm_map_t source, uint64_t *address,
				  uint64_t size, uint64_t mask, int flags, uint64_t source_address,
				  vm_prot_t *current, vm_prot_t *maximum)
{
	kern_return_t kr = check(request, *address, size, mask, flags | VM_FLAGS_RETURN_DATA_ADDR,
				 source_address);

	if (kr == KERN_SUCCESS)
		kr = choose(request, *current, *maximum);
	if (kr == KERN_SUCCESS && (*current | *maximum) & VM_PROT_IS_MASK)
		kr = apply_mask(request);
	return kr == KERN_SUCCESS ? remap(request, source, address, current, maximum) : kr;
}

kern_return_t mach_vm_remap_new(vm_map_t target_task, mach_vm_address_t *target_address,
				mach_vm_size_t size, mach_vm_offset_t mask, int flags,
				vm_map_read_t src_task, mach_vm_address_t src_address,
				boolean_t copy, vm_prot_t *cur_protection,
				vm_prot_t *max_protection, vm_inherit_t inheritance)
{
	struct machvm__remap request = {.copy = copy != 0, .inheritance = inheritance};
	struct machvm__hold hold, source;
	uint64_t at = *target_address;
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = machvm__range_hold(src_task, copy ? MACHVM_RIGHT_READ : MACHVM_RIGHT_CONTROL, &source);
	if (kr == KERN_SUCCESS) {
		name_tasks(&request, hold.target, source.target);
		kr = remap_chosen(&request, src_task, &at, size, mask, flags, src_address,
				  cur_protection, max_protection);
		machvm__task_release(&source);
	}
	machvm__task_release(&hold);
	if (kr == KERN_SUCCESS)
		*target_address = at;
	return kr;
}

kern_return_t vm_remap_new(vm_map_t target_task, vm_address_t *target_address, vm_size_t size,
			   vm_address_t mask, int flags, vm_map_read_t src_task,
			   vm_address_t src_address, boolean_t copy, vm_prot_t *cur_protection,
			   vm_prot_t *max_protection, vm_inherit_t inheritance)
{
	mach_vm_address_t at = *target_address;
	kern_return_t kr = mach_vm_remap_new(target_task, &at, size, mask, flags, src_task,
					     src_address, copy, cur_protection, max_protection,
					     inheritance);

	if (kr == KERN_SUCCESS)
		*target_address = (vm_address_t)at;
	return kr;
}
