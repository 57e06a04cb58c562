/* SPDX-License-Identifier: MIT */
/*
 * The virtual-memory routines, in their 64-bit spelling.
 *
 * One task reads, writes, copies, protects, allocates and maps the memory of
 * another, live and unmodified.  <mach/vm_map.h> has the same routines with
 * natural-size types.  Behaviour follows XNU (xnu-11417) except where a
 * contract below says "XNU:"; the GNU Mach manual is named where it differs.
 *
 * What holds for every routine, and is not repeated below
 *
 * Target.  The first argument is a task port: mach_task_self(), or a port
 *   from task_for_pid() or machvm_task_open().  vm_map_t needs a control
 *   right, vm_map_read_t a read right.
 * Codes.  Beside its own codes every routine can return:
 *   KERN_SUCCESS             done, completely.
 *   MACH_SEND_INVALID_DEST   the port is null, dead or unknown, or its process is gone.
 *   KERN_INVALID_ARGUMENT    the port is of the wrong kind, or too weak a right.
 *   KERN_DENIED              the operating system refuses this caller this target
 *                            (uid, Yama, LSM, user namespace, not dumpable).
 *   KERN_RESOURCE_SHORTAGE   no memory, descriptor or mapping is left.
 *   KERN_ABORTED             the target changed under the call in a way that could
 *                            not be undone (exec in the middle, a put-back refused),
 *                            or changes its map faster than the call can follow.
 *   A routine marked "remote" runs a system call inside the target and can also return:
 *   KERN_OPERATION_TIMED_OUT the target could not be stopped in bounded time.
 *   A failure fills the record of machvm_last_error(): address, errno, step, sentence.
 * Order of checks.  Task, then the caller's own buffer, then flags and
 *   values, then size 0, then overflow, then the target's map in ascending
 *   address order.  The first problem decides.
 * Units.  Addresses and sizes are bytes of any alignment.  A range [a, a+n)
 *   acts on every page that it touches, trunc(a) to round(a+n), unless a
 *   contract says that it is exact to the byte.  A region of huge pages
 *   counts in its own page size.
 * Results.  An "out" argument is written only on success; an "in/out" one
 *   keeps the caller's value on failure.  A count array is never written
 *   beyond the flavor's real count, whatever count the caller passes.
 * Threads.  Every routine may be called from any thread at any time, also
 *   concurrently on one task.  None is safe in a signal handler.
 * Live target.  Reading and writing never stop the target.  A remote routine
 *   stops it for the shortest time and leaves its registers, signals, blocked
 *   calls and timers as they were, also when the caller is killed.
 * All or nothing.  A failed call has changed nothing, as long as the target
 *   does not change its own map during the call; exceptions are named below.
 */
#ifndef MACH_MACH_VM_H
#define MACH_MACH_VM_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/vm_types.h>

__BEGIN_DECLS

