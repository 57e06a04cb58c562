/* SPDX-License-Identifier: MIT */
/*
 * special.c - task_terminate, task_get_special_port and task_set_special_port: what
 * programs ask of a task besides its memory and threads.
 */
#include <errno.h>
#include <mach/mach.h>

#include "descriptor.h"
#include "error.h"
#include "range.h"

kern_return_t task_terminate(task_t target_task)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = machvm__error(KERN_FAILURE, "argument check",
			   "process %d is ended with kill(), as on macOS",
			   machvm__error_pid(hold.target));
	machvm__task_release(&hold);
	return kr;
}

/* Another port of the same process, which a port of that right may have: never a stronger one. */
static kern_return_t another_right(struct machvm__hold *hold, enum machvm_right right,
				   mach_port_t *port)
{
	int handle;

	if (right < hold->right)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "port 0x%x is too weak for that", hold->name);
	if (hold->right == right || (hold->target->own && right == MACHVM_RIGHT_CONTROL)) {
		kern_return_t kr = machvm__port_change(hold->name, 1);

		if (kr == KERN_SUCCESS)
			*port = hold->name;
		return kr;
	}
	if (hold->target->own) {
		enum machvm__handle kind;
		int self = machvm__process_self();

		handle = machvm__process_open(self, &kind);
		if (handle < 0)
			return machvm__error_open(self, handle);
		return machvm__task_new(handle, kind, hold->target->numbers, right, port);
	}
	handle = machvm__descriptor_duplicate(hold->target->handle);
	if (handle < 0)
		return machvm__error_open(machvm__error_pid(hold->target), handle);
	return machvm__task_new(handle, hold->target->kind, hold->target->numbers, right, port);
}

static kern_return_t not_here(int which)
{
	return machvm__error(KERN_NOT_SUPPORTED, "argument check",
			     "special port %d belongs to services that Linux does not have", which);
}

static kern_return_t no_such(int which)
{
	return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "there is no special port %d",
			     which);
}

kern_return_t task_get_special_port(task_inspect_t task, int which_port, mach_port_t *special_port)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(task, MACHVM_RIGHT_INSPECT, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	switch (which_port) {
	case TASK_KERNEL_PORT:
		kr = another_right(&hold, MACHVM_RIGHT_CONTROL, special_port);
		break;
	case TASK_READ_PORT:
		kr = another_right(&hold, MACHVM_RIGHT_READ, special_port);
		break;
	case TASK_INSPECT_PORT:
		kr = another_right(&hold, MACHVM_RIGHT_INSPECT, special_port);
		break;
	case TASK_NAME_PORT:
		kr = another_right(&hold, MACHVM_RIGHT_NAME, special_port);
		break;
	case TASK_HOST_PORT:
		*special_port = MACHVM__PORT_HOST_SELF;
		break;
	case TASK_BOOTSTRAP_PORT:
	case TASK_ACCESS_PORT:
	case TASK_DEBUG_CONTROL_PORT:
	case TASK_RESOURCE_NOTIFY_PORT:
		kr = not_here(which_port);
		break;
	default:
		kr = no_such(which_port);
	}
	machvm__task_release(&hold);
	return kr;
}

kern_return_t task_set_special_port(task_t task, int which_port, mach_port_t special_port)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	switch (which_port) {
	case TASK_KERNEL_PORT:
	case TASK_READ_PORT:
	case TASK_INSPECT_PORT:
	case TASK_NAME_PORT:
	case TASK_HOST_PORT:
	case TASK_BOOTSTRAP_PORT:
	case TASK_ACCESS_PORT:
	case TASK_DEBUG_CONTROL_PORT:
	case TASK_RESOURCE_NOTIFY_PORT:
		kr = machvm__error(KERN_NOT_SUPPORTED, "argument check",
				   "no special port can be set here");
		break;
	default:
		kr = no_such(which_port);
	}
	machvm__task_release(&hold);
	return kr;
}
