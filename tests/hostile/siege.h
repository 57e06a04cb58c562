/* SPDX-License-Identifier: MIT */
/*
 * Eight threads that write to, read from, protect and ask about a restless victim, and
 * what they have found. The thread that begins a siege looks after the victim:
 * when it exits, the next one gets its number.
 */
#ifndef TESTS_HOSTILE_SIEGE_H
#define TESTS_HOSTILE_SIEGE_H

#include "control.h"
#include "harness.h"

#define SIEGE_THREADS 8u
#define SIEGE_CODES   64u

struct siege {
	const char *name;
	unsigned modes;      /* of mischief */
	uint64_t operations; /* of each thread */
	bool signals;        /* a timer of the caller's interrupts every call */
	bool settles;        /* the first one: what is made once stays */
	unsigned room;       /* so many descriptors are left to it; 0: as ever */
};

/* Totals over all sieges of the program. */
struct siege_totals {
	uint64_t operations, successes, refusals, generations, rounds[MISCHIEF_COUNT], rings;
	uint64_t timeouts;
};
extern struct siege_totals siege_totals;

/* Runs it, and looks at everything afterwards; a victim is left at rest, and ended. */
void siege_run(const struct siege *siege);
/* For the end of a test, however it ended. */
void siege_end(void);

#endif
