/* SPDX-License-Identifier: MIT */
/*
 * References to port names.
 *
 * Names belong to the calling process, so the task argument of every routine
 * is mach_task_self(); another task's control port is KERN_NOT_SUPPORTED.  A
 * port of machvm is a send right.  Every routine may be called from any
 * thread; giving back a name while another thread uses it makes that use fail
 * with MACH_SEND_INVALID_DEST, and never reach another process.
 */
#ifndef MACH_MACH_PORT_H
#define MACH_MACH_PORT_H

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/port.h>

__BEGIN_DECLS

/*
 * Gives back one reference to a name; the last one closes what it stands for.
 *
 * MACH_PORT_NULL and MACH_PORT_DEAD succeed.  The names of mach_task_self()
 * and mach_host_self() are permanent: a reference to them can be given back
 * any number of times.
 *
 * MACH_SEND_INVALID_DEST  task is null or unknown.
 * KERN_INVALID_NAME       the name is unknown.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_name_t name);

/*
 * Adds delta references to a name; a negative delta gives back.
 *
 * KERN_INVALID_VALUE   right is 7 or more, or the count would fall below 0.
 * KERN_INVALID_NAME    the name is unknown (null and dead ones succeed with a send
 *                      or send-once right).
 * KERN_INVALID_RIGHT   right is not MACH_PORT_RIGHT_SEND.
 * KERN_UREFS_OVERFLOW  the count would exceed its limit.
 * Atomicity: the count changes by delta or not at all.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_name_t name,
					       mach_port_right_t right, mach_port_delta_t delta);

/*
 * Counts the references to a name; *refs is 0 for a right that it does not have.
 *
 * KERN_INVALID_VALUE  right is 7 or more.
 * KERN_INVALID_NAME   the name is unknown.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_port_get_refs(ipc_space_inspect_t task, mach_port_name_t name,
					       mach_port_right_t right, mach_port_urefs_t *refs);

/*
 * Reports what a name has: MACH_PORT_TYPE_SEND, or MACH_PORT_TYPE_DEAD_NAME
 * once the process or thread behind it is gone.
 *
 * KERN_INVALID_NAME  the name is unknown.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_port_type(ipc_space_t task, mach_port_name_t name,
					   mach_port_type_t *ptype);

__END_DECLS

#endif
