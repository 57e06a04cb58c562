/* SPDX-License-Identifier: MIT */
/*
 * memory.c - giving memory back: mach_vm_deallocate and vm_deallocate, on the
 * calling process. On another one they need a call made inside it, which is not
 * built yet.
 */
#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>

#include "error.h"
#include "own_memory.h"
#include "task.h"

/* Frees every page that the range touches; holes are fine. */
static kern_return_t free_own(uint64_t start, uint64_t end)
{
	int r;

	/* XNU: a range that leaves the map removes nothing, and that is no failure. */
	if (end > UINTPTR_MAX)
		return KERN_SUCCESS;
	r = machvm__own_memory_free((uintptr_t)start, (size_t)(end - start));
	if (r == -ENOMEM)
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, ENOMEM, "munmap",
		                            "splitting the region would exceed vm.max_map_count");
	if (r == -EPERM)
		return machvm__error_system(KERN_PROTECTION_FAILURE, EPERM, "munmap",
		                            "the region is sealed");
	return KERN_SUCCESS;
}

kern_return_t mach_vm_deallocate(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size)
{
	uint64_t mask = machvm__page_size() - 1;
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__task_hold(target, MACHVM_RIGHT_CONTROL, &hold);
	bool own, alive;
	uint64_t end;

	if (kr != KERN_SUCCESS)
		return kr;
	own = hold.target->own;
	alive = machvm__target_alive(hold.target) == 0;
	machvm__task_release(&hold);
	if (!alive)
		return machvm__error(MACH_SEND_INVALID_DEST, "task lookup", "the process is gone");
	if (size == 0)
		return KERN_SUCCESS;
	if (__builtin_add_overflow(address, size, &end) || end + mask < end)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     "the range wraps around the end of the address space");
	if (!own)
		return machvm__error(KERN_NOT_SUPPORTED, "argument check",
		                     "freeing memory of another process is not built yet");
	return free_own(address & ~mask, (end + mask) & ~mask);
}

kern_return_t vm_deallocate(vm_map_t target_task, vm_address_t address, vm_size_t size)
{
	return mach_vm_deallocate(target_task, address, size);
}
