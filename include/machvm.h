/* SPDX-License-Identifier: MIT */
/*
 * machvm.h - what the Mach interface has no word for.
 *
 * The Mach interface itself is in <mach/mach.h> and the headers it includes:
 * mach_vm_write(), mach_vm_read(), mach_vm_region() and the rest, with the
 * prototypes that macOS gives them. This header adds flags, the reason behind
 * a failure, tasks from pidfds, walks over an address space, and windows into it.
 *
 * Read this first:
 *
 * - Every routine may be called from any thread at any time, unless its text
 *   says otherwise. Two calls on one task run side by side; machvm takes no
 *   lock on the way of a read or a write.
 * - Reading and writing do not stop the target. A store of the target that
 *   falls into the range during a call may be lost or may win: whoever needs
 *   a still picture stops the target first.
 * - Addresses are always the target's and 64 bits wide (mach_vm_address_t),
 *   also when the target or the caller is a 32-bit program. Sizes are bytes.
 * - Out parameters are written on success only.
 * - Every routine that fails fills the calling thread's detail record, see
 *   machvm_last_error(). No routine prints anything, none raises a signal.
 * - No routine is async-signal-safe. After fork(), vfork() or a bare clone()
 *   the child may use every task the parent had; mach_task_self() then means
 *   the child.
 */
#ifndef MACHVM_H
#define MACHVM_H

#include <stddef.h>
#include <stdint.h>

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/port.h>
#include <mach/vm_prot.h>
#include <mach/vm_types.h>
#include <mach/machvm_export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the holder of a task port may do, from everything to almost nothing.
 * These are XNU's control, read, inspect and name ports.
 *
 *   MACHVM_RIGHT_CONTROL  write, and everything below. Opening it needs what a
 *                         debugger needs: PTRACE_MODE_ATTACH (ptrace(2)).
 *   MACHVM_RIGHT_READ     read the memory, and everything below. The same gate.
 *   MACHVM_RIGHT_INSPECT  look at regions and pages, not at contents.
 *                         PTRACE_MODE_READ.
 *   MACHVM_RIGHT_NAME     know which process it is. No gate.
 *
 * Since: 0.1
 */
enum machvm_right {
	MACHVM_RIGHT_CONTROL,
	MACHVM_RIGHT_READ,
	MACHVM_RIGHT_INSPECT,
	MACHVM_RIGHT_NAME
};

/*
 * Flags of machvm_write(), machvm_read() and, where it says so, of the lists.
 * An unknown flag is KERN_INVALID_ARGUMENT; a known one that this release
 * cannot honour for the routine is KERN_NOT_SUPPORTED and nothing happens.
 *
 *   MACHVM_TRANSACTION  All or nothing even if the target's map changes during
 *                       the call: the old bytes are read first and put back
 *                       wherever the new ones are still found. A store of the
 *                       target in between may be lost; what cannot be put back
 *                       makes the call return KERN_ABORTED with `done` > 0.
 *                       Costs a second copy, and memory of the write's size.
 *   MACHVM_FORCE        Ignore the target's protections on private memory, as a
 *                       debugger that sets a breakpoint does. The page is
 *                       copied first, so a mapped file is never changed. Shared
 *                       memory that is not writable, guard pages and
 *                       memfd_secret stay refused. Where the kernel's policy
 *                       (proc_mem.force_override) leaves force to tracers, the
 *                       target stands still meanwhile; in the own task, and for
 *                       who may not trace, it is KERN_PROTECTION_FAILURE then.
 *   MACHVM_EACH         Lists: the entries are independent, each gets its own
 *                       result.
 *   MACHVM_STOP         Every thread of the target stands still from before the
 *                       first look at its map until the last byte has moved. Needs
 *                       the permission to trace; implies MACHVM_NOWAIT, for what
 *                       stands still supplies no pages.
 *   MACHVM_NOWAIT       Never wait for a page that a user-space server must
 *                       supply (userfaultfd, FUSE): KERN_MEMORY_ERROR instead.
 *
 * Since: 0.1
 */
