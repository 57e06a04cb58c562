/* SPDX-License-Identifier: MIT */
/* map.c - vm_map, vm_map_64 and mach_vm_map: anonymous memory, and memory entries. */
#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_inherit.h>
#include <mach/vm_map.h>
#include <mach/vm_prot.h>
#include <mach/vm_purgable.h>
#include <sys/mman.h>

#include "descriptor.h"
#include "entry.h"
#include "placement.h"
#include "range.h"

struct request {
	struct machvm__target *target;
	struct machvm__placement placement;
	struct machvm__attributes attributes;
	const struct machvm__entry *entry; /* null: anonymous memory */
	struct machvm__entry snapshot;     /* of the entry's memory, for a copy of it */
	uint64_t data_offset;              /* added to the address that is returned */
};

static kern_return_t bad(const char *what, unsigned value)
{
	return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "0x%x is no %s", value, what);
}

static kern_return_t check_values(int flags, vm_prot_t current, vm_prot_t maximum,
				  vm_inherit_t inheritance, uint64_t size)
{
	if ((unsigned)flags & ~(unsigned)VM_FLAGS_USER_MAP)
		return bad("set of flags for vm_map", (unsigned)flags);
	if (current & ~(VM_PROT_ALL | VM_PROT_IS_MASK))
		return bad("protection", (unsigned)current);
	if (maximum & ~(VM_PROT_ALL | VM_PROT_IS_MASK))
		return bad("protection", (unsigned)maximum);
	if (inheritance > VM_INHERIT_LAST_VALID)
		return bad("inheritance", inheritance);
	if (size == 0)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "the size is 0");
	if (flags & VM_FLAGS_TPRO || (unsigned)flags & VM_FLAGS_SUPERPAGE_MASK)
		return machvm__error(KERN_NOT_SUPPORTED, "argument check",
				     "superpages are for vm_allocate, and VM_FLAGS_TPRO is a "
				     "feature of one of Apple's processors");
	return KERN_SUCCESS;
}

/* What the entry grants of what is asked for. */
static kern_return_t check_right(const struct machvm__entry *entry, vm_prot_t *current,
				 vm_prot_t *maximum)
{
	unsigned grants = entry->copy ? VM_PROT_ALL : entry->protection;

	if (*current & VM_PROT_IS_MASK || *maximum & VM_PROT_IS_MASK) {
		*current &= (vm_prot_t)grants;
		*maximum &= (vm_prot_t)grants;
	}
	if ((unsigned)(*current | *maximum) & VM_PROT_ALL & ~grants)
		return machvm__error(KERN_INVALID_RIGHT, "argument check",
				     "the memory entry does not grant this protection; VM_PROT_IS_MASK "
				     "takes what it grants");
	return KERN_SUCCESS;
}

static kern_return_t use_entry(struct request *request, uint64_t offset, uint64_t size, int flags,
			       bool copy)
{
	const struct machvm__entry *entry = request->entry;
	uint64_t mask = machvm__page_size() - 1, end;
	bool data = (flags & (VM_FLAGS_RETURN_DATA_ADDR | VM_FLAGS_RETURN_4K_DATA_ADDR)) != 0;

	if (__builtin_add_overflow(offset, size, &end) || end + mask < end)
		return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	if (data && __builtin_add_overflow(offset, entry->data_offset, &offset))
		return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	if (!data && offset & mask)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "the offset is not at a page; VM_FLAGS_RETURN_DATA_ADDR allows "
				     "that");
	request->data_offset = offset & mask;
	offset &= ~mask;
	size = (size + request->data_offset + mask) & ~mask;
	if (offset > entry->size || size > entry->size - offset)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "the memory entry has 0x%llx bytes, which is too few",
				     (unsigned long long)entry->size);
	request->placement.size = size;
	request->placement.offset = entry->offset + offset;
	request->placement.flags =
		(copy || entry->copy ? MAP_PRIVATE : MAP_SHARED) | MAP_NORESERVE;
	return KERN_SUCCESS;
}

/* A private mapping of a snapshot serves everybody but children who are to share it. */
static bool wants_snapshot(const struct request *request, bool copy)
{
	return request->entry->copy ? request->attributes.inheritance == VM_INHERIT_SHARE : copy;
}

