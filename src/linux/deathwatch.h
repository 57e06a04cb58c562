/* SPDX-License-Identifier: MIT */
/*
 * deathwatch.h - has this process exited? Asked before and after every copy,
 * because the copy takes a number and the number may have a new owner.
 *
 * One epoll instance has every pidfd in it: one quick system call says "none of
 * them" (0.4 of a poll(2) of the pidfd). Where it cannot serve, the handle itself
 * is asked. Both are exact: the pidfd wakes before the number can be reused.
 *
 * A dummy perf event with `task` costs two loads instead, and was given up: with
 * it, writes hit the next owner of a number now and then and called it a success
 * (tests/api/reuse.c). Why the event stays quiet then has not been found out.
 */
#ifndef MACHVM_LINUX_DEATHWATCH_H
#define MACHVM_LINUX_DEATHWATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "process.h"

struct machvm__deathwatch {
	int handle;
	enum machvm__handle kind;
	_Atomic bool dead;
	_Atomic uint32_t epoll_epoch; /* registered in the epoll instance of that epoch */
};

void machvm__deathwatch_init(struct machvm__deathwatch *watch, int handle,
                             enum machvm__handle kind);
void machvm__deathwatch_fini(struct machvm__deathwatch *watch);

/* 0 while the process lives, else -ESRCH. */
int machvm__deathwatch_check(struct machvm__deathwatch *watch);

#endif