enum {
	MACHVM_TRANSACTION = 1u << 0,
	MACHVM_FORCE = 1u << 1,
	MACHVM_EACH = 1u << 2,
	MACHVM_STOP = 1u << 3,
	MACHVM_NOWAIT = 1u << 4
};

/*
 * Why the last failing call of this thread failed.
 *
 *   code          what the call returned; after task_for_pid() and its kin, whose
 *                 answers say less, what machvm_task_open() would have returned
 *   system_errno  the errno of the system call behind it, 0 when there was none
 *   address       the first failing address in the target, 0 when no address
 *                 is to blame
 *   done          bytes known to be changed in the target; 0 under the
 *                 guarantees of the call
 *   step          what was being done: "copy", "region lookup", "put back", ...
 *   message       one sentence without a newline that says what is wrong and,
 *                 where there is one, what would help
 *
 * Since: 0.1
 */
struct machvm_error {
	kern_return_t code;
	int system_errno;
	mach_vm_address_t address;
	mach_vm_size_t done;
	const char *step;
	const char *message;
};

/*
 * The detail record of the calling thread's last failure.
 *
 * Never null. Before the first failure of the thread every field is zero and
 * both strings are empty. A call that succeeds leaves the record alone, so look
 * at it only after a failure. The record and its strings belong to the library
 * and stay as they are until the next failing call of the same thread.
 *
 * Since: 0.1
 */
MACHVM_EXPORT const struct machvm_error *machvm_last_error(void);

/*
 * Writes `size` bytes from `data` to `address` in the target's memory.
 *
 * As mach_vm_write(), with flags and without its limit of 4 GiB - 1. With flags
 * 0 the two are the same routine. `task` needs the control right.
 *
 * All or nothing: a call that fails has changed nothing, as long as the target's
 * map does not change during the call (MACHVM_TRANSACTION lifts that condition).
 *
 * Returns
 *   KERN_SUCCESS               every byte is in place. Size 0 succeeds at any
 *                              address and looks at nothing but the task.
 *   MACH_SEND_INVALID_DEST     the task is null, unknown, or its process is gone
 *   MACH_SEND_INVALID_MEMORY   [data, data + size) is not readable here
 *   KERN_INVALID_ARGUMENT      not a task, too weak a right, or unknown flags
 *   KERN_INVALID_ADDRESS       the range wraps, is not a user address, or some
 *                              page of it is not allocated
 *   KERN_PROTECTION_FAILURE    some page does not permit writing, or is a guard
 *   KERN_MEMORY_ERROR          some page cannot be supplied: beyond the end of a
 *                              file, poisoned, no memory left for it, or (with
 *                              MACHVM_NOWAIT) it would have to be waited for
 *   KERN_NO_ACCESS             the kernel lets nobody else touch the page:
 *                              memfd_secret, device memory
 *   KERN_DENIED                the system refuses this caller this target
 *   KERN_RESOURCE_SHORTAGE     no memory or descriptor left in the caller
 *   KERN_ABORTED               the target changed under the call (exec in the
 *                              middle, a put-back that was refused, a page that
 *                              is away whenever it is tried); `done` of the
 *                              detail record says how much is changed
 *   KERN_OPERATION_TIMED_OUT   MACHVM_STOP: the target could not be stopped in
 *                              bounded time
 *   KERN_NOT_SUPPORTED         MACHVM_STOP on the own task of a program with
 *                              several threads
 * With MACHVM_STOP, KERN_DENIED also when another tracer holds the target (the
 * detail names it), and KERN_ABORTED when what held it still was killed.
 * The first bad page in ascending order decides among the middle ones; `data` is
 * examined before the target.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_write(mach_port_t task, mach_vm_address_t address,
                                         const void *data, size_t size, unsigned flags);

/*
 * Reads `size` bytes at `address` in the target's memory into `data`.
 *
 * As mach_vm_read_overwrite(), with flags. `task` needs the read right. A call
 * that fails has not changed `data` (the same condition as machvm_write()).
 * MACHVM_FORCE also reads private memory that the target itself may not read.
 * MACHVM_TRANSACTION asks nothing more of a read than a read promises already,
 * except that a failing one leaves `data` alone whatever the map does.
 *
 * Returns what machvm_write() returns, with reading for writing:
 * MACH_SEND_INVALID_MEMORY when [data, data + size) is not writable here.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_read(mach_port_t task, mach_vm_address_t address, void *data,
                                        size_t size, unsigned flags);

/*
 * One range of a list.
 *
 *   address  where in the target
 *   data     where in the caller: what is written, or what is read into
 *   size     in bytes; an entry of 0 bytes is passed over
 *   result   with MACHVM_EACH what became of this entry; else it is left alone
 *
 * Since: 0.1
 */