/* A copy of shared memory: a private mapping of that would show later stores of others. */
static kern_return_t take_snapshot(struct request *request)
{
	const struct machvm__placement *placement = &request->placement;
	int fd = machvm__entry_snapshot(request->entry, placement->offset - request->entry->offset,
					placement->size);

	if (fd == -EFAULT)
		return machvm__error(KERN_MEMORY_ERROR, "copy",
				     "the file behind the memory entry ends before this part of it");
	if (fd < 0)
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, -fd, "copy",
					    "there is no memory for a copy of the memory entry");
	request->snapshot = (struct machvm__entry){
		.fd = fd, .size = placement->size, .protection = VM_PROT_ALL, .copy = true};
	request->entry = &request->snapshot;
	request->placement.offset = 0;
	/* Nobody else has it: where it is shared, it is with children. */
	if (request->attributes.inheritance == VM_INHERIT_SHARE)
		request->placement.flags = MAP_SHARED | MAP_NORESERVE;
	return KERN_SUCCESS;
}

/* Inheritance that the kind of mapping does not give by itself. */
static kern_return_t pass_on(struct machvm__space *space, const struct request *request,
			     uint64_t address)
{
	int64_t r;

	if (request->attributes.inheritance != VM_INHERIT_NONE)
		return KERN_SUCCESS;
	r = machvm__space_advise(space, address, address + request->placement.size, MADV_DONTFORK);
	return r < 0 ? machvm__error_look(request->target, -ENOMEM) : KERN_SUCCESS;
}

static kern_return_t place(struct machvm__space *space, const struct request *request,
			   uint64_t *address)
{
	struct machvm__placement placement = request->placement;
	kern_return_t kr;
	int fd = -1, r;

	if (request->entry) {
		bool writable = placement.flags & MAP_SHARED &&
				request->entry->protection & MACHVM__VMA_WRITE;

		fd = machvm__entry_lend(space, request->entry->fd, writable);
		if (fd < 0)
			return machvm__error_system(KERN_DENIED, -fd, "lend",
						    "process %d may not open the memory entry of this "
						    "process",
						    machvm__error_pid(request->target));
		placement.fd = fd;
	}
	kr = machvm__placement_map(space, &placement, address);
	machvm__entry_take_back(space, fd);
	if (kr != KERN_SUCCESS)
		return kr;
	if (!request->entry)
		machvm__placement_name(space, *address, placement.size, request->attributes.tag);
	kr = pass_on(space, request, *address);
	if (kr == KERN_SUCCESS) {
		r = machvm__placement_enter(request->target, *address, placement.size,
					    &request->attributes);
		if (r == 0)
			return KERN_SUCCESS;
		kr = machvm__error_look(request->target, r);
	}
	(void)machvm__space_unmap(space, *address, *address + placement.size);
	return kr;
}

static kern_return_t map(const struct request *request, uint64_t *address)
{
	kern_return_t kr = machvm__placement_check(request->target, &request->placement);
	struct machvm__space space;
	int r = -ESTALE;

	if (kr != KERN_SUCCESS)
		return kr;
	machvm__space_lock(request->target);
	for (int i = 0; r == -ESTALE && i < MACHVM__RANGE_ATTEMPTS; i++)
		r = machvm__space_open(&space, request->target, 0);
	if (r == 0) {
		kr = place(&space, request, address);
		r = machvm__space_close(&space);
	}
	if (r && kr == KERN_SUCCESS)
		kr = machvm__error_space(&space, r);
	machvm__space_unlock(request->target);
	if (kr == KERN_SUCCESS)
		*address += request->data_offset;
	return kr;
}

