/* SPDX-License-Identifier: MIT */
/* allocate.c - vm_allocate and vm_deallocate in both spellings, on any task. */
#include "placement.h"

#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <mach/vm_prot.h>
#include <mach/vm_purgable.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "map.h"
#include "own_memory.h"
#include "range.h"

#define SUPERPAGE ((uint64_t)2 << 20)
/* log2 of 2 MiB in the bits of mmap's flags that choose a huge page size. */
#define MAP_2MB (21u << 26)

static unsigned superpage(int flags)
{
	return ((unsigned)flags & VM_FLAGS_SUPERPAGE_MASK) >> VM_FLAGS_SUPERPAGE_SHIFT;
}

static kern_return_t check_flags(int flags, uint64_t size)
{
	if ((unsigned)flags & ~(unsigned)VM_FLAGS_USER_ALLOCATE)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "0x%x holds flags that vm_allocate does not have",
				     (unsigned)flags);
	if (flags & VM_FLAGS_TPRO)
		return machvm__error(KERN_NOT_SUPPORTED, "argument check",
				     "VM_FLAGS_TPRO is a feature of one of Apple's processors");
	if (!superpage(flags))
		return KERN_SUCCESS;
	if (superpage(flags) > SUPERPAGE_SIZE_2MB || size & (SUPERPAGE - 1) ||
	    flags & VM_FLAGS_PURGABLE)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "superpages are of 2 MiB, so must be the size, and they are "
				     "not purgeable");
	return KERN_SUCCESS;
}

static struct machvm__attributes attributes_of(int flags)
{
	struct machvm__attributes attributes = machvm__ledger_default;

	VM_GET_FLAGS_ALIAS((unsigned)flags, attributes.tag);
	attributes.permanent = (flags & VM_FLAGS_PERMANENT) != 0;
	if (flags & VM_FLAGS_PURGABLE)
		attributes.purgable = 1 + VM_PURGABLE_NONVOLATILE;
	return attributes;
}

/* The new memory, its name and its entry; if that cannot be made, no memory either. */
static kern_return_t place(struct machvm__space *space, const struct machvm__placement *placement,
			   const struct machvm__attributes *attributes, uint64_t *address)
{
	kern_return_t kr = machvm__placement_map(space, placement, address);
	int r;

	if (kr != KERN_SUCCESS)
		return kr;
	machvm__placement_name(space, *address, placement->size, attributes->tag);
	r = machvm__placement_enter(space->target, *address, placement->size, attributes);
	if (r == 0)
		return KERN_SUCCESS;
	(void)machvm__space_unmap(space, *address, *address + placement->size);
	return machvm__error_look(space->target, r);
}

static kern_return_t allocate(struct machvm__target *target,
			      const struct machvm__placement *placement, int flags,
			      uint64_t *address)
{
	struct machvm__attributes attributes = attributes_of(flags);
	kern_return_t kr = machvm__placement_check(target, placement);
	struct machvm__space space;
	int r = -ESTALE;

	if (kr != KERN_SUCCESS)
		return kr;
	machvm__space_lock(target);
	for (int i = 0; r == -ESTALE && i < MACHVM__RANGE_ATTEMPTS; i++)
		r = machvm__space_open(&space, target, 0);
	if (r == 0) {
		kr = place(&space, placement, &attributes, address);
		r = machvm__space_close(&space);
	}
	if (r && kr == KERN_SUCCESS)
		kr = machvm__error_space(&space, r);
	machvm__space_unlock(target);
	return kr;
}

static kern_return_t allocate_held(struct machvm__target *target, uint64_t *address, uint64_t size,
				   int flags, bool low)
{
	uint64_t mask = machvm__page_size() - 1, rounded = (size + mask) & ~mask, end;
	kern_return_t kr = check_flags(flags, size);
	struct machvm__placement placement = {
		.address = *address & ~mask,
		.size = rounded,
		.mask = superpage(flags) ? SUPERPAGE - 1 : 0,
		.anywhere = (flags & VM_FLAGS_ANYWHERE) != 0,
		.overwrite = (flags & VM_FLAGS_OVERWRITE) != 0,
		.purgable = (flags & VM_FLAGS_PURGABLE) != 0,
		.low = low,
		.protection = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		.fd = -1,
	};

	if (kr != KERN_SUCCESS)
		return kr;
	if (size == 0) {
		*address = 0;
		return KERN_SUCCESS;
	}
	if (rounded == 0)
		return machvm__range_wraps(KERN_INVALID_ARGUMENT);
	if (!placement.anywhere && __builtin_add_overflow(placement.address, rounded, &end))
		return machvm__range_wraps(KERN_INVALID_ADDRESS);
	if (superpage(flags)) {
		/* The kernel aligns huge pages by itself. */
		placement.flags |= MAP_HUGETLB | MAP_2MB;
		placement.mask = placement.anywhere ? 0 : placement.mask;
	}
	return allocate(target, &placement, flags, address);
}