struct machvm_range {
	mach_vm_address_t address;
	void *data;
	mach_vm_size_t size;
	kern_return_t result;
};

/*
 * Writes `count` ranges, or reads them, by as few system calls as the kernel
 * allows: 1,024 small ranges take one. The ranges may be in any order; those of
 * one region cost one look at it, and many of them are shared out to threads
 * (machvm_set_threads()). The list itself stays in its order.
 *
 * Without MACHVM_EACH the list is one operation, with the strength of a single
 * transfer: it is done whole, or nothing has changed. What the result is where
 * ranges overlap is as if they had been moved one after the other: the later one
 * wins. With MACHVM_TRANSACTION, nothing stays changed even if the target's map
 * changes during the call; that takes memory of the ranges' size.
 *
 * With MACHVM_EACH the entries are independent: what can be moved is moved, and
 * each `result` says what the single routine would have said of its entry.
 *
 * The codes are machvm_write()'s and machvm_read()'s. Of several problems in one
 * operation the callers' buffers come first, then the lowest bad address; with
 * MACHVM_EACH the call returns the code of the first entry that failed, and
 * machvm_last_error() tells about that one. MACH_SEND_INVALID_MEMORY also when the list
 * itself cannot be read (with MACHVM_EACH: written). Where the task, the list
 * or the flags are refused, or with MACHVM_STOP the target could not be stopped, no
 * `result` is written. With MACHVM_STOP all ranges are moved in one stop; KERN_ABORTED
 * when what held the target still was killed: then results say what was moved, and not
 * that it was at one instant.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_write_list(mach_port_t task, struct machvm_range *list,
                                              size_t count, unsigned flags);
MACHVM_EXPORT kern_return_t machvm_read_list(mach_port_t task, struct machvm_range *list,
                                             size_t count, unsigned flags);

/*
 * Something to look for in a target's memory, and how to tell of it. What is
 * zero need not be set.
 *
 *   bytes, size  what to look for: 1 byte to 1 MiB (MACHVM_FIND_SIZE)
 *   mask         null, or `size` bytes whose bits say which bits count
 *   alignment    matches are at multiples of it; 0 is 1. A value of 2, 4 or 8
 *                bytes at multiples of its own size is found fastest.
 *   ranges       null, or where to look: ascending, and none overlapping another;
 *                of these only `address` and `size` are used. Two that touch are
 *                one. Null is everything that the target may read.
 *   range_count  how many
 *   flags        MACHVM_FORCE also looks where the target itself may not read;
 *                MACHVM_NOWAIT passes over what would have to be waited for
 *   match        told of every match, in ascending order, overlapping ones too;
 *                anything but 0 ends the search
 *   progress     null, or told now and then how many bytes have been passed since
 *                the last time; anything but 0 ends the search
 *   context      the first argument of both, which run in the calling thread and
 *                may call every routine of the library
 *   unreadable   set by the search: bytes in the ranges that could not be read
 *
 * Since: 0.1
 */
