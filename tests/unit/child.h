/* SPDX-License-Identifier: MIT */
/* child.h - a child that does nothing, as a target: its memory is this process's copy. */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <sys/types.h>

#include "target.h"

struct child {
	pid_t pid;
	struct machvm__target target;
};

/* False where there is none to be had. The target stays where it is. */
bool child_open(struct child *child);
/* Ends and reaps it; the target is still there. */
void child_kill(struct child *child);
void child_close(struct child *child);

#endif