static kern_return_t allocate_any(vm_map_t task, uint64_t *address, uint64_t size, int flags,
				  bool low)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = allocate_held(hold.target, address, size, flags, low);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t mach_vm_allocate(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size,
			       int flags)
{
	uint64_t raddr = *address;
	kern_return_t kr = allocate_any(target, &raddr, size, flags, false);

	if (kr == KERN_SUCCESS)
		*address = raddr;
	return kr;
}

kern_return_t vm_allocate(vm_map_t target_task, vm_address_t *address, vm_size_t size, int flags)
{
	uint64_t raddr = *address;
	kern_return_t kr = allocate_any(target_task, &raddr, size, flags, sizeof *address == 4);

	if (kr == KERN_SUCCESS)
		*address = (vm_address_t)raddr;
	return kr;
}

static kern_return_t not_freed(struct machvm__space *space, uint64_t start, int error)
{
	if (space->broken)
		return machvm__error_space(space, space->broken);
	if (error == EPERM)
		return machvm__error_at(space->target, start, KERN_PROTECTION_FAILURE, error, "munmap",
					"or a page behind it is in a sealed region");
	return machvm__error_at(space->target, start, KERN_RESOURCE_SHORTAGE, error, "munmap",
				"cannot be split off: no memory, or the limit vm.max_map_count is "
				"reached");
}

static bool any_permanent(const struct machvm__map *map)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->pieces[i].attributes.permanent)
			return true;
	return false;
}

/* Regions that were made to stay lose all access, and their maximum. */
static kern_return_t close_permanent(struct machvm__space *space, const struct machvm__piece *piece)
{
	struct machvm__attributes attributes = piece->attributes;
	int64_t r = machvm__space_protect(space, piece->start, piece->end, 0);

	if (r < 0)
		return not_freed(space, piece->start, (int)-r);
	attributes.maximum = 0;
	r = machvm__placement_enter(space->target, piece->start, piece->end - piece->start,
				    &attributes);
	return r ? machvm__error_look(space->target, (int)r) : KERN_SUCCESS;
}

static kern_return_t free_around_permanent(struct machvm__space *space,
					   const struct machvm__map *map)
{
	kern_return_t kr = KERN_SUCCESS;

	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		int64_t r;

		if (piece->attributes.permanent) {
			kr = close_permanent(space, piece);
			continue;
		}
		r = machvm__space_unmap(space, piece->start, piece->end);
		if (r < 0)
			kr = not_freed(space, piece->start, (int)-r);
		else
			machvm__ledger_forget(space->target, piece->start, piece->end);
	}
	return kr;
}

static kern_return_t free_map(struct machvm__space *space, const struct machvm__map *map)
{
	int64_t r;

	if (any_permanent(map))
		return free_around_permanent(space, map);
	r = machvm__space_unmap(space, map->start, map->end);
	if (r < 0)
		return not_freed(space, map->start, (int)-r);
	machvm__ledger_forget(space->target, map->start, map->end);
	return KERN_SUCCESS;
}

static kern_return_t attempt(struct machvm__target *target, uint64_t start, uint64_t end,
			     bool *again)
{
	struct machvm__space space;
	struct machvm__map map;
	kern_return_t kr = KERN_SUCCESS;
	int r = machvm__map_read(target, start, end, MACHVM__MAP_SKIP, &map);

	*again = false;
	if (r)
		kr = machvm__error_look(target, r);
	else if (map.count) {
		r = machvm__space_open(&space, target, 0);
		*again = r == -ESTALE;
		if (r == 0) {
			kr = free_map(&space, &map);
			r = machvm__space_close(&space);
		}
		if (r && kr == KERN_SUCCESS)
			kr = machvm__error_space(&space, r);
	}
	machvm__map_free(&map);
	return kr;
}

/* Our own pages without a ledger: one system call, for it is what ends every vm_read. */
static bool free_own(struct machvm__target *target, uint64_t start, uint64_t end)
{
	return target->own && !machvm__ledger_exists(target) &&
	       machvm__own_memory_free((uintptr_t)start, (size_t)(end - start)) == 0;
}

static kern_return_t deallocate(struct machvm__target *target, uint64_t start, uint64_t end)
{
	kern_return_t kr = KERN_SUCCESS;
	bool again = true;

	/* XNU: a range that leaves the map removes nothing, and that is no failure. */
	if (start < machvm__page_size() || end > machvm__space_limit(target) || free_own(target, start, end))
		return KERN_SUCCESS;
	machvm__space_lock(target);
	for (int i = 0; again && i < MACHVM__RANGE_ATTEMPTS; i++)
		kr = attempt(target, start, end, &again);
	machvm__space_unlock(target);
	return kr;
}

kern_return_t mach_vm_deallocate(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size)
{
	struct machvm__hold hold = {0};
	uint64_t start, end;
	kern_return_t kr = machvm__range_hold(target, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	if (size != 0) {
		if (machvm__range_pages(address, size, &start, &end))
			kr = deallocate(hold.target, start, end);
		else
			kr = machvm__range_wraps(KERN_INVALID_ARGUMENT);
	}
	machvm__task_release(&hold);
	return kr;
}

kern_return_t vm_deallocate(vm_map_t target_task, vm_address_t address, vm_size_t size)
{
	return mach_vm_deallocate(target_task, address, size);
}
