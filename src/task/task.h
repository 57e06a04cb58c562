/* SPDX-License-Identifier: MIT */
/*
 * task.h - what a task port names: a right to one process.
 */
#ifndef MACHVM_TASK_H
#define MACHVM_TASK_H

#include <mach/kern_return.h>
#include <mach/port.h>
#include <machvm.h>

#include "fork_notice.h"
#include "port.h"
#include "target.h"

struct machvm__task {
	enum machvm_right right;
	struct machvm__target target;
};

/* A task in use by one call. */
struct machvm__hold {
	mach_port_name_t name;
	enum machvm_right right;
	struct machvm__target *target;
};

/*
 * Pins the task behind a name: KERN_SUCCESS, and then to be released;
 * MACH_SEND_INVALID_DEST for a null or unknown name; KERN_INVALID_ARGUMENT for a
 * port of another kind or a right that is too weak. A failure is on record.
 */
kern_return_t machvm__task_hold(mach_port_name_t name, enum machvm_right needed,
                                struct machvm__hold *hold);
void machvm__task_release(struct machvm__hold *hold);

/*
 * A name for the process behind a handle, which it takes over, also on failure.
 * Codes as machvm_task_open().
 */
kern_return_t machvm__task_new(int handle, enum machvm__handle kind,
                               struct machvm__process_numbers numbers, enum machvm_right right,
                               mach_port_name_t *name);

/* The process number of a task in our namespace (0: not visible here), or -ESRCH. */
int machvm__task_pid(struct machvm__hold *hold);

#endif
