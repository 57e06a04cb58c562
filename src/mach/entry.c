/* SPDX-License-Identifier: MIT */
/* entry.c - mach_make_memory_entry_64 and mach_make_memory_entry. */
#include "entry.h"

#include <errno.h>
#include <inttypes.h>
#include <mach/memory_object_types.h>
#include <mach/vm_map.h>
#include <mach/vm_prot.h>
#include <stdio.h>
#include <sys/mman.h>

#include "descriptor.h"
#include "own_call.h"
#include "range.h"
#include "share.h"
#include "transfer.h"

#define MOST_PAGES UINT64_C(0xffffffff)

struct request {
	uint64_t start, end; /* whole pages */
	uint64_t data_offset;
	unsigned protection;
	bool mask;  /* VM_PROT_IS_MASK */
	bool share; /* MAP_MEM_VM_SHARE */
	struct machvm__entry entry;
};

static kern_return_t shortage(int error)
{
	return machvm__error_system(KERN_RESOURCE_SHORTAGE, error, "memfd_create",
				    "no memory object can be made here");
}

static kern_return_t create(uint64_t *size, vm_prot_t permission, mach_port_t *handle)
{
	uint64_t mask = machvm__page_size() - 1, rounded = (*size + mask) & ~mask;
	struct machvm__entry entry = {.protection = (unsigned)permission & VM_PROT_ALL};
	kern_return_t kr;

	if (*size == 0) {
		*handle = MACH_PORT_NULL;
		return KERN_SUCCESS;
	}
	if (permission & MAP_MEM_PURGABLE && !(permission & VM_PROT_WRITE))
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "purgeable memory must be writable");
	if (rounded < *size || rounded / machvm__page_size() > MOST_PAGES)
		return machvm__error(KERN_FAILURE, "argument check",
				     "an entry has at most 2^32 - 1 pages");
	entry.size = rounded;
	entry.fd = machvm__entry_memory(rounded);
	if (entry.fd < 0)
		return shortage(-entry.fd);
	kr = machvm__entry_new(&entry, handle);
	if (kr == KERN_SUCCESS)
		*size = rounded;
	return kr;
}

/* The bytes of the range, as a read would find them, in a memfd of our own. */
static kern_return_t snapshot(struct machvm__target *target, struct request *request)
{
	uint64_t size = request->end - request->start;
	struct machvm__fault why;
	int64_t at;
	bool good;
	int fd = size > SIZE_MAX ? -ENOMEM : machvm__entry_memory(size);

	if (fd < 0)
		return shortage(-fd);
	at = machvm__own_call(MACHVM__CALL_MMAP,
			      (const uint64_t[6]){0, size, PROT_READ | PROT_WRITE, MAP_SHARED,
						  (uint64_t)fd, 0});
	if (at < 0) {
		machvm__descriptor_close(fd);
		return shortage((int)-at);
	}
	good = machvm__transfer_fetch(target, request->start, (void *)(uintptr_t)at, (size_t)size,
				      &why);
	(void)machvm__own_call(MACHVM__CALL_MUNMAP, (const uint64_t[6]){(uint64_t)at, size});
	if (!good) {
		machvm__descriptor_close(fd);
		return machvm__error_fault(target, &why);
	}
	request->entry = (struct machvm__entry){
		.fd = fd, .size = size, .protection = request->protection, .copy = true};
	return KERN_SUCCESS;
}

static unsigned available(const struct request *request, const struct machvm__piece *piece)
{
	return request->share ? piece->maximum : piece->vma.access & VM_PROT_ALL;
}

/* Do the pieces follow each other in one file? */
static bool is_one_file(const struct machvm__map *map)
{
	const struct machvm__vma *first = &map->pieces[0].vma;

	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__vma *vma = &map->pieces[i].vma;

		if (!(vma->access & MACHVM__VMA_SHARED) || vma->inode != first->inode ||
		    vma->device_major != first->device_major ||
		    vma->device_minor != first->device_minor ||
		    vma->offset - vma->start != first->offset - first->start)
			return false;
	}
	return true;
}

