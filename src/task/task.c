/* SPDX-License-Identifier: MIT */
/* task.c - tasks: from a name to a target, from a handle to a name. */
#include "task.h"

#include <errno.h>
#include <mach/message.h>
#include <stdlib.h>

#include "bundle.h"
#include "descriptor.h"
#include "error.h"
#include "gates.h"

static kern_return_t unknown(mach_port_name_t name)
{
	if (name == MACH_PORT_NULL || name == MACH_PORT_DEAD)
		return machvm__error(MACH_SEND_INVALID_DEST, "task lookup", "the task port is null");
	return machvm__error(MACH_SEND_INVALID_DEST, "task lookup",
	                     "0x%x is not the name of a port", name);
}

kern_return_t machvm__task_keep(mach_port_name_t name, enum machvm_right needed,
                                struct machvm__hold *hold)
{
	machvm__fork_notice();
	*hold = (struct machvm__hold){.name = name, .entry = machvm__port_hold(name)};
	return machvm__task_admit(hold, needed);
}

kern_return_t machvm__task_refuse(struct machvm__hold *hold, enum machvm_right needed)
{
	static const char *const rights[] = {"control", "read", "inspect", "name"};
	kern_return_t kr;

	if (!hold->entry)
		return unknown(hold->name);
	if (hold->entry->kind != MACHVM__PORT_TASK) {
		kr = machvm__error(KERN_INVALID_ARGUMENT, "task lookup", "port 0x%x is not a task",
		                   hold->name);
	} else {
		struct machvm__task *task = hold->entry->object;

		/* A dead process comes before a weak right. */
		if (machvm__target_alive(&task->target))
			kr = machvm__error_gone(&task->target, "task lookup");
		else
			kr = machvm__error(KERN_INVALID_ARGUMENT, "task lookup",
			                   "port 0x%x is a task %s port; this needs the %s right", hold->name,
			                   rights[task->right], rights[needed]);
	}
	machvm__task_release(hold);
	return kr;
}

static void destroy(void *object)
{
	struct machvm__task *task = object;

	machvm__target_fini(&task->target);
	free(task);
}

static void renew_task(void *object)
{
	struct machvm__task *task = object;

	machvm__target_renew(&task->target);
}

static void renew(void)
{
	machvm__port_each(MACHVM__PORT_TASK, renew_task);
}

struct wanted {
	enum machvm_right right;
	int tgid;
};

/* Two live processes never share a number, and the wanted one lives. */
static bool same(void *object, const void *wanted)
{
	struct machvm__task *task = object;
	const struct wanted *w = wanted;

	return task && !task->target.received && task->right == w->right && w->tgid && task->target.numbers.tgid == w->tgid &&
	       machvm__process_alive(task->target.handle, task->target.kind) == 0;
}

/* Is the caller let in? What a right needs is tried by doing it, once. */
static kern_return_t knock(struct machvm__task *task)
{
	int r;

	if (task->right == MACHVM_RIGHT_NAME)
		return KERN_SUCCESS;
	if (task->right == MACHVM_RIGHT_INSPECT) {
		struct machvm__vma vma;
		r = machvm__target_region(&task->target, 0, &vma, NULL, 0);
		r = r == -ENOENT ? 0 : r;
	} else {
		/* The gate of a debugger; the descriptor is opened again when it is needed. */
		int fd = machvm__target_open_named(&task->target, "mem");
		r = fd < 0 ? fd : 0;
		machvm__descriptor_close(fd);
	}
	/* A task costs one descriptor until it is used. */
	machvm__target_release_files(&task->target);
	if (r == -EOPNOTSUPP) {
		/* No /proc: a copy of one byte that is not there passes the same gate. */
		char byte;
		size_t done;
		r = machvm__target_move(&task->target, MACHVM__READ, 0, &byte, 1, &done);
		r = r == -EFAULT || r == -EIO ? 0 : r;
	}
	if (r == 0)
		return KERN_SUCCESS;
	/* An exiting process has lost its memory before it counts as dead: it is as good as gone. */
	if (r == -ESRCH && machvm__process_alive(task->target.handle, task->target.kind) == 0 &&
	    machvm__gates_kernel_thread(task->target.numbers.proc_tgid))
		return machvm__error_system(KERN_DENIED, ESRCH, "task open",
		                            "process %d is a kernel thread and has no memory of its own",
		                            task->target.numbers.proc_tgid);
	return machvm__error_open(task->target.numbers.proc_tgid, r);
}

kern_return_t machvm__task_new(int handle, enum machvm__handle kind,
                               struct machvm__process_numbers numbers, enum machvm_right right,
                               mach_port_name_t *name)
{
	struct wanted wanted = {right, numbers.tgid};
	struct machvm__task *task;
	kern_return_t kr;

	machvm__port_destructor(MACHVM__PORT_TASK, destroy);
	machvm__fork_notice_add(renew);
	task = malloc(sizeof *task);
	if (!task) {
		machvm__descriptor_close(handle);
		return machvm__error_open(numbers.proc_tgid, -ENOMEM);
	}
	task->right = right;
	machvm__target_init(&task->target, handle, kind, numbers, right == MACHVM_RIGHT_CONTROL);
	kr = knock(task);
	if (kr == KERN_SUCCESS && machvm__port_find(MACHVM__PORT_TASK, same, &wanted, name)) {
		destroy(task);
		return KERN_SUCCESS;
	}
	if (kr == KERN_SUCCESS && !machvm__port_insert(MACHVM__PORT_TASK, task, name))
		kr = machvm__error(KERN_RESOURCE_SHORTAGE, "task open", "no port name is left");
	if (kr != KERN_SUCCESS)
		destroy(task);
	return kr;
}

kern_return_t machvm__task_adopt(const int *parts, size_t count, enum machvm__handle kind,
                                 struct machvm__process_numbers numbers, enum machvm_right right,
                                 mach_port_name_t *name)
{
	struct machvm__task *task = malloc(sizeof *task);

	machvm__port_destructor(MACHVM__PORT_TASK, destroy);
	machvm__fork_notice_add(renew);
	if (!task) {
		for (size_t i = 0; i < count; i++)
			machvm__descriptor_close(parts[i]);
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, ENOMEM, "task receive",
		                            "no memory is left for the right, which is lost");
	}
	task->right = right;
	machvm__target_adopt(&task->target, parts, count, kind, numbers);
	if (machvm__port_insert(MACHVM__PORT_TASK, task, name))
		return KERN_SUCCESS;
	destroy(task);
	return machvm__error(KERN_RESOURCE_SHORTAGE, "task receive",
	                     "no port name is left for the right, which is lost");
}

int machvm__task_pid(struct machvm__hold *hold)
{
	if (machvm__target_alive(hold->target))
		return -ESRCH;
	return hold->target->numbers.tgid;
}
