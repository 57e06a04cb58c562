/* SPDX-License-Identifier: MIT */
/*
 * ports.c - names and tasks: mach_task_self, task_for_pid and its kin,
 * pid_for_task, machvm_task_open, and the references to a name.
 */
#include <errno.h>
#include <mach/mach.h>
#include <machvm.h>

#include "descriptor.h"
#include "error.h"
#include "port.h"
#include "task.h"

/* A constant: what it names is looked up at each call, so that a child's is the child. */
mach_port_t mach_task_self_ = MACHVM__PORT_SELF;

mach_port_t(mach_task_self)(void)
{
	return MACHVM__PORT_SELF;
}

mach_port_t mach_host_self(void)
{
	return MACHVM__PORT_HOST_SELF;
}

boolean_t mach_task_is_self(task_name_t task)
{
	struct machvm__hold hold;
	boolean_t is_self;

	if (task == MACHVM__PORT_SELF)
		return TRUE;
	if (machvm__task_hold(task, MACHVM_RIGHT_NAME, &hold) != KERN_SUCCESS)
		return FALSE;
	is_self = hold.target->numbers.tgid == machvm__process_self() &&
	          machvm__target_alive(hold.target) == 0;
	machvm__task_release(&hold);
	return is_self;
}

/* Opens the process by its number. Codes as machvm_task_open(). */
static kern_return_t open_number(int pid, enum machvm_right right, mach_port_name_t *name)
{
	struct machvm__process_numbers numbers;
	enum machvm__handle kind;
	int handle, r;

	machvm__fork_notice();
	if (pid == machvm__process_self() && right == MACHVM_RIGHT_CONTROL) {
		*name = MACHVM__PORT_SELF;
		return KERN_SUCCESS;
	}
	handle = machvm__process_open(pid, &kind);
	if (handle < 0)
		return machvm__error_open(pid, handle);
	r = machvm__process_identify(handle, &kind, &numbers);
	if (r) {
		machvm__descriptor_close(handle);
		return machvm__error_open(pid, r == -EBADF ? -EACCES : r);
	}
	return machvm__task_new(handle, kind, numbers, right, name);
}

/* The port that asks must be a task: XNU's host access check has no counterpart here. */
static kern_return_t check_asker(mach_port_name_t asker)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__task_hold(asker, MACHVM_RIGHT_NAME, &hold);

	if (kr == KERN_SUCCESS)
		machvm__task_release(&hold);
	return kr;
}

/* One code for whatever was wrong, as XNU has it for these two. */
static kern_return_t open_or_fail(mach_port_name_t asker, int pid, enum machvm_right right,
				  mach_port_name_t *t)
{
	kern_return_t kr = check_asker(asker);

	if (kr == KERN_SUCCESS)
		kr = open_number(pid, right, t);
	if (kr == KERN_SUCCESS)
		return kr;
	*t = MACH_PORT_NULL;
	return KERN_FAILURE;
}

kern_return_t task_for_pid(mach_port_name_t target_tport, int pid, mach_port_name_t *t)
{
	return open_or_fail(target_tport, pid, MACHVM_RIGHT_CONTROL, t);
}

kern_return_t task_name_for_pid(mach_port_name_t target_tport, int pid, mach_port_name_t *tn)
{
	return open_or_fail(target_tport, pid, MACHVM_RIGHT_NAME, tn);
}

/* XNU's system calls: -1 and errno. */
static int open_as_system_call(mach_port_name_t asker, int pid, enum machvm_right right,
                               mach_port_name_t *t)
{
	kern_return_t kr = check_asker(asker);

	if (kr == KERN_SUCCESS)
		kr = open_number(pid, right, t);
	else
		kr = KERN_INVALID_ARGUMENT;
	if (kr == KERN_SUCCESS)
		return 0;
	*t = MACH_PORT_NULL;
	if (kr == KERN_INVALID_ARGUMENT)
		return machvm__descriptor_fail(EINVAL);
	if (pid == 0 || kr == KERN_DENIED)
		return machvm__descriptor_fail(EPERM);
	if (kr == KERN_RESOURCE_SHORTAGE)
		return machvm__descriptor_fail(machvm_last_error()->system_errno);
	/* What is left of a process that has exited is a corpse to XNU. */
	return machvm__descriptor_fail(machvm__process_listed(pid) ? EACCES : ESRCH);
}

int task_read_for_pid(mach_port_name_t target_tport, int pid, mach_port_name_t *t)
{
	return open_as_system_call(target_tport, pid, MACHVM_RIGHT_READ, t);
}

int task_inspect_for_pid(mach_port_name_t target_tport, int pid, mach_port_name_t *t)
{
	return open_as_system_call(target_tport, pid, MACHVM_RIGHT_INSPECT, t);
}

kern_return_t pid_for_task(mach_port_name_t t, int *pid)
{
	struct machvm__hold hold;
	int number;

	*pid = -1;
	if (machvm__task_hold(t, MACHVM_RIGHT_NAME, &hold) != KERN_SUCCESS)
		return KERN_FAILURE;
	number = machvm__task_pid(&hold);
	machvm__task_release(&hold);
	if (number <= 0) {
		machvm__error(KERN_FAILURE, "task lookup",
		              number ? "the process is gone"
		                     : "the process has no number in this pid namespace");
		return KERN_FAILURE;
	}
	*pid = number;
	return KERN_SUCCESS;
}

