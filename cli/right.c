/* SPDX-License-Identifier: MIT */
/* right - the rights of a task port by their names. */
#include <string.h>

#include "failure.h"
#include "right.h"

const char *const right_names[RIGHT_COUNT] = {
	[MACHVM_RIGHT_CONTROL] = "control",
	[MACHVM_RIGHT_READ] = "read",
	[MACHVM_RIGHT_INSPECT] = "inspect",
	[MACHVM_RIGHT_NAME] = "name",
};

int right_parse(const char *name, enum machvm_right *right)
{
	unsigned i;

	for (i = 0; i < RIGHT_COUNT; i++) {
		if (!strcmp(right_names[i], name)) {
			*right = (enum machvm_right)i;
			return STATUS_DONE;
		}
	}
	return failure_say(STATUS_USAGE, "%s is no right: control, read, inspect or name", name);
}
