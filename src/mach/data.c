/* SPDX-License-Identifier: MIT */
/*
 * data.c - the routines that move bytes: vm_write, vm_read, vm_read_overwrite,
 * vm_copy in both spellings, machvm_write and machvm_read.
 *
 * Order of checks, as in XNU: the port's name, the caller's buffer, the port's
 * kind and right, size 0, the range, the pages.
 */
#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <machvm.h>
#include <string.h>

#include "buffer.h"
#include "error.h"
#include "flags.h"
#include "own_memory.h"
#include "standing.h"
#include "task.h"
#include "transfer.h"

/* Gives up on a held task. A buffer that is bad outranks a right that is too weak. */
static kern_return_t fault(struct machvm__hold *hold, const struct machvm__fault *why)
{
	kern_return_t kr = machvm__error_fault(hold->target, why);

	machvm__task_release(hold);
	return kr;
}

static kern_return_t gone(struct machvm__hold *hold)
{
	struct machvm__fault why = {.cause = MACHVM__CAUSE_GONE, .step = "task lookup"};

	return fault(hold, &why);
}

/* Size 0 succeeds at any address, on a process that is there. */
static kern_return_t nothing_to_do(struct machvm__hold *hold)
{
	if (machvm__target_alive(hold->target))
		return gone(hold);
	machvm__task_release(hold);
	return KERN_SUCCESS;
}

static kern_return_t buffer_first(kern_return_t kr, const void *data, size_t size,
                                  enum machvm__direction access)
{
	if (kr != KERN_INVALID_ARGUMENT || size == 0 || machvm__buffer_good(data, size, access))
		return kr;
	return machvm__error(MACH_SEND_INVALID_MEMORY, "buffer check",
	                     "the caller's own buffer is not all there or not accessible");
}

/* Flags that a single transfer cannot honour. The task is let go of when it fails. */
static kern_return_t check_flags(struct machvm__hold *hold, unsigned flags)
{
	kern_return_t kr;

	if (!(flags & ((unsigned)MACHVM_EACH | ~MACHVM__FLAGS_KNOWN)))
		return KERN_SUCCESS;
	if (machvm__target_alive(hold->target))
		return gone(hold);
	if (flags & ~MACHVM__FLAGS_KNOWN)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check", "unknown flags 0x%x",
		                   flags & ~MACHVM__FLAGS_KNOWN);
	else
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                   "MACHVM_EACH is a flag of lists");
	machvm__task_release(hold);
	return kr;
}

static bool transfer(struct machvm__target *target, enum machvm__direction direction, uint64_t raddr,
                     void *data, size_t size, unsigned flags, struct machvm__fault *why)
{
	return direction == MACHVM__WRITE
	               ? machvm__transfer_write(target, raddr, data, size, machvm__flags_options(flags), why)
	               : machvm__transfer_read(target, raddr, data, size, machvm__flags_options(flags), why);
}

/* What is plain before anybody is stopped. */
static bool may_stop(struct machvm__target *target, enum machvm__direction direction, uint64_t raddr,
                     const void *data, size_t size, kern_return_t *kr)
{
	bool writing = direction == MACHVM__WRITE;
	struct machvm__fault why = {.cause = MACHVM__CAUSE_CALLER, .step = "buffer check"};

	if (machvm__buffer_good(data, size, writing ? MACHVM__READ : MACHVM__WRITE)) {
		if (!machvm__fault_wraps(raddr, size))
			return true;
		machvm__fault_range(&why, raddr, writing);
	}
	*kr = machvm__error_fault(target, &why);
	return false;
}

struct still {
	struct machvm__target *target;
	enum machvm__direction direction;
	uint64_t raddr;
	void *data;
	size_t size;
	unsigned flags;
};

static kern_return_t move_now(void *context)
{
	const struct still *still = context;
	struct machvm__fault why;

	return transfer(still->target, still->direction, still->raddr, still->data, still->size,
	                still->flags, &why)
	               ? KERN_SUCCESS
	               : machvm__error_fault(still->target, &why);
}

static kern_return_t move_still(struct still *still)
{
	const struct machvm__standing standing = {
		.target = still->target,
		.move = move_now,
		.context = still,
		.raddr = still->raddr,
		.changes = still->direction == MACHVM__WRITE ? still->size : 0,
	};
	kern_return_t kr = KERN_SUCCESS;

	return may_stop(still->target, still->direction, still->raddr, still->data, still->size, &kr)
	               ? machvm__standing_do(&standing)
	               : kr;
}

