/* SPDX-License-Identifier: MIT */
/*
 * From process ids to tasks, and back.
 */
#ifndef MACH_MACH_TRAPS_H
#define MACH_MACH_TRAPS_H

#include <mach/clock_types.h>
#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/port.h>
#include <mach/std_types.h>
#include <mach/vm_types.h>
#include <stdint.h>

__BEGIN_DECLS

/*
 * Opens the control port of a process.
 *
 * target_tport is mach_task_self().  The port names the process that has the
 * pid now, and never one that gets the pid later; it survives exec, after
 * which access is checked anew.  The caller's own pid gives the name of
 * mach_task_self(); the same process gives the same name.  Each call adds one
 * reference, given back with mach_port_deallocate().
 *
 * KERN_FAILURE  every failure: pid 0 or below, no such process, a zombie, a bad
 *               target_tport, no permission, no descriptor left.  *t is
 *               MACH_PORT_NULL then, and machvm_last_error() has the reason;
 *               machvm_task_open() tells the reasons apart by code.
 *
 * Permission is the kernel's (the rules of ptrace access); machvm_explain()
 * says which rule refuses and what would open it.
 * Thread safety: any thread.  The target does not notice.
 * XNU: the same codes; consults entitlements.  Origin: XNU bsd/vm/vm_unix.c.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_for_pid(mach_port_name_t target_tport, int pid,
					 mach_port_name_t *t);

/*
 * Opens the name port of a process, for task_info() and pid_for_task(); memory
 * routines answer KERN_INVALID_ARGUMENT.  Needs no permission beyond seeing
 * the process.
 *
 * KERN_FAILURE  as task_for_pid(); *tn is MACH_PORT_NULL.
 * XNU: needs the same effective user.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t task_name_for_pid(mach_port_name_t target_tport, int pid,
					      mach_port_name_t *tn);

/*
 * Open the read port (contents and regions) and the inspect port (regions and
 * statistics) of a process.
 *
 * A system call in XNU, hence 0 on success, else -1 and errno:
 * EPERM   not permitted, or pid 0.
 * EINVAL  target_tport is not a task port.
 * ESRCH   no such process.
 * EACCES  the process is a zombie.
 * *t is MACH_PORT_NULL on failure.
 * Since: 0.1
 */
MACHVM_EXPORT int task_read_for_pid(mach_port_name_t target_tport, int pid, mach_port_name_t *t);
MACHVM_EXPORT int task_inspect_for_pid(mach_port_name_t target_tport, int pid,
				       mach_port_name_t *t);

/*
 * The process id behind a task port of any right.
 *
 * KERN_FAILURE  the port is no task port, or the process is gone; *pid is -1.
 * The pid is true as long as the process lives; a port stays true always.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t pid_for_task(mach_port_name_t t, int *pid);

__END_DECLS

#endif
