/* SPDX-License-Identifier: MIT */
/*
 * remap.c - vm_remap and vm_remap_new in both spellings.
 *
 * Room is taken first, as one region without access; the pieces are put over it. What
 * takes the place of something else, the source itself maybe, is made beside it and moved.
 * Within one task a shared piece is a second mapping that mremap makes from the
 * first (an old size of 0, which only shared memory has). Between two tasks it is the
 * source's memory entry, mapped. A snapshot is read and written.
 */
#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/memory_object_types.h>
#include <mach/vm_inherit.h>
#include <mach/vm_map.h>
#include <mach/vm_prot.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "allocate.h"
#include "entry.h"
#include "own_memory.h"
#include "range.h"
#include "share.h"

#define CHUNK ((size_t)256 << 10)

struct request {
	struct machvm__target *target;
	struct machvm__target *source;
	uint64_t start, end; /* of the source, whole pages */
	uint64_t data_offset;
	struct machvm__placement placement;
	vm_inherit_t inheritance;
	bool copy;
	bool within; /* one process, whatever its ports are called */
	bool chosen; /* remap_new: the protections below are asked for */
	unsigned current, maximum;
	const struct machvm__entry *entry; /* sharing between two tasks */
};

static unsigned current_of(const struct request *request, const struct machvm__piece *piece)
{
	return request->chosen ? request->current : piece->vma.access & VM_PROT_ALL;
}

static unsigned maximum_of(const struct request *request, const struct machvm__piece *piece)
{
	return request->chosen ? request->maximum
			       : request->copy ? piece->attributes.maximum : piece->maximum;
}

static kern_return_t judge_source(const struct request *request, const struct machvm__map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];

		if (request->chosen && !request->copy &&
		    (request->current & ~piece->vma.access || request->maximum & ~piece->maximum))
			return machvm__error_at(request->source, piece->start,
						KERN_PROTECTION_FAILURE, 0, "argument check",
						"does not permit what is asked for");
		if (!request->copy && piece->special)
			return machvm__error_at(request->source, piece->start, KERN_NOT_SUPPORTED, 0,
						"argument check", "is memory of the kernel's own");
	}
	return map->whole ? KERN_SUCCESS : machvm__range_unmapped(request->source, map->hole);
}