/*
 * What most calls are: no flags, one page on both sides, nothing in the way.
 * Inline down to the system call, for a kernel that clears the branch predictor
 * makes every return of ours dear.
 */
static inline bool quick(struct machvm__hold *hold, enum machvm__direction direction,
                         uint64_t raddr, void *data, size_t size, size_t *stray)
{
	*stray = 0;
	return size && machvm__transfer_in_one_page(raddr, size) &&
	       machvm__transfer_in_one_page((uintptr_t)data, size) &&
	       machvm__target_quick(hold->target, direction, raddr, data, size, stray);
}

/* The bytes arrived, and the number was not the target's any more. */
static kern_return_t astray(struct machvm__hold *hold, size_t done)
{
	struct machvm__fault why = {
		.cause = MACHVM__CAUSE_GONE, .done = done, .step = "identity check"};

	return fault(hold, &why);
}

/* Whatever the quick way has not done, of which *stray bytes may have gone astray. */
static __attribute__((noinline)) kern_return_t
move_with_care(struct machvm__hold *hold, enum machvm__direction direction, uint64_t raddr,
               void *data, size_t size, unsigned flags, size_t stray)
{
	struct machvm__fault why;
	kern_return_t kr = KERN_SUCCESS;

	/* What was read of another process has changed nothing there. */
	if (direction == MACHVM__WRITE && stray)
		return astray(hold, stray);
	if (flags) {
		kr = check_flags(hold, flags);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (size == 0)
		return nothing_to_do(hold);
	if (flags & MACHVM_STOP)
		kr = move_still(&(struct still){hold->target, direction, raddr, data, size, flags});
	else if (!transfer(hold->target, direction, raddr, data, size, flags, &why))
		return fault(hold, &why);
	machvm__task_release(hold);
	return kr;
}

/*
 * Every read and write. `direction` is a constant wherever this is inlined, so
 * that each of the routines has a short way of its own.
 */
static inline __attribute__((always_inline)) kern_return_t
move_bytes(mach_port_t task, enum machvm__direction direction, uint64_t raddr, void *data,
           size_t size, unsigned flags)
{
	bool writing = direction == MACHVM__WRITE;
	struct machvm__hold hold;
	size_t stray = 0;
	kern_return_t kr =
		machvm__task_hold(task, writing ? MACHVM_RIGHT_CONTROL : MACHVM_RIGHT_READ, &hold);

	if (__builtin_expect(kr != KERN_SUCCESS, 0))
		return buffer_first(kr, data, size, writing ? MACHVM__READ : MACHVM__WRITE);
	if (machvm__transfer_patience(hold.target))
		flags |= MACHVM_NOWAIT;
	if (__builtin_expect(flags || !quick(&hold, direction, raddr, data, size, &stray), 0))
		return move_with_care(&hold, direction, raddr, data, size, flags, stray);
	machvm__task_release(&hold);
	return KERN_SUCCESS;
}

static kern_return_t write_bytes(mach_port_t task, uint64_t raddr, const void *data, size_t size,
                                 unsigned flags)
{
	return move_bytes(task, MACHVM__WRITE, raddr, (void *)(uintptr_t)data, size, flags);
}

static kern_return_t read_bytes(mach_port_t task, uint64_t raddr, void *data, size_t size,
                                unsigned flags)
{
	return move_bytes(task, MACHVM__READ, raddr, data, size, flags);
}

kern_return_t machvm_write(mach_port_t task, mach_vm_address_t address, const void *data,
                           size_t size, unsigned flags)
{
	return write_bytes(task, address, data, size, flags);
}

kern_return_t machvm_read(mach_port_t task, mach_vm_address_t address, void *data, size_t size,
                          unsigned flags)
{
	return read_bytes(task, address, data, size, flags);
}

kern_return_t mach_vm_write(vm_map_t target_task, mach_vm_address_t address, vm_offset_t data,
                            mach_msg_type_number_t data_count)
{
	return write_bytes(target_task, address, (const void *)data, data_count, 0);
}

kern_return_t vm_write(vm_map_t target_task, vm_address_t address, vm_offset_t data,
                       mach_msg_type_number_t data_count)
{
	return write_bytes(target_task, address, (const void *)data, data_count, 0);
}

/* A pointer or a size of ours that came in 64 bits. */
static bool fits_here(uint64_t value)
{
	return value <= UINTPTR_MAX;
}

static kern_return_t not_ours(mach_port_t task, enum machvm_right needed)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__task_hold(task, needed, &hold);

	if (kr != KERN_SUCCESS && kr != KERN_INVALID_ARGUMENT)
		return kr;
	if (kr == KERN_SUCCESS)
		machvm__task_release(&hold);
	return machvm__error(MACH_SEND_INVALID_MEMORY, "buffer check",
	                     "the caller's own buffer lies outside its address space");
}