static kern_return_t judge(struct machvm__target *target, const struct machvm__map *map,
			   void *context, enum machvm__range_plan *plan)
{
	struct request *request = context;

	for (size_t i = 0; i < map->count; i++) {
		unsigned most = available(request, &map->pieces[i]);

		if (request->mask)
			request->protection &= most;
		if (request->protection & ~most || (request->mask && !request->protection))
			return machvm__error_at(target, map->pieces[i].start,
						KERN_PROTECTION_FAILURE, 0, "argument check",
						"does not have the protection that is asked for");
	}
	if (!map->whole)
		return machvm__range_unmapped(target, map->hole);
	*plan = MACHVM__RANGE_STOP;
	if (is_one_file(map))
		return KERN_SUCCESS;
	for (size_t i = 0; i < map->count; i++)
		if (map->pieces[i].vma.access & MACHVM__VMA_SHARED || map->pieces[i].special)
			return machvm__error_at(target, map->pieces[i].start, KERN_NOT_SUPPORTED, 0,
						"argument check", "is another object than the rest of "
						"the range");
	return machvm__share_judge(target, map);
}

/* The file behind shared memory, by the link that /proc has for each region. */
static kern_return_t open_file(struct machvm__target *target, const struct machvm__map *map,
			       struct request *request)
{
	const struct machvm__vma *vma = &map->pieces[0].vma;
	bool writable = (request->protection & MACHVM__VMA_WRITE) != 0;
	char name[64];
	int fd;

	snprintf(name, sizeof name, "map_files/%" PRIx64 "-%" PRIx64, vma->start, vma->end);
	fd = machvm__target_open_stopped(target, name, writable);
	if (fd < 0)
		return machvm__error_at(target, vma->start, KERN_NOT_SUPPORTED, -fd, "open",
					"is shared memory whose object cannot be opened; that takes "
					"CAP_CHECKPOINT_RESTORE");
	request->entry = (struct machvm__entry){
		.fd = fd,
		.offset = vma->offset + (map->start - vma->start),
		.size = map->end - map->start,
		.protection = request->protection,
	};
	return KERN_SUCCESS;
}

static kern_return_t act(struct machvm__space *space, const struct machvm__map *map, void *context)
{
	struct request *request = context;
	kern_return_t kr;
	int fd = -1;

	if (is_one_file(map))
		return open_file(space->target, map, request);
	kr = machvm__share_move(space, map, 0, &machvm__ledger_default, &fd);
	if (kr == KERN_SUCCESS)
		request->entry = (struct machvm__entry){
			.fd = fd, .size = map->end - map->start, .protection = request->protection};
	return kr;
}

/* Without MAP_MEM_VM_SHARE an entry is of the first region alone. */
static kern_return_t first_region(struct machvm__target *target, struct request *request)
{
	struct machvm__vma vma;
	int r = machvm__target_region(target, request->start, &vma, NULL, 0);

	if (r == -ENOENT || (r == 0 && vma.start > request->start))
		return machvm__range_unmapped(target, request->start);
	if (r)
		return machvm__error_look(target, r);
	if (vma.end < request->end)
		request->end = vma.end;
	return KERN_SUCCESS;
}

static kern_return_t of_range(struct machvm__target *target, uint64_t *size, uint64_t offset,
			      vm_prot_t permission, mach_port_t *handle)
{
	static const struct machvm__range_job job = {MACHVM__MAP_DETAIL, judge, act};
	struct request request = {
		.protection = (unsigned)permission & VM_PROT_ALL,
		.mask = (permission & VM_PROT_IS_MASK) != 0,
		.share = (permission & MAP_MEM_VM_SHARE) != 0,
	};
	kern_return_t kr = KERN_SUCCESS;
	uint64_t covered;

	if (*size == 0 || !machvm__range_pages(offset, *size, &request.start, &request.end))
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "the range is empty, or wraps around the end of the address "
				     "space");
	if (permission & (MAP_MEM_USE_DATA_ADDR | MAP_MEM_4K_DATA_ADDR))
		request.data_offset = offset & (machvm__page_size() - 1);
	if (!(permission & (MAP_MEM_VM_COPY | MAP_MEM_VM_SHARE)))
		kr = first_region(target, &request);
	if (kr == KERN_SUCCESS)
		kr = permission & MAP_MEM_VM_COPY
			     ? snapshot(target, &request)
			     : machvm__range_change(target, request.start, request.end, &job, &request);
	if (kr != KERN_SUCCESS)
		return kr;
	request.entry.data_offset = request.data_offset;
	covered = request.entry.size;
	kr = machvm__entry_new(&request.entry, handle);
	if (kr != KERN_SUCCESS)
		return kr;
	if (permission & (MAP_MEM_USE_DATA_ADDR | MAP_MEM_4K_DATA_ADDR)) {
		covered -= request.data_offset;
		*size = covered < *size ? covered : *size;
	} else {
		*size = covered;
	}
	return KERN_SUCCESS;
}

