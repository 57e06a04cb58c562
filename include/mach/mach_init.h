/* SPDX-License-Identifier: MIT */
/*
 * The ports that every process has, and the page size.
 *
 * mach_task_self() is a macro over the variable mach_task_self_, as on macOS;
 * the parenthesized name is a function, for languages that have no macros.
 * The variable is data of libmachvm with a constant value: the control port of
 * the calling process, which is permanent, and stands for the child in a
 * child after fork.
 */
#ifndef MACH_MACH_INIT_H
#define MACH_MACH_INIT_H

#include <mach/kern_return.h>
#include <mach/mach_traps.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/vm_page_size.h>

__BEGIN_DECLS

extern MACHVM_EXPORT mach_port_t mach_task_self_;

/* The control port of the calling process.  Never fails; adds no reference.
 * Since: 0.1 */
MACHVM_EXPORT mach_port_t(mach_task_self)(void);
#define mach_task_self() mach_task_self_
#define current_task() mach_task_self()

/* TRUE for every port of the calling process, whatever its right.
 * Since: 0.1 */
MACHVM_EXPORT boolean_t mach_task_is_self(task_name_t task);

/* The host port.  The name is permanent; giving it back is accepted.
 * Since: 0.1 */
MACHVM_EXPORT mach_port_t mach_host_self(void);

/* The control port of the calling thread.  Each call adds a reference, given
 * back with mach_port_deallocate().  MACH_PORT_NULL when no name is left.
 * Since: 0.1 */
MACHVM_EXPORT mach_port_t mach_thread_self(void);

/* Declared by <mach/mach_host.h>, which documents it. */
MACHVM_EXPORT kern_return_t host_page_size(host_t host, vm_size_t *out_page_size);

__END_DECLS

#endif
