/* SPDX-License-Identifier: MIT */
/*
 * deathwatch.h - has this process exited? Asked before and after every copy,
 * because the copy takes a number and the number may have a new owner.
 *
 * Three ways, the cheapest that is at hand:
 * - a dummy perf event on the leader: the kernel moves data_head in a mapped
 *   page when the thread exits, which costs two loads to see (perf_event_open(2),
 *   PERF_COUNT_SW_DUMMY with `task`; needs perf_event_paranoid <= 2);
 * - one epoll instance with every pidfd in it: one quick system call that says
 *   "none of them" (0.4 of a poll(2) of the pidfd);
 * - asking the handle itself.
 * All three are exact: the exit is on record before the number can be reused
 * (do_exit() writes the perf record and wakes the pidfd before release_task()).
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
	/* The mapped perf page, good in the process whose epoch is `perf_epoch`. */
	_Atomic(const void *) perf_page;
	_Atomic uint64_t perf_head; /* as it was when the process was last known to live */
	_Atomic uint32_t perf_epoch;
	_Atomic bool perf_lost; /* the event no longer watches the leader */
	_Atomic uint32_t epoll_epoch; /* registered in the epoll instance of that epoch */
	_Atomic uint32_t asked;       /* how often without a perf event */
	int perf_fd;
};

void machvm__deathwatch_init(struct machvm__deathwatch *watch, int handle,
                             enum machvm__handle kind);
void machvm__deathwatch_fini(struct machvm__deathwatch *watch);

/* The long way round: 0 while it lives, else -ESRCH. */
int machvm__deathwatch_ask(struct machvm__deathwatch *watch, int tgid);

/* The offset of data_head in struct perf_event_mmap_page. */
#define MACHVM__PERF_HEAD 1024

/* The epoch of this process: another number after every fork. */
extern _Atomic uint32_t machvm__epoch;

/* 0 while the process lives, else -ESRCH. `tgid` is its number in our namespace. */
static inline int machvm__deathwatch_check(struct machvm__deathwatch *watch, int tgid)
{
	const char *page = atomic_load_explicit(&watch->perf_page, memory_order_acquire);

	if (page &&
	    atomic_load_explicit(&watch->perf_epoch, memory_order_relaxed) ==
	            atomic_load_explicit(&machvm__epoch, memory_order_relaxed) &&
	    *(const volatile uint64_t *)(const void *)(page + MACHVM__PERF_HEAD) ==
	            atomic_load_explicit(&watch->perf_head, memory_order_relaxed))
		return 0;
	return machvm__deathwatch_ask(watch, tgid);
}

#endif
