/* SPDX-License-Identifier: MIT */
/* granted - the TASK that is called @: a right that machvm grant handed to this command. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <mach/mach_init.h>
#include <mach/mach_port.h>

#include "failure.h"
#include "granted.h"
#include "number.h"
#include "right.h"

int granted_is(const char *task_name)
{
	return !strcmp(task_name, "@");
}

static int end_walk(const struct machvm_region *region, void *context)
{
	return 1;
}

/* Nothing is moved, and only whoever has the right is told so. */
static kern_return_t try(mach_port_t task, enum machvm_right right)
{
	switch (right) {
	case MACHVM_RIGHT_CONTROL:
		return machvm_write(task, 0, NULL, 0, 0);
	case MACHVM_RIGHT_READ:
		return machvm_read(task, 0, NULL, 0, 0);
	case MACHVM_RIGHT_INSPECT:
		return machvm_region_walk(task, 0, 1, end_walk, NULL);
	case MACHVM_RIGHT_NAME:
		break;
	}
	return KERN_SUCCESS;
}

int granted_receive(enum machvm_right right, mach_port_t *task)
{
	const char *variable = getenv(GRANTED_VARIABLE);
	kern_return_t kr;
	uint64_t number;

	if (!variable || number_read(variable, &number) || number > INT_MAX)
		return failure_say(STATUS_USAGE,
				   "TASK is @ only below machvm grant, which sets " GRANTED_VARIABLE);
	kr = machvm_task_receive((int)number, task);
	if (kr != KERN_SUCCESS)
		return failure_mach(kr);
	kr = try(*task, right);
	if (kr == KERN_SUCCESS)
		return STATUS_DONE;
	mach_port_deallocate(mach_task_self(), *task);
	*task = MACH_PORT_NULL;
	if (kr == KERN_INVALID_ARGUMENT)
		return failure_say(STATUS_DENIED, "the right that was granted is less than %s, which "
						  "this needs",
				   right_names[right]);
	return failure_mach(kr);
}