#define MACHVM_FIND_SIZE ((size_t)1 << 20)
struct machvm_find {
	const void *bytes;
	const void *mask;
	size_t size;
	size_t alignment;
	const struct machvm_range *ranges;
	size_t range_count;
	unsigned flags;
	int (*match)(void *context, mach_vm_address_t address);
	int (*progress)(void *context, mach_vm_size_t passed);
	void *context;
	mach_vm_size_t unreadable;
};

/*
 * Searches the target's memory.
 *
 * In all threads that machvm_set_threads() allows, at nearly the rate at which the
 * kernel can hand the memory over, with a few MiB of memory of the caller's
 * whatever the target's size. Pages that the target has mapped and never touched
 * hold zeros: they are searched as such, and not made to exist by being read.
 * What cannot be read (a guard page, a page beyond the end of a file) is passed
 * over. The target goes on running: what it moves meanwhile may be missed or
 * found twice. `task` needs the read right.
 *
 * Returns KERN_SUCCESS (also when there is no match, or `match` ended the search),
 * MACH_SEND_INVALID_DEST, KERN_INVALID_ARGUMENT (also for a size out of bounds,
 * no `match`, ranges out of order, other flags), MACH_SEND_INVALID_MEMORY (`bytes`,
 * `mask` or `ranges` cannot be read), KERN_DENIED, KERN_RESOURCE_SHORTAGE.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_find(mach_port_t task, struct machvm_find *find);

/*
 * In how many threads a long call may do its work, the calling one included.
 *
 * 1 forbids others. 0 leaves it to MACHVM_THREADS in the environment, which says
 * the same, and without it to the library: as many as the caller may run on
 * processors, at most 8, and only for transfers of 4 MiB and more, long lists, and
 * searches, or for longer ones only while threads have been seen to come too late to
 * help. More than 64 is 64. The threads are there during a call and have
 * ended when it returns; they run no signal handler of the program. Holds for
 * the whole process, from the next call on. Returns what was set before.
 *
 * Since: 0.1
 */
MACHVM_EXPORT unsigned machvm_set_threads(unsigned count);

/*
 * Gives back what the library keeps between calls: memory for the old bytes of
 * a MACHVM_TRANSACTION, as much as the largest took so far, and the helpers that
 * traced for calls inside other processes, up to 16 processes with 128 KiB each, which
 * leave by themselves two seconds after the last one. The next such call is slower for
 * it. What a call is using stays. Never fails.
 *
 * Since: 0.1
 */
MACHVM_EXPORT void machvm_trim(void);

