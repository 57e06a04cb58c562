/* SPDX-License-Identifier: MIT */
/*
 * Tasks: statistics, threads, suspension.
 *
 * The head of <mach/mach_vm.h> names the codes that every routine can return,
 * and the rules for arguments and threads; they hold here too.
 */
#ifndef MACH_TASK_H
#define MACH_TASK_H

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/message.h>
#include <mach/port.h>

__BEGIN_DECLS

/*
 * Reports statistics of a task in the structure of a flavor (<mach/task_info.h>).
 *
 * in/out *task_info_out_count is in words; TASK_VM_INFO answers the revision
 * that fits.  A name right is enough, save for flavors that show addresses
 * (TASK_DYLD_INFO needs a read right).
 *
 * KERN_INVALID_ARGUMENT  an unknown flavor, a count below the flavor's, or the
 *                        right is too weak.
 * KERN_INVALID_POLICY    TASK_SCHED_FIFO_INFO.
 * KERN_NOT_SUPPORTED     TASK_EXTMOD_INFO and TASK_AFFINITY_TAG_INFO.
 * KERN_DENIED            TASK_VM_INFO, when the system does not show the caller the map.
 *
 * Atomicity: fields are sampled one after the other.
 * XNU: ledgers, wakeups and counts of Mach messages and system calls have no
 * source here and are 0.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_info(task_name_t target_task, task_flavor_t flavor,
				      task_info_t task_info_out,
				      mach_msg_type_number_t *task_info_out_count);

/*
 * Lists the threads of a task.
 *
 * *act_list is an array of *act_list_count thread ports in fresh memory.  The
 * caller gives back each port with mach_port_deallocate(), then the array with
 * vm_deallocate(mach_task_self(), *act_list, *act_list_count * sizeof(thread_act_t)).
 *
 * KERN_FAILURE            the task is exiting.
 * KERN_RESOURCE_SHORTAGE  no memory for the array or the ports.
 *
 * Atomicity: threads that come or go during the call may be listed or not,
 * unless the task is suspended.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_threads(task_inspect_t target_task,
					 thread_act_array_t *act_list,
					 mach_msg_type_number_t *act_list_count);

/*
 * Stops every thread of a task; counted.
 *
 * Complete when it returns: no thread of the target runs user code, and a
 * call to this process's other routines sees it still.  Invisible to the
 * target's parent, and independent of SIGSTOP and SIGCONT.  Ends with the
 * matching task_resume(), or with the process that suspended, or with the
 * helper process that traces for it, should that be killed.  A thread in an
 * uninterruptible sleep counts as still: it stops before it runs again.
 * Memory routines work on a suspended task; a page that a user-space server
 * must supply is then KERN_MEMORY_ERROR.  Processes that share the task's
 * memory (a vfork child) run on.
 *
 * KERN_INVALID_ARGUMENT     the right is too weak.
 * KERN_DENIED               the system does not let the caller trace it, or
 *                           something else traces it already: a debugger (the
 *                           caller itself included), or another suspender.
 * KERN_NOT_SUPPORTED        the caller's own task: nobody could resume it.
 * KERN_OPERATION_TIMED_OUT  a thread could not be stopped in bounded time; those that
 *                           were stopped run again.
 * XNU: counts of several suspenders add up, and a task can suspend itself.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_suspend(task_read_t target_task);

/*
 * Takes back one task_suspend() of this process, whichever of its ports for
 * the task that was made through; the last one lets the threads run.
 *
 * KERN_FAILURE  the task is not suspended (the manual of macOS says that it is
 *               ignored; XNU's code and GNU Mach fail too).
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_resume(task_read_t target_task);

/*
 * As task_suspend(), with a token of its own: only task_resume2() of that
 * token takes it back.  The token is a port and belongs to the caller; giving
 * back its last reference takes the suspension back too.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_suspend2(task_read_t target_task,
					  task_suspension_token_t *suspend_token);

/*
 * Takes back the suspension of the token, and the token with it.
 *
 * KERN_INVALID_ARGUMENT   the port is not a suspension token.
 * MACH_SEND_INVALID_DEST  the token was used already, or the process is gone.
 * KERN_FAILURE            the helper that traced was killed.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_resume2(task_suspension_token_t suspend_token);

/*
 * Ends a task.  KERN_FAILURE for every process, as in XNU, where a task with a
 * process is ended with kill().
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_terminate(task_t target_task);

/*
 * Gets a special port of a task (<mach/task_special_ports.h>): the task's own
 * ports and the host port.  The caller owns a reference to *special_port.
 *
 * KERN_INVALID_ARGUMENT  an unknown port, or one stronger than `task`.
 * KERN_NOT_SUPPORTED     the bootstrap, access, debug and notify ports.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_get_special_port(task_inspect_t task, int which_port,
						  mach_port_t *special_port);

/*
 * Sets a special port of a task.
 *
 * KERN_INVALID_ARGUMENT  an unknown port.
 * KERN_NOT_SUPPORTED     every known one.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_set_special_port(task_t task, int which_port,
						  mach_port_t special_port);

__END_DECLS

#endif
