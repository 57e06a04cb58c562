/* SPDX-License-Identifier: MIT */
/*
 * word_tracer.c - PTRACE_SEIZE, PTRACE_INTERRUPT, PEEKDATA and POKEDATA.
 *
 * Never PTRACE_ATTACH: it leaves a SIGSTOP behind. Signals that arrive during
 * the stop stay pending and are delivered after the detach; a job-control stop
 * survives it (ptrace(2), PTRACE_EVENT_STOP).
 */
#include "word_tracer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
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

static int read_word(int tid, uint64_t at, long *word)
{
	errno = 0;
	*word = ptrace(PTRACE_PEEKDATA, tid, (void *)(uintptr_t)at, NULL);
	return *word == -1 && errno ? -EFAULT : 0;
}

static int move_words(enum machvm__direction direction, int tid, uint64_t raddr, char *local,
                      size_t size, size_t *done)
{
	const size_t width = sizeof(long);

	while (*done < size) {
		/* Aligned words, so that none crosses into a page the caller did not name. */
		uint64_t at = (raddr + *done) & ~(uint64_t)(width - 1);
		size_t skip = (size_t)(raddr + *done - at);
		size_t part = width - skip < size - *done ? width - skip : size - *done;
		long word = 0;

		if ((direction == MACHVM__READ || part < width) && read_word(tid, at, &word))
			return -EFAULT;
		if (direction == MACHVM__READ) {
			memcpy(local + *done, (char *)&word + skip, part);
		} else {
			memcpy((char *)&word + skip, local + *done, part);
			if (ptrace(PTRACE_POKEDATA, tid, (void *)(uintptr_t)at, (void *)word))
				return -EFAULT;
		}
		*done += part;
	}
	return 0;
}

int machvm__word_tracer_move(enum machvm__direction direction, int tid, uint64_t raddr, void *local,
                             size_t size, size_t *done)
{
	int signal, r;

	*done = 0;
	if (sizeof(long) < sizeof raddr && raddr + size > UINTPTR_MAX)
		return -EFAULT;
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return errno == ESRCH ? -ESRCH : -EPERM;
	r = ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) ? -errno : await_stop(tid, &signal);
	if (r == 0) {
		r = move_words(direction, tid, raddr, local, size, done);
		ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)signal);
	} else if (r == -ETIMEDOUT) {
		/* Not stopped, so it cannot be let go of: it stops once more, and then it is. */
		int64_t deadline = milliseconds() + STOP_MS;

		while (ptrace(PTRACE_DETACH, tid, NULL, NULL) && errno == ESRCH &&
		       milliseconds() < deadline)
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
	return r;
}