/*
 * A task port for the process that a pidfd names (pidfd_open(2)).
 *
 * The descriptor is duplicated; the caller keeps its own. The port is released
 * with mach_port_deallocate(mach_task_self(), *task). A process has one name per
 * right: opening it again returns the same name with one more user reference.
 * A pidfd of the calling process gives mach_task_self().
 *
 * On a kernel without pidfd_open() a descriptor of the directory /proc/PID
 * serves as well: it too names a process and never its number's next owner.
 *
 * Returns
 *   KERN_SUCCESS            *task is the port
 *   KERN_INVALID_ARGUMENT   not a pidfd, or no such right, or `task` is null
 *   MACH_SEND_INVALID_DEST  the process is gone (or is a zombie)
 *   KERN_DENIED             the system refuses; machvm_explain() says which gate
 *   KERN_RESOURCE_SHORTAGE  no descriptor, no memory or no name left
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_task_open(int pidfd, enum machvm_right right, mach_port_t *task);

/*
 * Sends a task over a Unix socket, with all of the caller's right or less of it.
 *
 * The receiver needs no permission of its own: it gets descriptors, and the kernel
 * has checked access when they were opened. `socket` may be of any type and stays the
 * caller's; the message is 256 bytes and, by the right, up to six
 * descriptors. It is in the socket when the call returns, and the caller's own
 * port stays as it is.
 *
 *   MACHVM_RIGHT_NAME     the pidfd
 *   MACHVM_RIGHT_INSPECT  and /proc/PID/maps, smaps and pagemap
 *   MACHVM_RIGHT_READ     and /proc/PID/mem, open for reading
 *   MACHVM_RIGHT_CONTROL  and /proc/PID/mem, open for reading and writing
 *
 * What the kernel enforces against any holder: who has no writable memory
 * descriptor does not write to the target's memory, whatever it tries; and all but the
 * pidfd end when the target executes another program. What only this library enforces
 * in the receiver: that protections are honoured. Whoever is given control can write
 * to every private page, and whoever may read can read every private page, PROT_NONE or not.
 *
 * The memory is known to be the target's own, or nothing is sent: a vfork child has
 * its parent's until it executes a program.
 *
 * Returns
 *   KERN_SUCCESS              the right is on its way
 *   MACH_SEND_INVALID_DEST    the task is null, unknown, or its process is gone
 *   KERN_INVALID_ARGUMENT     not a task, more than the caller's own right, no such
 *                             right, or not a Unix socket
 *   KERN_DENIED               the system refuses this caller this target, or its
 *                             memory is not known to be its own
 *   KERN_ABORTED              nobody reads from the socket; or the target executes
 *                             one program after the other
 *   KERN_OPERATION_TIMED_OUT  the socket is full, and not to wait
 *   KERN_RESOURCE_SHORTAGE    no descriptor or memory is left, or too many rights
 *                             are on their way
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_task_send(int socket, mach_port_t task, enum machvm_right right);

/*
 * Receives a task that machvm_task_send() sent, or the news that there is none.
 *
 * Waits as `socket` does, and takes exactly one message. *task is always a new name,
 * released with mach_port_deallocate(mach_task_self(), *task); it holds up to six
 * descriptors, all close-on-exec. The port is used like any other, with these
 * differences:
 *
 * - It reaches the target through what was received, also where the caller could
 *   have opened the target itself. What would go another way is refused: remote calls
 *   (mach_vm_protect() and its kin) need a caller who may trace the target, and
 *   answer KERN_DENIED to others.
 * - It ends when the target executes another program: MACH_SEND_INVALID_DEST from the
 *   first call on that finds out. A name right stays.
 * - Protections are looked up before bytes move, and not judged by the kernel
 *   page by page: a page whose protection the target takes away in between may still
 *   be read or written.
 * - A page that a userfaultfd must supply is not waited for: KERN_MEMORY_ERROR.
 *
 * The sender is not trusted. Each descriptor is compared with the receiver's own
 * /proc, so that a right is to one process, the one that its pidfd names; what does
 * not fit is closed. (Whether a vfork child's memory is its own cannot be told
 * afterwards: for that the sender's library is trusted.)
 *
 * Returns
 *   KERN_SUCCESS              *task is the port
 *   MACH_SEND_INVALID_DEST    the process is gone
 *   KERN_INVALID_ARGUMENT     not a Unix socket, `task` is null, or what came is not
 *                             a right, or not what it is said to be
 *   KERN_DENIED               the sender refuses (a broker says why); or /proc here
 *                             cannot show whose the descriptors are: it hides the
 *                             process, or belongs to another pid namespace
 *   KERN_ABORTED              the other end was closed before a right came
 *   KERN_OPERATION_TIMED_OUT  nothing is there, and the socket is not to wait
 *   KERN_RESOURCE_SHORTAGE    no descriptor, memory or name is left; the right is lost
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_task_receive(int socket, mach_port_t *task);

/*
 * Asks a broker (machvmd(8)) for a right to the process that a pidfd names, and receives
 * the answer. `socket` is connected to the broker, of type SOCK_SEQPACKET, and serves for any
 * number of requests, one after the other. The port is one that was received: see
 * machvm_task_receive(). A right to another process than the one that was asked for is
 * taken for a lie of the broker's.
 *
 * Returns what machvm_task_receive() returns: KERN_DENIED with the broker's reason when
 * its policy does not allow it, KERN_ABORTED when it went away in the middle, or closed a
 * connection over which nothing was asked for ten seconds; KERN_RESOURCE_SHORTAGE also when
 * the user has too many connections or asks too often; and KERN_INVALID_ARGUMENT also when
 * `pidfd` is none, or names a process that has no number in the caller's pid namespace.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_task_request(int socket, int pidfd, enum machvm_right right,
                                                mach_port_t *task);

/*
 * May this caller have that right on process `pid`, and if not, which gate
 * refuses and what would open it?
 *
 * Writes a few lines of text, at most `size` bytes with the closing null; the
 * first line is a whole sentence that stands alone. Gates that are told apart:
 * no such process, zombie, kernel thread, user id, capability, the target's
 * dumpable flag, user namespace, Yama's scope, a security module, a seccomp
 * filter of the caller, a missing /proc, a tracer that is there already (with
 * its pid and name: it does not hinder reading and writing).
 *
 * Returns KERN_SUCCESS when the right could be had, KERN_DENIED when not,
 * MACH_SEND_INVALID_DEST when there is no such process (or it is a zombie, or the
 * number is a thread's), KERN_RESOURCE_SHORTAGE when the caller has no descriptors
 * left to look with, KERN_INVALID_ARGUMENT for a bad right. The text is written in every case but the last. Asking
 * changes nothing, neither here nor in the target.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_explain(int pid, enum machvm_right right, char *text, size_t size);

/*
 * One region of an address space, as a walk reports it: a run of pages with
 * the same protection and the same thing mapped behind them.
 *
 *   address, size  where, in bytes
 *   offset         where the region begins in what is mapped, in bytes
 *   inode, device_major, device_minor
 *                  the file that is mapped; inode 0 is anonymous memory
 *   protection     VM_PROT_READ, VM_PROT_WRITE, VM_PROT_EXECUTE
 *   shared         1 when stores are seen by whoever else maps it (MAP_SHARED)
 *   name           the path, or "[heap]", "[stack]", "[anon:NAME]", ..., or "";
 *                  a newline in a path is the four characters \012. Belongs to
 *                  the library and is gone when the visitor returns.
 *
 * Since: 0.1
 */
