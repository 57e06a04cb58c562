/* SPDX-License-Identifier: MIT */
/* tally - counts answers, and tells which are failures. */
#include <machvm.h>
#include <poll.h>
#include <stdio.h>

#include "tally.h"

/* Failures beyond these are counted only. */
#define TOLD 20

static struct {
	const char *name;
	uint64_t done, refused, late, failed;
} tallies[OPERATIONS] = {
	[LOOK] = {"look"},
	[READ] = {"read"},
	[READ_STILL] = {"read-stopped"},
	[READ_LIST] = {"read-list"},
	[FIND] = {"find"},
	[ALLOCATE] = {"allocate"},
	[WRITE] = {"write"},
	[WRITE_STILL] = {"write-stopped"},
	[PROTECT] = {"protect"},
	[COPY] = {"copy"},
	[REMAP] = {"remap"},
	[DEALLOCATE] = {"deallocate"},
	[TEXT] = {"write-text"},
	[SUSPEND] = {"suspend"},
	[RESUME] = {"resume"},
	[THREADS] = {"threads"},
	[STATE] = {"registers"},
	[SUSPEND_THREAD] = {"suspend-thread"},
};
static unsigned told;

/* A process that has begun to exit is gone for us, and dead soon: waited for. */
#define EXIT_MOST 20000

static bool is_dead(const struct subject *subject)
{
	struct pollfd poller = {.fd = subject->pidfd, .events = POLLIN};

	return poll(&poller, 1, EXIT_MOST) == 1;
}

static void fail(const struct subject *subject, enum operation operation, const char *what)
{
	tallies[operation].failed++;
	if (told++ < TOLD)
		fprintf(stderr, "%s of process %d: %s\n", tallies[operation].name, subject->pid,
			what);
}

bool tally_judge(struct subject *subject, enum operation operation, kern_return_t kr,
		 uint64_t excused)
{
	char what[400];

	if (kr == KERN_SUCCESS) {
		tallies[operation].done++;
		return true;
	}
	if (kr == MACH_SEND_INVALID_DEST && is_dead(subject)) {
		subject->gone = true;
		tallies[operation].refused++;
		return false;
	}
	if (kr > 0 && kr < 64 && CODE(kr) & excused) {
		if (kr == KERN_OPERATION_TIMED_OUT)
			tallies[operation].late++;
		else
			tallies[operation].refused++;
		return false;
	}
	snprintf(what, sizeof what, "%s (%s, errno %d, step %s, 0x%llx)", mach_error_string(kr),
		 machvm_last_error()->message, machvm_last_error()->system_errno,
		 machvm_last_error()->step, (unsigned long long)machvm_last_error()->address);
	fail(subject, operation, what);
	return false;
}

bool tally_hold(struct subject *subject, enum operation operation, bool holds, const char *what)
{
	if (!holds)
		fail(subject, operation, what);
	return holds;
}

bool tally_print(void)
{
	uint64_t failed = 0;

	for (int i = 0; i < OPERATIONS; i++) {
		printf("%s %llu %llu %llu %llu\n", tallies[i].name,
		       (unsigned long long)tallies[i].done, (unsigned long long)tallies[i].refused,
		       (unsigned long long)tallies[i].late, (unsigned long long)tallies[i].failed);
		failed += tallies[i].failed;
	}
	return failed == 0;
}
