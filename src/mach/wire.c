/* SPDX-License-Identifier: MIT */
/*
 * wire.c - vm_wire in both spellings: mlock with counts. A lock of the target's own
 * counts as one wiring, as it does in XNU.
 */
#include <errno.h>
#include <mach/host_priv.h>
#include <mach/mach_vm.h>
#include <mach/vm_prot.h>
#include <stdlib.h>

#include "range.h"

struct request {
	unsigned access; /* 0: unwire */
	uint64_t start;  /* the first page */
};

static unsigned wirings(const struct machvm__piece *piece)
{
	if (piece->attributes.wired)
		return piece->attributes.wired;
	return piece->flags & MACHVM__VM_LOCKED ? 1 : 0;
}

static kern_return_t judge_wire(struct machvm__target *target, const struct machvm__map *map,
				const struct request *request)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];

		if (request->access & ~piece->vma.access)
			return machvm__error_at(target, piece->start, KERN_PROTECTION_FAILURE, 0,
						"argument check",
						"does not permit the access it is to be wired for");
		if (wirings(piece) == UINT16_MAX)
			return machvm__error_at(target, piece->start, KERN_RESOURCE_SHORTAGE, 0,
						"argument check", "is wired too often");
	}
	return map->whole ? KERN_SUCCESS : machvm__range_unmapped(target, map->hole);
}

static kern_return_t judge(struct machvm__target *target, const struct machvm__map *map,
			   void *context, enum machvm__range_plan *plan)
{
	const struct request *request = context;

	if (request->access) {
		*plan = MACHVM__RANGE_CALLS;
		return judge_wire(target, map, request);
	}
	if (!map->whole && map->hole == request->start)
		return machvm__range_unmapped(target, map->hole);
	for (size_t i = 0; i < map->count; i++)
		if (wirings(&map->pieces[i]))
			*plan = MACHVM__RANGE_CALLS;
	return KERN_SUCCESS;
}

/* Mach's counts after the call, prepared before it. */
static int prepare(struct machvm__target *target, const struct machvm__map *map, bool wire,
		   struct machvm__ledger_change *change)
{
	struct machvm__ledger_piece *pieces = calloc(map->count + 1, sizeof *pieces);
	int r;

	if (!pieces)
		return -ENOMEM;
	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		unsigned count = wirings(piece);

		pieces[i] = (struct machvm__ledger_piece){piece->start, piece->end, piece->vma,
							  piece->attributes};
		count = wire ? count + 1 : count ? count - 1 : 0;
		pieces[i].attributes.wired = (uint16_t)count;
	}
	r = machvm__ledger_prepare(target, map->start, map->end, pieces, map->count, change);
	free(pieces);
	return r;
}

static int64_t lock_call(struct machvm__space *space, enum machvm__call call,
			 const struct machvm__piece *piece)
{
	return machvm__space_call(space, call, piece->start, piece->end - piece->start, 0, 0, 0, 0);
}

static kern_return_t not_wired(struct machvm__space *space, const struct machvm__piece *piece,
			       int error)
{
	uint64_t bad;

	if (space->broken)
		return machvm__error_space(space, space->broken);
	if (error == ENOMEM &&
	    machvm__target_probe(space->target, piece->start, piece->end, &bad) == -EFAULT)
		return machvm__error_at(space->target, bad, KERN_MEMORY_ERROR, error, "mlock",
					"is a page that cannot be supplied");
	return machvm__error_at(space->target, piece->start, KERN_RESOURCE_SHORTAGE, error, "mlock",
				"cannot be locked: the limit RLIMIT_MEMLOCK of the process, memory "
				"or mappings are used up");
}

static kern_return_t wire(struct machvm__space *space, const struct machvm__map *map)
{
	kern_return_t kr = KERN_SUCCESS;
	size_t i;

	for (i = 0; kr == KERN_SUCCESS && i < map->count; i++) {
		int64_t r;

		if (wirings(&map->pieces[i]))
			continue;
		r = lock_call(space, MACHVM__CALL_MLOCK, &map->pieces[i]);
		if (r < 0)
			kr = not_wired(space, &map->pieces[i], (int)-r);
	}
	/* A call that fails half-way leaves its region marked as locked. */
	for (size_t done = 0; kr != KERN_SUCCESS && done < i; done++)
		if (!wirings(&map->pieces[done]))
			(void)lock_call(space, MACHVM__CALL_MUNLOCK, &map->pieces[done]);
	return kr;
}

static kern_return_t unwire(struct machvm__space *space, const struct machvm__map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		int64_t r;

		if (wirings(&map->pieces[i]) != 1)
			continue;
		r = lock_call(space, MACHVM__CALL_MUNLOCK, &map->pieces[i]);
		if (r < 0)
			return not_wired(space, &map->pieces[i], (int)-r);
	}
	return KERN_SUCCESS;
}

static kern_return_t act(struct machvm__space *space, const struct machvm__map *map, void *context)
{
	const struct request *request = context;
	struct machvm__ledger_change change;
	kern_return_t kr;
	int r = prepare(space->target, map, request->access != 0, &change);

	if (r)
		return machvm__error_look(space->target, r);
	kr = request->access ? wire(space, map) : unwire(space, map);
	if (kr == KERN_SUCCESS)
		machvm__ledger_commit(&change);
	else
		machvm__ledger_drop(&change);
	return kr;
}

static kern_return_t wire_range(struct machvm__target *target, uint64_t address, uint64_t size,
				vm_prot_t access)
{
	static const struct machvm__range_job wiring = {MACHVM__MAP_DETAIL, judge, act};
	static const struct machvm__range_job unwiring = {MACHVM__MAP_DETAIL | MACHVM__MAP_SKIP,
							  judge, act};
	struct request request = {.access = (unsigned)access};
	uint64_t end;

	if (access & ~VM_PROT_ALL)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "0x%x holds bits that are no protection", (unsigned)access);
	if (size == 0)
		return KERN_SUCCESS;
	if (!machvm__range_pages(address, size, &request.start, &end))
		return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	return machvm__range_change(target, request.start, end, access ? &wiring : &unwiring,
				    &request);
}

static kern_return_t check_host(host_priv_t host)
{
	struct machvm__port_entry *entry = machvm__port_hold(host);
	bool good = entry && entry->kind == MACHVM__PORT_HOST;

	if (entry)
		machvm__port_release(host, entry);
	if (good)
		return KERN_SUCCESS;
	return machvm__error(KERN_INVALID_HOST, "argument check", "port 0x%x is not a host", host);
}

kern_return_t mach_vm_wire(host_priv_t host, vm_map_t task, mach_vm_address_t address,
			   mach_vm_size_t size, vm_prot_t access)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = check_host(host);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = machvm__range_hold(task, MACHVM_RIGHT_CONTROL, &hold);
	if (kr == KERN_INVALID_ARGUMENT)
		return machvm__error(KERN_INVALID_TASK, "task lookup",
				     "port 0x%x is not a task, or not one with the control right",
				     task);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = wire_range(hold.target, address, size, access);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t vm_wire(host_priv_t host_priv, vm_map_t task, vm_address_t address, vm_size_t size,
		      vm_prot_t desired_access)
{
	return mach_vm_wire(host_priv, task, address, size, desired_access);
}
