/* SPDX-License-Identifier: MIT */
/* Making victims in ways that need a namespace, a chosen pid, or another user. */
#ifndef TESTS_PROCESSES_H
#define TESTS_PROCESSES_H

#include "harness.h"

#define NOBODY 65534

/*
 * A victim with exactly this pid in the caller's namespace, which has to be
 * free. NULL where the kernel or the caller's rights do not allow it.
 */
struct victim *victim_spawn_with_pid(enum word word, pid_t pid);

/* May this program choose pids? */
bool victim_pid_can_be_chosen(void);

/* A victim that is the first process of a new pid namespace; NULL where that is not allowed. */
struct victim *victim_spawn_in_namespace(enum word word);

/* This process becomes an unprivileged one, for good; its /proc files are its own again. */
void become_nobody(void);

#endif