/* Making private memory of the source shareable, before the target is touched. */
static kern_return_t judge_move(struct machvm__target *target, const struct machvm__map *map,
				void *context, enum machvm__range_plan *plan)
{
	kern_return_t kr = judge_source(context, map);

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

static kern_return_t refused(struct machvm__space *space, int64_t r, const char *step)
{
	if (space->broken)
		return machvm__error_space(space, space->broken);
	return machvm__error_system(r == -EACCES || r == -EPERM ? KERN_PROTECTION_FAILURE
								: KERN_RESOURCE_SHORTAGE,
				    (int)-r, step, "process %d cannot map this memory once more",
				    machvm__error_pid(space->target));
}

static kern_return_t protect(struct machvm__space *space, uint64_t at, uint64_t size,
			     unsigned access)
{
	int64_t r = machvm__space_protect(space, at, at + size, access);

	return r < 0 ? refused(space, r, "mprotect") : KERN_SUCCESS;
}

static kern_return_t put_again(struct machvm__space *space, const struct machvm__piece *piece,
			       uint64_t to)
{
	int64_t r = machvm__space_call(space, MACHVM__CALL_MREMAP, piece->start, 0,
				       piece->end - piece->start, MREMAP_MAYMOVE | MREMAP_FIXED, to,
				       0);

	if (r < 0)
		return refused(space, r, "mremap");
	/* It is like the first, which children may not get and which may be locked. */
	(void)machvm__space_advise(space, to, to + (piece->end - piece->start), MADV_DOFORK);
	(void)machvm__space_call(space, MACHVM__CALL_MUNLOCK, to, piece->end - piece->start, 0, 0, 0,
				 0);
	return KERN_SUCCESS;
}

static kern_return_t put_entry(struct machvm__space *space, const struct request *request,
			       const struct machvm__piece *piece, uint64_t to)
{
	bool writable = (request->entry->protection & MACHVM__VMA_WRITE) != 0;
	int fd = machvm__entry_lend(space, request->entry->fd, writable);
	int64_t r;

	if (fd < 0)
		return machvm__error_system(KERN_DENIED, -fd, "lend",
					    "process %d may not open the memory of process %d",
					    machvm__error_pid(request->target),
					    machvm__error_pid(request->source));
	r = machvm__space_call(space, MACHVM__CALL_MMAP, to, piece->end - piece->start, PROT_NONE,
			       MAP_SHARED | MAP_FIXED | MAP_NORESERVE, (uint64_t)fd,
			       request->entry->offset + (piece->start - request->start));
	machvm__entry_take_back(space, fd);
	return r < 0 ? refused(space, r, "mmap") : KERN_SUCCESS;
}

/* Read, whatever its protection is: no permission of the source is needed for a remap. */
static kern_return_t put_copy(struct machvm__space *space, const struct request *request,
			      const struct machvm__piece *piece, uint64_t to, char *buffer)
{
	uint64_t size = piece->end - piece->start;
	kern_return_t kr = protect(space, to, size, PROT_READ | PROT_WRITE);

	for (uint64_t at = 0; kr == KERN_SUCCESS && at < size; at += CHUNK) {
		size_t part = size - at < CHUNK ? (size_t)(size - at) : CHUNK, done = 0;
		int r = machvm__target_force(request->source, MACHVM__READ, piece->start + at, buffer,
					     part, &done);

		if (r)
			return machvm__error_at(request->source, piece->start + at + done,
						KERN_MEMORY_ERROR, -r, "copy",
						"is a page that cannot be supplied");
		r = machvm__target_force(request->target, MACHVM__WRITE, to + at, buffer, part, &done);
		if (r)
			kr = refused(space, r, "copy");
	}
	return kr;
}

static kern_return_t put(struct machvm__space *space, const struct request *request,
			 const struct machvm__piece *piece, uint64_t to, char *buffer)
{
	kern_return_t kr;

	if (request->copy)
		kr = put_copy(space, request, piece, to, buffer);
	else if (request->entry)
		kr = put_entry(space, request, piece, to);
	else
		kr = put_again(space, piece, to);
	if (kr == KERN_SUCCESS)
		kr = protect(space, to, piece->end - piece->start, current_of(request, piece));
	return kr;
}

/* Ledger entries of what has been mapped: maxima, and what a child gets. */
static kern_return_t enter(struct machvm__space *space, const struct request *request,
			   const struct machvm__map *map, uint64_t address)
{
	uint64_t size = request->placement.size;
	kern_return_t kr = KERN_SUCCESS;

	if (request->inheritance == VM_INHERIT_NONE)
		(void)machvm__space_advise(space, address, address + size, MADV_DONTFORK);
	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		struct machvm__attributes attributes = machvm__ledger_default;
		int r;

		attributes.maximum = (uint8_t)maximum_of(request, piece);
		attributes.inheritance = (uint8_t)request->inheritance;
		r = machvm__allocate_enter(request->target, address + piece->start - map->start,
					   piece->end - piece->start, &attributes);
		if (r)
			kr = machvm__error_look(request->target, r);
	}
	return kr;
}

static bool takes_a_place(const struct request *request)
{
	return request->placement.overwrite && !request->placement.anywhere;
}

static kern_return_t fill(struct machvm__space *space, const struct request *request,
			  const struct machvm__map *map, uint64_t *address)
{
	char *buffer = request->copy ? machvm__own_memory_map(CHUNK) : NULL;
	struct machvm__placement room = request->placement;
	kern_return_t kr = KERN_SUCCESS;
	bool placed;

	if (takes_a_place(request)) {
		room.anywhere = true;
		room.hinted = false;
		room.mask = 0;
	}
	if (request->copy && !buffer)
		kr = machvm__error_look(request->target, -ENOMEM);
	else
		kr = machvm__allocate_place(space, &room, address);
	placed = kr == KERN_SUCCESS;
	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++)
		kr = put(space, request, &map->pieces[i],
			 *address + map->pieces[i].start - map->start, buffer);
	if (kr == KERN_SUCCESS && takes_a_place(request)) {
		kr = machvm__allocate_move(space, map, *address, request->placement.address);
		if (kr == KERN_SUCCESS)
			*address = request->placement.address;
	}
	if (kr == KERN_SUCCESS)
		kr = enter(space, request, map, *address);
	if (placed && kr != KERN_SUCCESS)
		(void)machvm__space_unmap(space, *address, *address + request->placement.size);
	machvm__own_memory_unmap(buffer, CHUNK);
	return kr;
}