kern_return_t machvm_task_open(int pidfd, enum machvm_right right, mach_port_t *task)
{
	struct machvm__process_numbers numbers;
	enum machvm__handle kind;
	int handle, r;

	machvm__fork_notice();
	if ((unsigned)right > MACHVM_RIGHT_NAME || !task)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     task ? "no such right" : "the task is to be stored nowhere");
	r = machvm__process_identify(pidfd, &kind, &numbers);
	if (r == -EBADF)
		return machvm__error_system(KERN_INVALID_ARGUMENT, EBADF, "task open",
		                            "descriptor %d does not name a process", pidfd);
	if (r)
		return machvm__error_open(numbers.proc_tgid, r);
	if (numbers.tgid == machvm__process_self() && right == MACHVM_RIGHT_CONTROL) {
		*task = MACHVM__PORT_SELF;
		return KERN_SUCCESS;
	}
	handle = machvm__descriptor_duplicate(pidfd);
	if (handle < 0)
		return machvm__error_open(numbers.proc_tgid, handle);
	return machvm__task_new(handle, kind, numbers, right, task);
}

/* The name space that a reference routine works on: always our own. */
static kern_return_t check_space(ipc_space_t task)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__task_hold(task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	if (!hold.target->own)
		kr = machvm__error(KERN_NOT_SUPPORTED, "port lookup",
		                   "the names of another process are out of reach");
	machvm__task_release(&hold);
	return kr;
}

static kern_return_t record(kern_return_t kr, mach_port_name_t name)
{
	switch (kr) {
	case KERN_SUCCESS:
		return kr;
	case KERN_INVALID_NAME:
		return machvm__error(kr, "port lookup", "0x%x is not the name of a port", name);
	case KERN_UREFS_OVERFLOW:
		return machvm__error(kr, "port lookup", "port 0x%x has as many references as there can be",
		                     name);
	default:
		return machvm__error(kr, "port lookup", "port 0x%x has fewer references than that", name);
	}
}

kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_name_t name)
{
	kern_return_t kr = check_space(task);

	if (kr != KERN_SUCCESS || !MACH_PORT_VALID(name))
		return kr;
	return record(machvm__port_change(name, -1), name);
}

kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                 mach_port_delta_t delta)
{
	kern_return_t kr = check_space(task);
	uint32_t references;

	if (kr != KERN_SUCCESS)
		return kr;
	/* XNU refuses from 7 on: LABELH and NUMBER are legal words without a meaning. */
	if (right > MACH_PORT_RIGHT_NUMBER)
		return machvm__error(KERN_INVALID_VALUE, "argument check", "no such kind of right");
	if (!MACH_PORT_VALID(name)) {
		if (right == MACH_PORT_RIGHT_SEND || right == MACH_PORT_RIGHT_SEND_ONCE)
			return KERN_SUCCESS;
		return record(KERN_INVALID_NAME, name);
	}
	kr = machvm__port_count(name, &references);
	if (kr != KERN_SUCCESS)
		return record(kr, name);
	if (right != MACH_PORT_RIGHT_SEND)
		return machvm__error(KERN_INVALID_RIGHT, "port lookup", "port 0x%x has send rights only",
		                     name);
	return record(machvm__port_change(name, delta), name);
}

kern_return_t mach_port_get_refs(ipc_space_inspect_t task, mach_port_name_t name,
                                 mach_port_right_t right, mach_port_urefs_t *refs)
{
	kern_return_t kr = check_space(task);
	uint32_t references;

	if (kr != KERN_SUCCESS)
		return kr;
	if (right > MACH_PORT_RIGHT_NUMBER)
		return machvm__error(KERN_INVALID_VALUE, "argument check", "no such kind of right");
	kr = MACH_PORT_VALID(name) ? machvm__port_count(name, &references) : KERN_INVALID_NAME;
	if (kr != KERN_SUCCESS)
		return record(kr, name);
	*refs = right == MACH_PORT_RIGHT_SEND ? references : 0;
	return KERN_SUCCESS;
}

kern_return_t mach_port_type(ipc_space_t task, mach_port_name_t name, mach_port_type_t *ptype)
{
	kern_return_t kr = check_space(task);
	mach_port_type_t type = MACH_PORT_TYPE_SEND;
	struct machvm__hold hold;
	uint32_t references;

	if (kr != KERN_SUCCESS)
		return kr;
	kr = MACH_PORT_VALID(name) ? machvm__port_count(name, &references) : KERN_INVALID_NAME;
	if (kr != KERN_SUCCESS)
		return record(kr, name);
	if (name != MACHVM__PORT_HOST_SELF &&
	    machvm__task_hold(name, MACHVM_RIGHT_NAME, &hold) == KERN_SUCCESS) {
		if (machvm__target_alive(hold.target))
			type = MACH_PORT_TYPE_DEAD_NAME;
		machvm__task_release(&hold);
	}
	*ptype = type;
	return KERN_SUCCESS;
}
