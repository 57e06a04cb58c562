/* SPDX-License-Identifier: MIT */
/*
 * tally.h - what was tried on live programs, and what came of it.
 *
 * A running program unmaps what was just looked up, ends threads, and exits. An
 * answer that says so truly is a refusal; that a thread could not be stopped in time is
 * counted by itself. Every other code but success is a failure, and so is a process said
 * to be gone that is there.
 */
#ifndef REAL_TALLY_H
#define REAL_TALLY_H

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>

enum operation {
	LOOK,
	READ,
	READ_STILL,
	READ_LIST,
	FIND,
	ALLOCATE,
	WRITE,
	WRITE_STILL,
	PROTECT,
	COPY,
	REMAP,
	DEALLOCATE,
	TEXT,
	SUSPEND,
	RESUME,
	THREADS,
	STATE,
	SUSPEND_THREAD,
	OPERATIONS
};

/* A process that is worked on. */
struct subject {
	int pid;
	int pidfd;
	mach_port_t task;
	bool listed; /* seen in the last look at /proc */
	bool gone;
};

/* Codes as a set. */
#define CODE(code) (UINT64_C(1) << (code))
/* The program changed its map since the look. */
#define MOVED                                                                                   \
	(CODE(KERN_INVALID_ADDRESS) | CODE(KERN_PROTECTION_FAILURE) | CODE(KERN_MEMORY_ERROR) | \
	 CODE(KERN_NO_ACCESS) | CODE(KERN_ABORTED))

/*
 * Counts one answer. True when it is success. `excused` is the set of codes that are
 * refusals. Notes when the process is gone.
 */
bool tally_judge(struct subject *subject, enum operation operation, kern_return_t kr,
		 uint64_t excused);

/* Counts one result that is right or wrong: what was read back, what was refused. */
bool tally_hold(struct subject *subject, enum operation operation, bool holds, const char *what);

/* Prints a line for each operation: its name, successes, refusals, late ones, failures. True
 * without failures.
 */
bool tally_print(void);

#endif