/*
 * Writes data_count bytes at data of the caller into the target at address,
 * as if the target had written them itself.
 *
 * Exact to the byte; any alignment; at most 4 GiB - 1.  Size 0 succeeds with
 * any address and any data.  The target must have write permission to every
 * page; protections are not changed.  Private pages of a file become private
 * copies; shared pages change for all who map them.
 *
 * MACH_SEND_INVALID_MEMORY  the caller's buffer is not readable; judged first,
 *                           even when the destination is bad too.
 * KERN_INVALID_ADDRESS      the range wraps, is not canonical, or some page is
 *                           not allocated.
 * KERN_PROTECTION_FAILURE   some page is allocated but does not permit writing.
 * KERN_MEMORY_ERROR         a page is permitted but cannot be supplied: beyond
 *                           the end of its file, poisoned, no memory left.
 * KERN_NO_ACCESS            the kernel lets no other process touch a page
 *                           (memfd_secret, device memory).
 *
 * Atomicity: a failure has written nothing.  The bytes do not appear at one
 * instant: a running target can see the range half written, and no unit above
 * a byte is promised to appear whole.  machvm_write() with MACHVM_STOP excludes
 * that.
 * XNU: up to 16 or 32 KiB answers KERN_INVALID_ADDRESS for protected memory
 * and can leave a prefix written; machvm does neither.  GNU Mach requires page
 * alignment.  Origin: XNU osfmk/vm/vm_user.c, mach_vm_write.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_write(vm_map_t target_task, mach_vm_address_t address,
					  vm_offset_t data, mach_msg_type_number_t data_count);

/*
 * Reads size bytes at address of the target into fresh memory of the caller.
 *
 * On success *data is the address of the bytes, with the offset in its page
 * that address has, and *data_count is size.  The memory is readable and
 * writable and belongs to the caller, who frees it with
 * mach_vm_deallocate(mach_task_self(), *data, *data_count).  Size 0 succeeds
 * with *data and *data_count 0, whatever the address.
 *
 * KERN_INVALID_ARGUMENT     size exceeds 4 GiB - 1; judged before the address.
 * KERN_INVALID_ADDRESS      the range wraps, or some page is not allocated.
 * KERN_PROTECTION_FAILURE   some page does not permit reading (also a guard page,
 *                           execute-only and write-only memory).
 * KERN_MEMORY_ERROR, KERN_NO_ACCESS  as mach_vm_write().
 *
 * Atomicity: the bytes are copied during the call, and the caller's copy never
 * changes later; a target that writes meanwhile can leave it mixed.
 * XNU: reads above 16 or 32 KiB share pages copy-on-write and are a snapshot
 * of one instant; smaller ones return page-aligned memory.
 * Origin: XNU osfmk/vm/vm_user.c, mach_vm_read.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_read(vm_map_read_t target_task, mach_vm_address_t address,
					 mach_vm_size_t size, vm_offset_t *data,
					 mach_msg_type_number_t *data_count);

/*
 * Reads size bytes at address of the target into the caller's memory at data.
 *
 * Exact to the byte; no limit on size.  *outsize is size on success.  Size 0
 * succeeds with *outsize 0.
 *
 * MACH_SEND_INVALID_MEMORY  the caller's memory at data is not writable.
 * KERN_INVALID_ADDRESS, KERN_PROTECTION_FAILURE, KERN_MEMORY_ERROR,
 * KERN_NO_ACCESS            the source, as mach_vm_read().
 *
 * Atomicity: a failure leaves the caller's buffer untouched, as long as the
 * target's map stands still.
 * XNU: a bad destination is KERN_INVALID_ADDRESS or KERN_PROTECTION_FAILURE and
 * is found after the source; here the caller's buffer is examined first.
 * GNU Mach has no such routine.  Origin: XNU osfmk/vm/vm_user.c.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_read_overwrite(vm_map_read_t target_task,
						   mach_vm_address_t address, mach_vm_size_t size,
						   mach_vm_address_t data, mach_vm_size_t *outsize);

/*
 * Reads up to 256 ranges of the target, each into fresh memory.
 *
 * Entry i of data_list names address and size; on success its address becomes
 * that of the bytes in the caller, freed per entry as after mach_vm_read(); on
 * failure the entry becomes {0, 0}.  Entries of size 0 are skipped.
 *
 * KERN_INVALID_ARGUMENT  count exceeds 256; the list is untouched.
 * otherwise              the code of the last entry whose size is not 0.
 *
 * Atomicity: entries are independent; earlier successes stand.  Use
 * machvm_read_list() for one answer per entry, or for all or nothing.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_read_list(vm_map_read_t target_task,
					      mach_vm_read_entry_t data_list, natural_t count);

/*
 * Copies size bytes inside the target, from source_address to dest_address.
 *
 * Equals a read followed by a write: overlap behaves like memmove.  Exact to
 * the byte; no limit on size.  The destination must be allocated already.
 * Size 0 succeeds whatever the addresses.
 *
 * KERN_INVALID_ADDRESS      a range wraps, or some page is not allocated.
 * KERN_PROTECTION_FAILURE   a source page does not permit reading, or a
 *                           destination page writing.
 * KERN_MEMORY_ERROR, KERN_NO_ACCESS  as mach_vm_write().
 * The whole source is judged before the destination.
 *
 * Atomicity: a failure has changed nothing; a running target can see the
 * destination half copied.
 * XNU: snapshots large sources; GNU Mach requires page alignment.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_copy(vm_map_t target_task, mach_vm_address_t source_address,
					 mach_vm_size_t size, mach_vm_address_t dest_address);

/*
 * Sets the protection of every page that the range touches.  Remote.
 *
 * set_maximum FALSE sets the current protection; TRUE sets the maximum and
 * lowers the current to it.  VM_PROT_COPY in new_protection first makes a
 * private writable copy of the range, after which write permission is within
 * the maximum: the way to write into program text.  VM_PROT_NONE is a
 * protection like others.  Size 0 succeeds, even with a bad protection.
 *
 * KERN_INVALID_ARGUMENT     new_protection has bits other than 7 and VM_PROT_COPY.
 * KERN_INVALID_ADDRESS      the range wraps, or some page is not allocated.
 * KERN_PROTECTION_FAILURE   new_protection exceeds the maximum of some region, or
 *                           the system forbids it (sealed region, W^X policy,
 *                           execute on a noexec mount).
 * KERN_MEMORY_ERROR         VM_PROT_COPY meets shared memory whose contents cannot
 *                           be supplied.
 * KERN_NOT_SUPPORTED        VM_PROT_COPY meets memory of the kernel's own.
 *
 * Atomicity: all pages change or none; the target is stopped in between.
 * XNU: a range that wraps is KERN_INVALID_ARGUMENT.
 * XNU: a reduced maximum binds every program; here it is kept by this process,
 * binds callers of machvm, and the target's own mprotect() only as far as the
 * kernel's maximum does.  GNU Mach skips holes.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_protect(vm_map_t target_task, mach_vm_address_t address,
					    mach_vm_size_t size, boolean_t set_maximum,
					    vm_prot_t new_protection);

/*
 * Allocates zero-filled memory in the target: current protection read and
 * write, maximum all, inheritance copy.  Remote.
 *
 * VM_FLAGS_ANYWHERE: the system chooses; *address is ignored on input.
 * VM_FLAGS_FIXED: at trunc(*address), round(size) bytes, or not at all;
 * VM_FLAGS_OVERWRITE unmaps first what is there.  A tag (VM_MAKE_TAG) comes
 * back from the region routines where the kernel keeps names of memory.
 * *address is the first page on success.  Size 0 succeeds with *address 0.
 *
 * KERN_INVALID_ARGUMENT  a flag outside VM_FLAGS_USER_ALLOCATE, the size rounds to
 *                        0, superpages of a size or machine that has none, or
 *                        more than 2^32 - 1 pages of purgeable memory.
 * KERN_INVALID_ADDRESS   FIXED: page 0, below the lowest or beyond the highest
 *                        address, or the range wraps.
 * KERN_NO_SPACE          no gap is large enough; FIXED: some page is taken.
 * KERN_PROTECTION_FAILURE  OVERWRITE meets a sealed region.
 * KERN_NOT_SUPPORTED     VM_FLAGS_TPRO.
 *
 * Atomicity: all of the range or none.  The caller frees with
 * mach_vm_deallocate(); memory of a target also goes with the target.
 * XNU: searches upward from the lowest address; here the place is the kernel's
 * choice, and adjoining regions may merge.  GNU Mach: "anywhere" is a boolean,
 * which is bit 0 here as well.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_allocate(vm_map_t target, mach_vm_address_t *address,
					     mach_vm_size_t size, int flags);

/*
 * Frees every page that the range touches.  Remote.
 *
 * Holes are no error.  A range that leaves the address space frees nothing and
 * succeeds.  Size 0 succeeds.  Regions allocated VM_FLAGS_PERMANENT stay and
 * lose all access.  Later use by the target raises SIGSEGV.
 *
 * KERN_INVALID_ARGUMENT    the range wraps, or its end rounds to 0.
 * KERN_PROTECTION_FAILURE  the system forbids it (sealed region).
 *
 * Atomicity: one system call in the target and no partial effect, save around
 * regions that are permanent.
 * XNU and GNU Mach: the same, though their manuals say KERN_INVALID_ADDRESS.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_deallocate(vm_map_t target, mach_vm_address_t address,
					       mach_vm_size_t size);

/*
 * Sets what a child of the target gets of the range at fork.  Remote.
 *
 * VM_INHERIT_NONE is MADV_DONTFORK, VM_INHERIT_COPY the default.
 * VM_INHERIT_SHARE moves private memory to a shared object (memfd) with the
 * target stopped; children forked afterwards share it.  Size 0 succeeds, even
 * with a bad value.  Holes are no error, even if nothing is mapped.
 *
 * KERN_INVALID_ARGUMENT  new_inheritance exceeds 2, the range wraps, or COPY is
 *                        asked of memory that is shared by nature.
 * KERN_PROTECTION_FAILURE  SHARE meets a sealed region.
 * KERN_MEMORY_ERROR      SHARE meets contents that cannot be supplied.
 * KERN_NOT_SUPPORTED     SHARE of a grows-down stack, of huge or guarded pages, of a
 *                        range registered with io_uring or userfaultfd, or of the
 *                        calling process while it has other threads (nobody could
 *                        stop them).
 *
 * Atomicity: regions change in ascending order; the move of each is invisible
 * to the target, except for I/O that pins its pages.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_inherit(vm_map_t target_task, mach_vm_address_t address,
					    mach_vm_size_t size, vm_inherit_t new_inheritance);

/*
 * Maps an object, or zero-filled memory, into the target.  Remote.
 *
 * object is a named entry from mach_make_memory_entry_64(), mapped from offset
 * on, or MACH_PORT_NULL for anonymous memory (offset and copy are ignored).
 * copy TRUE maps a private snapshot, FALSE shares.  Bits set in mask are 0 in
 * the result.  ANYWHERE takes *address as a hint and searches upward from it
 * without wrapping; FIXED and OVERWRITE as mach_vm_allocate().
 * VM_FLAGS_RETURN_DATA_ADDR adds the offset in the page to *address.
 * A cur_protection beyond max_protection is reduced to it.
 *
 * KERN_INVALID_ARGUMENT   a bad flag, protection or inheritance; size 0; size or
 *                         offset + size wraps; the entry is smaller than the
 *                         request; object is a dead port.
 * KERN_INVALID_ADDRESS    FIXED: page 0 or outside the address space.
 * KERN_NO_SPACE           no gap; FIXED: taken, or (*address & mask) is not 0.
 * KERN_INVALID_RIGHT      the entry does not grant the protection; with
 *                         VM_PROT_IS_MASK in it the request is reduced instead.
 * KERN_INVALID_OBJECT     object is a live port of another kind.
 * KERN_PROTECTION_FAILURE the system forbids the protection.
 * KERN_MEMORY_ERROR       copy TRUE of an entry whose file ends before the part.
 * KERN_DENIED             also when the target may not open the entry below /proc.
 * KERN_NOT_SUPPORTED      superpages, VM_FLAGS_TPRO.
 *
 * Atomicity: all of the range or none.
 * XNU: inheritance of a shared mapping can be COPY; here children share it, unless
 * it is NONE.
 * XNU: device pagers do not exist here.  GNU Mach reduces protections silently.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_map(vm_map_t target_task, mach_vm_address_t *address,
					mach_vm_size_t size, mach_vm_offset_t mask, int flags,
					mem_entry_name_port_t object,
					memory_object_offset_t offset, boolean_t copy,
					vm_prot_t cur_protection, vm_prot_t max_protection,
					vm_inherit_t inheritance);

/*
 * Maps memory of src_task into target_task as well.  Remote, in both.
 *
 * Needs control of both; they may be one task, and the ranges may overlap.
 * copy TRUE maps a snapshot.  copy FALSE shares: each side sees the other's
 * writes, and sharing outlives either mapping; private memory of the source is
 * moved to a memfd for it, as mach_vm_inherit(SHARE) does.  The range is
 * trunc(src_address) and round(size); with VM_FLAGS_RETURN_DATA_ADDR it is the
 * pages that src_address and size touch.  Each piece keeps its protection.
 * *cur_protection and *max_protection are out: what all pieces have in common.
 *
 * KERN_INVALID_ARGUMENT  a flag outside VM_FLAGS_USER_REMAP (tags included), a bad
 *                        inheritance, size 0, the source range wraps.
 * KERN_INVALID_ADDRESS   a source page is not allocated; FIXED as mach_vm_map().
 * KERN_NO_SPACE          as mach_vm_map().
 * KERN_PROTECTION_FAILURE  sharing between two tasks memory whose maximum is nothing.
 * KERN_MEMORY_ERROR      contents of the source cannot be supplied.
 * KERN_NOT_SUPPORTED     memory that cannot be moved, as mach_vm_inherit(); between two
 *                        tasks, a range of several objects, or shared memory whose
 *                        object the caller may not open (CAP_CHECKPOINT_RESTORE).
 *
 * Atomicity: all of the range or none; private memory of the source that was moved
 * stays so, which the source cannot see, when the target then refuses.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_remap(vm_map_t target_task, mach_vm_address_t *target_address,
					  mach_vm_size_t size, mach_vm_offset_t mask, int flags,
					  vm_map_t src_task, mach_vm_address_t src_address,
					  boolean_t copy, vm_prot_t *cur_protection,
					  vm_prot_t *max_protection, vm_inherit_t inheritance);

/*
 * As mach_vm_remap(), with requested protections: *cur_protection and
 * *max_protection are in/out.  VM_FLAGS_RETURN_DATA_ADDR is implied.  A read
 * right on src_task is enough when copy is TRUE.
 *
 * The codes of mach_vm_remap(), and:
 * KERN_INVALID_ARGUMENT    a protection has bits other than 7 and VM_PROT_IS_MASK,
 *                          current exceeds maximum, or the right is too weak.
 * KERN_PROTECTION_FAILURE  the maximum joins write and execute, or sharing asks for
 *                          more than the source permits.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_remap_new(vm_map_t target_task,
					      mach_vm_address_t *target_address,
					      mach_vm_size_t size, mach_vm_offset_t mask, int flags,
					      vm_map_read_t src_task, mach_vm_address_t src_address,
					      boolean_t copy, vm_prot_t *cur_protection,
					      vm_prot_t *max_protection, vm_inherit_t inheritance);

__END_DECLS

#include <mach/mach_vm_region.h>

#endif
