/* SPDX-License-Identifier: MIT */
/*
 * Threads of the victim that do one thing over and over, and tell in the last page of the
 * mailbox how often and whether it was disturbed. Victim and test share this file.
 *
 *   count      counts
 *   sleep      sleeps a millisecond; EINTR or a short sleep is an error
 *   epoll      waits a millisecond for nothing; EINTR is an error
 *   read       reads bytes that "feed" sends; EINTR is an error
 *   clone      starts a thread and joins it
 *   registers  holds known values in its registers until `stop`, then reports them
 */
#ifndef TESTS_WORKERS_H
#define TESTS_WORKERS_H

#include <stdint.h>

#include "report.h"

#define WORKERS_AT    (REPORT_ROOM - 4096)
#define WORKERS_COUNT 16
#define WORKERS_WORDS 16

/* Same layout in 32-bit and 64-bit programs. */
struct worker {
	_Alignas(8) uint64_t progress;
	uint32_t errors, tid;
	uint32_t stop, done;
	uint64_t stack;                /* an address in its stack */
	uint64_t words[WORKERS_WORDS]; /* registers, in the order of workers.c */
};

struct workers {
	_Alignas(8) uint64_t here; /* where the victim has this page */
	uint64_t landing; /* code that counts in `landed`, and must not be entered before its start */
	uint64_t landed, passed; /* rounds, and what its first argument register held */
	struct worker worker[WORKERS_COUNT];
};

/* What a worker puts into register `index`: the test knows it too. */
static inline uint64_t workers_value(unsigned worker, unsigned index)
{
	return UINT64_C(0x1122334455660000) + worker * 0x100u + index;
}

int workers_start(const char *kind, unsigned count);
/* Sends bytes to the readers. */
int workers_feed(unsigned count);

#endif
