/* SPDX-License-Identifier: MIT */
/* process - what /proc tells everybody about a process. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <limits.h>

struct process {
	int pid;
	int kernel; /* a kernel thread */
	int zombie; /* dead, and no thread of it lives on */
	char name[64];
};

/* 0, -ESRCH when there is no such process, or -errno. Takes no right on it. */
int process_read(int pid, struct process *process);

/* Is this the program that `name` (a command name or a path) calls? */
int process_is(const struct process *process, const char *name);

/*
 * The path of the program, without the kernel's " (deleted)", or -errno. A
 * process whose first thread has ended is asked through one that lives.
 */
int process_program(int pid, char path[PATH_MAX]);

/* Opens the program file itself, also when its path is gone; or -errno. */
int process_program_open(int pid);

/* The process that thread `tid` belongs to, or 0. */
int process_of_thread(int tid);

/*
 * Calls `visit` for every process until it returns other than 0, and returns
 * that. -errno when there is no /proc.
 */
int process_each(int (*visit)(const struct process *process, void *context), void *context);

#endif
