/* SPDX-License-Identifier: MIT */
/*
 * machvm_window.h - a part of a task's memory mapped into the caller. A part of <machvm.h>,
 * which includes it.
 */
#ifndef MACHVM_WINDOW_H
#define MACHVM_WINDOW_H

#include <stddef.h>

#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_types.h>
#include <mach/machvm_export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Flags of machvm_window_open().
 *
 *   MACHVM_WINDOW_WRITE   The window can be stored through, not only read.
 *   MACHVM_WINDOW_MOVE    Private memory in the range is first moved to memory that
 *                         can be shared: the target stands still meanwhile, and keeps
 *                         its addresses, contents and protections. From then on it
 *                         shares that memory with the children that it forks.
 *   MACHVM_WINDOW_FAULTS  Memory is accepted that can be taken away from under the
 *                         window: see there.
 *
 * Since: 0.1
 */
enum {
	MACHVM_WINDOW_WRITE = 1u << 0,
	MACHVM_WINDOW_MOVE = 1u << 1,
	MACHVM_WINDOW_FAULTS = 1u << 2
};

/*
 * Maps [address, address + size) of the target's memory into the caller: what the
 * caller stores at *window the target loads at `address`, and the other way, at the
 * cost of a store and a load.
 *
 * *window is one piece, whatever number of regions the range has in the target. Neither
 * `address` nor `size` need be multiples of the page size; the pointer keeps the
 * address's offset in its page, and the rest of the pages at both ends is mapped as
 * well. It is all of the range or nothing: a call that fails leaves nothing mapped.
 *
 * What is mapped is the memory object that the target has there, directly and without
 * stopping the target: a memfd, POSIX or System V shared memory, a shared file. The
 * kernel has to give it out. It does so for a descriptor that the target still has
 * open, for a System V segment of the caller's IPC namespace that it may attach, and for
 * everything to a caller with CAP_CHECKPOINT_RESTORE. Private memory has no object that two
 * can have: it takes MACHVM_WINDOW_MOVE, which stops the target as mach_vm_remap() does.
 *
 * Rights: the read right for a window that is only read, the control right with
 * MACHVM_WINDOW_WRITE or MACHVM_WINDOW_MOVE. The task has to be one that was opened;
 * what was received from another process brings no windows. The target must have the
 * permission itself, now: to read, and with MACHVM_WINDOW_WRITE to write as well.
 *
 * Afterwards the window is the caller's. It shows the same memory object until it is
 * closed, whatever the target does: exits, executes another program, unmaps the
 * range, takes its own permission away, or maps something else there. Then nobody may
 * be looking any more, and machvm_window_check() tells. The port is not needed for it
 * and may be given back. A child after fork() has the window too and shares the memory.
 *
 * Faults: a load or store through a window is a plain one, which no code is returned for.
 * The kernel answers it with SIGBUS where the object has no page, and it has none beyond
 * the end of a file that somebody makes shorter. So objects are refused that can get
 * shorter. What cannot: memory that was moved; System V and shared anonymous memory; a memfd
 * that is sealed with F_SEAL_SHRINK; none of these on huge pages, which may run out. For a
 * window onto anything else (POSIX shared memory, a memfd without the seal, a file on a
 * disk) pass MACHVM_WINDOW_FAULTS and do either of two things: trust whoever can truncate the file; or do not touch it by the pointer and
 * call machvm_read() and machvm_write() with mach_task_self() and the pointer as the
 * address, which return KERN_MEMORY_ERROR instead. What is left otherwise is what any
 * memory of the caller's own has: a machine whose memory, disk or swap space fails or
 * is full. A file system with a server in user space (FUSE) may keep the call waiting, and
 * a load or store too.
 *
 * Returns
 *   KERN_SUCCESS             *window is the pointer; machvm_window_close() ends it
 *   MACH_SEND_INVALID_DEST   the task is null, unknown, or its process is gone
 *   KERN_INVALID_ARGUMENT    not a task, too weak a right, unknown flags, size 0, or
 *                            `window` is null
 *   KERN_INVALID_ADDRESS     the range wraps, or some page of it is not allocated
 *   KERN_PROTECTION_FAILURE  the target itself has no permission, or a guard page
 *                            there; or the object is sealed against new mappings that write
 *   KERN_MEMORY_ERROR        some page lies beyond the end of its file
 *   KERN_NO_ACCESS           memfd_secret, or memory of a device
 *   KERN_NOT_SUPPORTED       valid memory that no window can be had onto: private without
 *                            MACHVM_WINDOW_MOVE, or not to be moved (stacks that grow, huge
 *                            pages, ranges of io_uring, of the caller's own while it has
 *                            several threads); an object that the kernel does not give out, or
 *                            that can get shorter; memory registered with a userfaultfd
 *   KERN_DENIED              the system refuses this caller this target, or its
 *                            descriptors; or the task was received
 *   KERN_RESOURCE_SHORTAGE   no memory, address space, mapping or descriptor left
 * With MACHVM_WINDOW_MOVE also what mach_vm_remap() returns when it cannot stop the target or
 * change its memory: KERN_OPERATION_TIMED_OUT, KERN_ABORTED. Of several problems in the
 * range the lowest address decides; what cannot be moved comes last. Should the window
 * fail after memory was moved, for want of a mapping here, it stays moved.
 *
 * Memory that was moved has no descriptor anywhere: keep the window for as long as
 * it is needed, for a second one takes CAP_CHECKPOINT_RESTORE.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_window_open(mach_port_t task, mach_vm_address_t address,
                                               size_t size, unsigned flags, void **window);

/*
 * Does the target still have at `address` what the caller's window shows?
 *
 * Looks at both maps, and not at the memory. The answer is of that instant. `task`
 * needs the inspect right; it is for the caller to pass the arguments that belong
 * together, or those of any part of the window.
 *
 * Returns
 *   KERN_SUCCESS            every page is the same memory on both sides
 *   MACH_SEND_INVALID_DEST  the process is gone; or the task is null or unknown
 *   KERN_INVALID_ADDRESS    the target has nothing there any more, or the range wraps
 *   KERN_INVALID_OBJECT     it has other memory there: mapped anew, or another program's
 *   KERN_INVALID_ARGUMENT   not a task, too weak a right, or [window, window + size)
 *                           is no window
 *   KERN_DENIED, KERN_RESOURCE_SHORTAGE
 *                           the maps cannot be looked at
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_window_check(mach_port_t task, mach_vm_address_t address,
                                                const void *window, size_t size);

/*
 * Unmaps a window, with the size that it was opened with. The target is not touched, and
 * notices nothing. The same as vm_deallocate() on mach_task_self().
 *
 * Returns KERN_SUCCESS, or KERN_INVALID_ARGUMENT when `window` is null, `size` is 0 or
 * the range wraps.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_window_close(void *window, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* MACHVM_WINDOW_H */
