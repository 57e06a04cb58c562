/* SPDX-License-Identifier: MIT */
/*
 * task_name - TASK on the command line: a pid, or the name of exactly one
 * running program.
 *
 * Digits are a pid. A name fits a program's command name, the last part of its
 * path, or its whole path; kernel threads, zombies and this command never fit.
 */
#ifndef CLI_TASK_NAME_H
#define CLI_TASK_NAME_H

/* The pid that TASK means; complains otherwise. A pid given as digits is not looked at. */
int task_name_resolve(const char *text, int *pid);

/* Does the process still fit TASK? */
int task_name_fits(const char *text, int pid);

#endif
