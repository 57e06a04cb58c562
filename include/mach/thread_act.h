/* SPDX-License-Identifier: MIT */
/*
 * Threads: registers, statistics, suspension.
 *
 * A thread port comes from task_threads() or mach_thread_self() and is given
 * back with mach_port_deallocate().  The head of <mach/mach_vm.h> names the
 * codes that every routine can return; a thread that has exited is
 * KERN_TERMINATED.
 *
 * A thread port has the right of the task port that it came from.  Threads of
 * the caller's own task are stopped by a helper process; nothing of this
 * library that a thread holds while it is stopped is needed to resume it.
 */
#ifndef MACH_THREAD_ACT_H
#define MACH_THREAD_ACT_H

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/message.h>
#include <mach/port.h>

__BEGIN_DECLS

/*
 * Reads registers of a thread, in the structure of a flavor
 * (<mach/thread_status.h>).  in/out *old_state_count is in words.
 *
 * A running thread is stopped for the moment of the call.  One that the caller
 * traces and has stopped is looked at as it stands.  A thread in a system call shows
 * the number of the call in the result register.
 * KERN_INVALID_ARGUMENT  an unknown flavor, one of another word length or machine,
 *                        a count below the flavor's, or the calling thread itself.
 * KERN_NOT_SUPPORTED     exception and debug states.
 * KERN_TERMINATED        the thread has exited.
 * KERN_ABORTED           the thread exited during the call.
 * KERN_DENIED, KERN_OPERATION_TIMED_OUT  it cannot be stopped: task_suspend().
 * Atomicity: all registers are of one instant.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t thread_get_state(thread_read_t target_act, thread_state_flavor_t flavor,
					     thread_state_t old_state,
					     mach_msg_type_number_t *old_state_count);

/*
 * Writes registers of a thread; new_state_count must be the flavor's.
 *
 * Segment registers, and flags that user code cannot set, keep their values.
 * A blocked system call of the thread is not disturbed unless the program
 * counter or the result register changes.  When both are set back to what
 * thread_get_state() showed through the same port, the call is made again.
 * KERN_INVALID_ARGUMENT    as thread_get_state(), or another count.
 * KERN_PROTECTION_FAILURE  the system refuses a value.
 * KERN_TERMINATED          the thread has exited.
 * Atomicity: all registers change or none.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t thread_set_state(thread_act_t target_act, thread_state_flavor_t flavor,
					     thread_state_t new_state,
					     mach_msg_type_number_t new_state_count);

/*
 * Stops one thread; counted beside the task's count, and ended as task_suspend()
 * is.  A thread that suspends itself stands until another one of its task
 * resumes it, and takes no signals meanwhile.
 * KERN_DENIED      as task_suspend().
 * KERN_TERMINATED  the thread has exited.
 * KERN_OPERATION_TIMED_OUT  it could not be stopped in bounded time.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t thread_suspend(thread_read_t target_act);

/*
 * Takes back one thread_suspend().
 * KERN_FAILURE     the thread is not suspended.
 * KERN_TERMINATED  the thread has exited.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t thread_resume(thread_read_t target_act);

/*
 * Reports statistics of a thread (<mach/thread_info.h>); in/out
 * *thread_info_out_count is in words.
 * KERN_INVALID_ARGUMENT  an unknown flavor or a count below the flavor's.
 * KERN_TERMINATED        the thread has exited.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t thread_info(thread_inspect_t target_act, thread_flavor_t flavor,
					thread_info_t thread_info_out,
					mach_msg_type_number_t *thread_info_out_count);

__END_DECLS

#endif