struct machvm_region {
	mach_vm_address_t address;
	mach_vm_size_t size;
	uint64_t offset;
	uint64_t inode;
	uint32_t device_major;
	uint32_t device_minor;
	vm_prot_t protection;
	int shared;
	const char *name;
};

/*
 * Visits every region that intersects [start, end), in ascending order.
 *
 * The fastest way over a whole address space: the kernel's own list, read in
 * large pieces, at the cost of reading it. (mach_vm_region() in a loop asks for
 * one region at a time; each answer is then newer, and the walk slower.) The
 * target keeps running, so a region that moves meanwhile may be seen twice or
 * not at all. `visit` returns 0 to go on; any other value ends the walk, which
 * then returns KERN_SUCCESS. It may call every routine of the library. `task`
 * needs the inspect right.
 *
 * Returns KERN_SUCCESS (also when there is no region), MACH_SEND_INVALID_DEST,
 * KERN_INVALID_ARGUMENT, KERN_DENIED, KERN_RESOURCE_SHORTAGE.
 *
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t machvm_region_walk(mach_port_t task, mach_vm_address_t start,
                                               mach_vm_address_t end,
                                               int (*visit)(const struct machvm_region *region,
                                                            void *context),
                                               void *context);

/* The version of the library that runs, as "0.1.0". Static storage. Since: 0.1 */
MACHVM_EXPORT const char *machvm_version(void);

#ifdef __cplusplus
}
#endif

#include <machvm_window.h>

#endif /* MACHVM_H */