/* A part of another entry. */
static kern_return_t of_parent(uint64_t *size, uint64_t offset, vm_prot_t permission,
			       mach_port_t *handle, mach_port_t parent)
{
	uint64_t mask = machvm__page_size() - 1, start = 0, end = 0;
	const struct machvm__entry *whole;
	struct machvm__port_entry *held;
	struct machvm__entry part;
	kern_return_t kr = machvm__entry_hold(parent, &held, &whole);

	if (kr != KERN_SUCCESS)
		return machvm__error(KERN_INVALID_ARGUMENT, "port lookup",
				     "port 0x%x is no memory entry", parent);
	part = *whole;
	if (*size == 0 || !machvm__range_pages(offset, *size, &start, &end) || end > whole->size ||
	    whole->copy)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				   "the parent is a snapshot, or the range is empty or leaves it");
	part.protection = (unsigned)permission & VM_PROT_ALL;
	if (permission & VM_PROT_IS_MASK)
		part.protection &= whole->protection;
	if (kr == KERN_SUCCESS && part.protection & ~whole->protection)
		kr = machvm__error(KERN_INVALID_RIGHT, "argument check",
				   "the parent does not grant this protection");
	if (kr == KERN_SUCCESS) {
		part.offset += start;
		part.size = end - start;
		part.data_offset = permission & MAP_MEM_USE_DATA_ADDR ? offset & mask : 0;
		part.fd = machvm__descriptor_duplicate(whole->fd);
		kr = part.fd < 0 ? shortage(-part.fd) : machvm__entry_new(&part, handle);
	}
	machvm__port_release(parent, held);
	if (kr == KERN_SUCCESS && !(permission & MAP_MEM_USE_DATA_ADDR))
		*size = part.size;
	return kr;
}

static kern_return_t check_permission(vm_prot_t permission)
{
	unsigned known = MAP_MEM_FLAGS_USER | 0xff000000u | 0xffu;

	if ((unsigned)permission & ~known)
		return machvm__error(KERN_INVALID_VALUE, "argument check",
				     "0x%x holds unknown flags", (unsigned)permission);
	if ((unsigned)permission & 0xff & ~(unsigned)(VM_PROT_ALL | VM_PROT_IS_MASK))
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "0x%x holds bits that are no protection",
				     (unsigned)permission & 0xff);
	if (permission & (MAP_MEM_LEDGER_TAGGED | MAP_MEM_ONLY))
		return machvm__error(KERN_NOT_SUPPORTED, "argument check",
				     "ledgers and the caching of memory are not for programs here");
	return KERN_SUCCESS;
}

kern_return_t mach_make_memory_entry_64(vm_map_t target_task, memory_object_size_t *size,
					memory_object_offset_t offset, vm_prot_t permission,
					mach_port_t *object_handle,
					mem_entry_name_port_t parent_handle)
{
	struct machvm__hold hold = {0};
	uint64_t bytes = *size;
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr == KERN_INVALID_ARGUMENT && permission & MAP_MEM_NAMED_CREATE)
		return machvm__error(KERN_INVALID_TASK, "task lookup",
				     "port 0x%x is not a task, or not one with the control right",
				     target_task);
	if (kr != KERN_SUCCESS)
		return kr;
	kr = check_permission(permission);
	if (kr != KERN_SUCCESS)
		;
	else if (permission & MAP_MEM_NAMED_CREATE)
		kr = create(&bytes, permission, object_handle);
	else if (parent_handle != MACH_PORT_NULL)
		kr = of_parent(&bytes, offset, permission, object_handle, parent_handle);
	else
		kr = of_range(hold.target, &bytes, offset, permission, object_handle);
	machvm__task_release(&hold);
	if (kr == KERN_SUCCESS)
		*size = bytes;
	return kr;
}

kern_return_t mach_make_memory_entry(vm_map_t target_task, vm_size_t *size, vm_offset_t offset,
				     vm_prot_t permission, mem_entry_name_port_t *object_handle,
				     mem_entry_name_port_t parent_entry)
{
	memory_object_size_t bytes = *size;
	kern_return_t kr = mach_make_memory_entry_64(target_task, &bytes, offset, permission,
						     object_handle, parent_entry);

	if (kr == KERN_SUCCESS)
		*size = (vm_size_t)bytes;
	return kr;
}