kern_return_t mach_vm_read_overwrite(vm_map_read_t target_task, mach_vm_address_t address,
                                     mach_vm_size_t size, mach_vm_address_t data,
                                     mach_vm_size_t *outsize)
{
	kern_return_t kr;

	if (size && (!fits_here(data) || !fits_here(size)))
		return not_ours(target_task, MACHVM_RIGHT_READ);
	kr = move_bytes(target_task, MACHVM__READ, address, (void *)(uintptr_t)data, (size_t)size, 0);
	if (kr == KERN_SUCCESS)
		*outsize = size;
	return kr;
}

kern_return_t vm_read_overwrite(vm_map_read_t target_task, vm_address_t address, vm_size_t size,
                                vm_address_t data, vm_size_t *outsize)
{
	kern_return_t kr = read_bytes(target_task, address, (void *)data, size, 0);

	if (kr == KERN_SUCCESS)
		*outsize = size;
	return kr;
}

/* Reads into fresh pages; the bytes keep the address's offset in its page. */
static kern_return_t read_fresh(struct machvm__hold *hold, uint64_t raddr, size_t size,
                                vm_offset_t *data)
{
	size_t offset = (size_t)(raddr & (machvm__page_size() - 1));
	struct machvm__fault why;
	size_t room;
	char *base = NULL;

	if (!__builtin_add_overflow(size, offset, &room))
		base = machvm__own_memory_map_large(room);
	if (!base) {
		machvm__fault_no_memory(&why, "allocation");
		return machvm__error_fault(hold->target, &why);
	}
	if (!machvm__transfer_fetch(hold->target, raddr, base + offset, size, &why)) {
		machvm__own_memory_unmap(base, room);
		return machvm__error_fault(hold->target, &why);
	}
	*data = (vm_offset_t)(base + offset);
	return KERN_SUCCESS;
}

kern_return_t mach_vm_read(vm_map_read_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                           vm_offset_t *data, mach_msg_type_number_t *data_count)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__task_hold(target_task, MACHVM_RIGHT_READ, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	if (size > UINT32_MAX) {
		if (machvm__target_alive(hold.target))
			return gone(&hold);
		machvm__task_release(&hold);
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     "one read returns at most 4 GiB - 1; machvm_read has no limit");
	}
	if (size == 0) {
		kr = nothing_to_do(&hold);
		if (kr == KERN_SUCCESS) {
			*data = 0;
			*data_count = 0;
		}
		return kr;
	}
	kr = read_fresh(&hold, address, (size_t)size, data);
	machvm__task_release(&hold);
	if (kr == KERN_SUCCESS)
		*data_count = (mach_msg_type_number_t)size;
	return kr;
}

kern_return_t vm_read(vm_map_read_t target_task, vm_address_t address, vm_size_t size,
                      vm_offset_t *data, mach_msg_type_number_t *data_count)
{
	return mach_vm_read(target_task, address, size, data, data_count);
}

kern_return_t mach_vm_copy(vm_map_t target_task, mach_vm_address_t source_address,
                           mach_vm_size_t size, mach_vm_address_t dest_address)
{
	struct machvm__fault why;
	struct machvm__hold hold;
	kern_return_t kr = machvm__task_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	if (size == 0)
		return nothing_to_do(&hold);
	/* More than an address space holds runs off the end of any. */
	if (!fits_here(size)) {
		machvm__fault_range(&why, source_address, false);
		return fault(&hold, &why);
	}
	if (!machvm__transfer_copy(hold.target, source_address, (size_t)size, dest_address, &why))
		return fault(&hold, &why);
	machvm__task_release(&hold);
	return KERN_SUCCESS;
}

kern_return_t vm_copy(vm_map_t target_task, vm_address_t source_address, vm_size_t size,
                      vm_address_t dest_address)
{
	return mach_vm_copy(target_task, source_address, size, dest_address);
}
