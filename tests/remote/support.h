/* SPDX-License-Identifier: MIT */
/* Starting a victim, watching it from outside the library, and ending it. */
#ifndef TESTS_REMOTE_SUPPORT_H
#define TESTS_REMOTE_SUPPORT_H

#include <stdbool.h>

#include "session.h"
#include "shared.h"

struct victim {
	int pid, pidfd, shared_fd;
	unsigned threads;
	struct shared *shared;
	struct machvm__session_target target;
};

/* Ends the program with status 1 and a sentence. */
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);
#define REQUIRE(condition, ...)            \
	do {                               \
		if (!(condition))          \
			fail(__VA_ARGS__); \
	} while (0)

/*
 * Ends the program as one that was skipped when this scenario takes SCHED_FIFO and our children
 * may not use it: not without rights, and not in a CPU group without a budget for it.
 */
void require_scenario(const char *name);

/* What is said of a program's victims begins with its name alone. */
const char *name_of(const char *program);

/* False, and a sentence, where the kernel executes no such program. */
bool victim_runs(const char *program);
/* exec's `program scenario threads` and waits until all its threads run. */
void victim_start(struct victim *v, const char *program, const char *scenario, unsigned threads);
/* Tells it to finish, and fails unless its own checks passed. */
void victim_finish(struct victim *v);
void victim_kill(struct victim *v);

/* Stops it by job control, and returns when it has stopped. */
void victim_stop(struct victim *v);
/* Fails unless it is stopped like that still, and its parent was told of nothing since. */
void victim_is_stopped(struct victim *v);

/* The state letter of a thread, from /proc; 0 when it is gone. */
char thread_state(int pid, int tid);
int tracer_of(int pid, int tid);
/* Fails unless no thread is traced or held in a tracing stop (bounded wait). */
void victim_is_free(struct victim *v);
/* Fails unless every thread that runs its body gets on (bounded wait). */
void victim_gets_on(struct victim *v);

/* The first field of /proc/PID/maps's line for `address`: "rw-p". */
void protection_of(int pid, uint64_t address, char text[5]);

/* `quick` rounds, a thousand under MACHVM_HARM=full, or what MACHVM_REMOTE_ROUNDS says. */
unsigned rounds(unsigned quick);

#endif
