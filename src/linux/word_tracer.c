/* SPDX-License-Identifier: MIT */
/*
 * word_tracer.c - PTRACE_SEIZE and PTRACE_INTERRUPT.
 *
 * Never PTRACE_ATTACH: it leaves a SIGSTOP behind. Signals that arrive during
 * the stop stay pending and are delivered after the detach; a job-control stop
 * survives it (ptrace(2), PTRACE_EVENT_STOP).
 */
#include "word_tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

/* How long a thread may take to stop; one in an uninterruptible sleep never does. */
#define STOP_MS 100

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Stopped is what a request that needs a stop says, not what wait says: another
 * thread of the caller may reap the report in its own waitpid(-1).
 */
static int await_stop(int tid, int *signal)
{
	int64_t deadline = milliseconds() + STOP_MS;
	siginfo_t info;

	*signal = 0;
	for (;;) {
		int status;
		int got = waitpid(tid, &status, __WALL | WNOHANG | __WNOTHREAD);

		if (got == tid && (WIFEXITED(status) || WIFSIGNALED(status)))
			return -ESRCH;
		if (ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) == 0) {
			/* Stopped on the way to delivering a signal: it goes on with it. */
			if (info.si_code >> 8 != PTRACE_EVENT_STOP)
				*signal = info.si_signo;
			return 0;
		}
		if (errno == EINVAL)
			return 0; /* a group stop has no siginfo */
		if (milliseconds() > deadline)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
	}
}

/* Not stopped, so it cannot be let go of: it stops once more, and then it is. */
static void give_up(int tid)
{
	int64_t deadline = milliseconds() + STOP_MS;

	while (ptrace(PTRACE_DETACH, tid, NULL, NULL) && errno == ESRCH && milliseconds() < deadline)
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

int machvm__word_tracer_stop(int tid, int *signal)
{
	int r;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return errno == ESRCH ? -ESRCH : -EPERM;
	r = ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) ? -errno : await_stop(tid, signal);
	if (r == -ETIMEDOUT)
		give_up(tid);
	return r;
}

void machvm__word_tracer_let_go(int tid, int signal)
{
	ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)signal);
}