static kern_return_t map_pieces(const struct request *request, struct machvm__map *map,
				uint64_t *address)
{
	struct machvm__space space;
	kern_return_t kr = KERN_SUCCESS;
	int r = machvm__map_read(request->source, request->start, request->end, 0, map);

	if (r)
		return machvm__error_look(request->source, r);
	kr = judge_source(request, map);
	if (kr != KERN_SUCCESS)
		return kr;
	/* A page of another size at an edge widens the range. */
	if (map->start != request->start || map->end != request->end)
		return machvm__error_at(request->source, request->start, KERN_NOT_SUPPORTED, 0,
					"argument check", "is part of a huge page");
	r = -ESTALE;
	machvm__space_lock(request->target);
	for (int i = 0; r == -ESTALE && i < MACHVM__RANGE_ATTEMPTS; i++)
		r = machvm__space_open(&space, request->target, 0);
	if (r == 0) {
		kr = fill(&space, request, map, address);
		r = machvm__space_close(&space);
	}
	if (r && kr == KERN_SUCCESS)
		kr = machvm__error_space(&space, r);
	machvm__space_unlock(request->target);
	return kr;
}

static void common(const struct request *request, const struct machvm__map *map,
		   vm_prot_t *current, vm_prot_t *maximum)
{
	unsigned now = VM_PROT_ALL, most = VM_PROT_ALL;

	for (size_t i = 0; i < map->count; i++) {
		now &= current_of(request, &map->pieces[i]);
		most &= maximum_of(request, &map->pieces[i]);
	}
	*current = (vm_prot_t)now;
	*maximum = (vm_prot_t)most;
}

/* What would refuse in the end is found before the source is moved for nothing. */
static kern_return_t foresee(const struct request *request)
{
	struct machvm__map map;
	int r = machvm__map_read(request->source, request->start, request->end, 0, &map);
	kern_return_t kr = r ? machvm__error_look(request->source, r) : judge_source(request, &map);

	machvm__map_free(&map);
	return kr == KERN_SUCCESS ? machvm__allocate_room(request->target, &request->placement) : kr;
}

/* Two tasks share what is behind a memory entry of the source. */
static kern_return_t make_entry(struct request *request, vm_map_t source, mach_port_t *port,
				struct machvm__port_entry **held)
{
	memory_object_size_t size = request->end - request->start;
	kern_return_t kr = mach_make_memory_entry_64(
		source, &size, request->start,
		(vm_prot_t)(MAP_MEM_VM_SHARE | VM_PROT_IS_MASK | VM_PROT_ALL), port, MACH_PORT_NULL);

	return kr == KERN_SUCCESS ? machvm__entry_hold(*port, held, &request->entry) : kr;
}

static kern_return_t remap(struct request *request, vm_map_t source, uint64_t *address,
			   vm_prot_t *current, vm_prot_t *maximum)
{
	static const struct machvm__range_job move = {MACHVM__MAP_DETAIL, judge_move, act_move};
	bool across = !request->within;
	struct machvm__port_entry *held = NULL;
	mach_port_t port = MACH_PORT_NULL;
	struct machvm__map map = {0};
	kern_return_t kr = machvm__allocate_check(request->target, &request->placement);

	if (kr == KERN_SUCCESS && !request->copy)
		kr = foresee(request);
	if (kr == KERN_SUCCESS && !request->copy && !across)
		kr = machvm__range_change(request->source, request->start, request->end, &move,
					  request);
	if (kr == KERN_SUCCESS && !request->copy && across)
		kr = make_entry(request, source, &port, &held);
	if (kr == KERN_SUCCESS)
		kr = map_pieces(request, &map, address);
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

static kern_return_t check(struct request *request, uint64_t address, uint64_t size, uint64_t mask,
			   int flags, uint64_t source)
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
static void name_tasks(struct request *request, struct machvm__target *target,
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

static kern_return_t remap_held(struct request *request, vm_map_t source, uint64_t *address,
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
	struct request request = {.copy = copy != 0, .inheritance = inheritance};
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
static kern_return_t choose(struct request *request, vm_prot_t current, vm_prot_t maximum)
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

static kern_return_t apply_mask(struct request *request)
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

static kern_return_t remap_chosen(struct request *request, vm_map_t source, uint64_t *address,
				  uint64_t size, uint64_t mask, int flags,
				  uint64_t source_address, vm_prot_t *current, vm_prot_t *maximum)
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
	struct request request = {.copy = copy != 0, .inheritance = inheritance};
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
