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

/* A task in use. */
struct machvm__hold {
	mach_port_name_t name;
	struct machvm__port_entry *entry;
	struct machvm__pin *pin; /* null: counted */
	enum machvm_right right;
	struct machvm__target *target;
};

/*
 * Pins the task behind a name for a call, to be released by the thread that holds it:
 * KERN_SUCCESS; MACH_SEND_INVALID_DEST for a null or unknown name; KERN_INVALID_ARGUMENT
 * for a port of another kind or a right that is too weak. A failure is on record.
 */
static inline kern_return_t machvm__task_hold(mach_port_name_t name, enum machvm_right needed,
                                              struct machvm__hold *hold);
static inline void machvm__task_release(struct machvm__hold *hold);

/* The same for what outlives the call; any thread may release it. */
kern_return_t machvm__task_keep(mach_port_name_t name, enum machvm_right needed,
                                struct machvm__hold *hold);

/*
 * A name for the process behind a handle, which it takes over, also on failure.
 * Codes as machvm_task_open().
 */
kern_return_t machvm__task_new(int handle, enum machvm__handle kind,
                               struct machvm__process_numbers numbers, enum machvm_right right,
                               mach_port_name_t *name);

/*
 * A name for a target that was received: parts of bundle.h, inspected, which it takes over, also
 * on failure. Always a new name: what one right can do, another to the same process
 * need not, once the process has executed another program.
 */
kern_return_t machvm__task_adopt(const int *parts, size_t count, enum machvm__handle kind,
                                 struct machvm__process_numbers numbers, enum machvm_right right,
                                 mach_port_name_t *name);

/* Why a name cannot be held; lets go of it. Never KERN_SUCCESS. */
kern_return_t machvm__task_refuse(struct machvm__hold *hold, enum machvm_right needed);

/* Is what has been pinned a task, and the right enough? */
static inline kern_return_t machvm__task_admit(struct machvm__hold *hold, enum machvm_right needed)
{
	struct machvm__task *task;

	if (__builtin_expect(!hold->entry || hold->entry->kind != MACHVM__PORT_TASK, 0))
		return machvm__task_refuse(hold, needed);
	task = hold->entry->object;
	if (__builtin_expect(!task, 0)) {
		/* The name that is always there: what it names changes with fork. */
		hold->right = MACHVM_RIGHT_CONTROL;
		hold->target = machvm__target_own();
		return KERN_SUCCESS;
	}
	hold->right = task->right;
	hold->target = &task->target;
	if (__builtin_expect(hold->right > needed, 0))
		return machvm__task_refuse(hold, needed);
	return KERN_SUCCESS;
}

static inline kern_return_t machvm__task_hold(mach_port_name_t name, enum machvm_right needed,
                                              struct machvm__hold *hold)
{
	machvm__fork_notice();
	hold->name = name;
	hold->entry = machvm__port_use(name, &hold->pin);
	return machvm__task_admit(hold, needed);
}

static inline void machvm__task_release(struct machvm__hold *hold)
{
	machvm__port_unuse(hold->name, hold->entry, hold->pin);
}

/* The process number of a task in our namespace (0: not visible here), or -ESRCH. */
int machvm__task_pid(struct machvm__hold *hold);

#endif