static void fill_placement(struct request *request, uint64_t address, uint64_t size, uint64_t mask,
			   int flags, vm_inherit_t inheritance)
{
	uint64_t page = machvm__page_size() - 1;

	request->placement = (struct machvm__placement){
		.address = address & ~page,
		.size = (size + page) & ~page,
		.mask = mask,
		.anywhere = (flags & VM_FLAGS_ANYWHERE) != 0,
		.hinted = (address & ~page) != 0,
		.overwrite = (flags & VM_FLAGS_OVERWRITE) != 0,
		.purgable = (flags & VM_FLAGS_PURGABLE) != 0,
		/* A child shares anonymous memory that was made to be shared. */
		.flags = (inheritance == VM_INHERIT_SHARE ? MAP_SHARED : MAP_PRIVATE) |
			 MAP_ANONYMOUS | MAP_NORESERVE,
		.fd = -1,
	};
	request->attributes = machvm__ledger_default;
	request->attributes.inheritance = (uint8_t)inheritance;
	request->attributes.permanent = (flags & VM_FLAGS_PERMANENT) != 0;
	VM_GET_FLAGS_ALIAS((unsigned)flags, request->attributes.tag);
	if (flags & VM_FLAGS_PURGABLE)
		request->attributes.purgable = 1 + VM_PURGABLE_NONVOLATILE;
}

kern_return_t mach_vm_map(vm_map_t target_task, mach_vm_address_t *address, mach_vm_size_t size,
			  mach_vm_offset_t mask, int flags, mem_entry_name_port_t object,
			  memory_object_offset_t offset, boolean_t copy, vm_prot_t cur_protection,
			  vm_prot_t max_protection, vm_inherit_t inheritance)
{
	struct request request = {0};
	struct machvm__port_entry *held = NULL;
	struct machvm__hold hold = {0};
	uint64_t at = *address, end;
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	request.target = hold.target;
	kr = check_values(flags, cur_protection, max_protection, inheritance, size);
	fill_placement(&request, at, size, mask, flags, inheritance);
	if (kr == KERN_SUCCESS &&
	    (!request.placement.size ||
	     (!request.placement.anywhere &&
	      __builtin_add_overflow(request.placement.address, request.placement.size, &end))))
		kr = machvm__range_wraps(KERN_INVALID_ARGUMENT);
	if (kr == KERN_SUCCESS && object != MACH_PORT_NULL)
		kr = machvm__entry_hold(object, &held, &request.entry);
	if (kr == KERN_SUCCESS && request.entry)
		kr = check_right(request.entry, &cur_protection, &max_protection);
	if (kr == KERN_SUCCESS && request.entry)
		kr = use_entry(&request, offset, size, flags, copy != 0);
	if (kr == KERN_SUCCESS && request.entry && wants_snapshot(&request, copy != 0))
		kr = take_snapshot(&request);
	if (kr == KERN_SUCCESS) {
		request.placement.protection =
			(unsigned)(cur_protection & max_protection & VM_PROT_ALL);
		request.attributes.maximum = (uint8_t)(max_protection & VM_PROT_ALL);
		kr = map(&request, &at);
	}
	if (request.entry == &request.snapshot)
		machvm__descriptor_close(request.snapshot.fd);
	if (request.entry)
		machvm__port_release(object, held);
	machvm__task_release(&hold);
	if (kr == KERN_SUCCESS)
		*address = at;
	return kr;
}

kern_return_t vm_map_64(vm_map_t target_task, vm_address_t *address, vm_size_t size,
			vm_address_t mask, int flags, mem_entry_name_port_t object,
			memory_object_offset_t offset, boolean_t copy, vm_prot_t cur_protection,
			vm_prot_t max_protection, vm_inherit_t inheritance)
{
	mach_vm_address_t at = *address;
	kern_return_t kr = mach_vm_map(target_task, &at, size, mask, flags, object, offset, copy,
				       cur_protection, max_protection, inheritance);

	if (kr != KERN_SUCCESS)
		return kr;
	if (at > UINTPTR_MAX) {
		(void)mach_vm_deallocate(target_task, at, size);
		return machvm__error(KERN_NO_SPACE, "mmap",
				     "the gap that was found is beyond the reach of this program");
	}
	*address = (vm_address_t)at;
	return KERN_SUCCESS;
}

kern_return_t vm_map(vm_map_t target_task, vm_address_t *address, vm_size_t size, vm_address_t mask,
		     int flags, mem_entry_name_port_t object, vm_offset_t offset, boolean_t copy,
		     vm_prot_t cur_protection, vm_prot_t max_protection, vm_inherit_t inheritance)
{
	return vm_map_64(target_task, address, size, mask, flags, object, offset, copy,
			 cur_protection, max_protection, inheritance);
}
