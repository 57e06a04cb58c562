/* SPDX-License-Identifier: MIT */
/* target - the process that a verb works on, opened with the right it needs. */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include <mach/port.h>
#include <machvm.h>

struct target {
	int pid;
	char name[64];    /* its command name */
	mach_port_t task; /* a port with the right that was asked for */
	unsigned word;    /* the size of its pointers in bytes, 4 or 8 */
};

/* Finds TASK and opens it; complains otherwise. */
int target_open(struct target *target, const char *task_name, enum machvm_right right);
/* A descriptor that names the process, or -errno. */
int target_hold(int pid);
void target_close(struct target *target);

#endif
