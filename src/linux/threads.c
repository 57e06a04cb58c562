/* SPDX-License-Identifier: MIT */
/* threads.c - starting threads for one call, and seeing them off. */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* Enough for what a lane does: two tables of iovecs, and room to spare. */
#define STACK ((size_t)512 << 10)

struct lane {
	pthread_t thread;
	void (*body)(void *context, unsigned lane);
	void *context;
	unsigned number;
};

unsigned machvm__threads_processors(void)
{
	cpu_set_t allowed;
	long online;

	if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
		return (unsigned)CPU_COUNT(&allowed);
	/* More processors than the set has room for. */
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 1 ? (unsigned)online : 1;
}

static void *run_lane(void *argument)
{
	struct lane *lane = argument;

	lane->body(lane->context, lane->number);
	return NULL;
}

/* All but those that a thread raises against itself: blocked, they would kill. */
static void asynchronous(sigset_t *set)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT};

	sigfillset(set);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		sigdelset(set, own[i]);
}

static unsigned start(struct lane *lanes, unsigned wanted)
{
	sigset_t blocked, before;
	pthread_attr_t attributes;
	unsigned started = 1;

	if (pthread_attr_init(&attributes))
		return 1;
	pthread_attr_setstacksize(&attributes, STACK);
	asynchronous(&blocked);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	while (started < wanted && pthread_create(&lanes[started].thread, &attributes, run_lane,
	                                          &lanes[started]) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

void machvm__threads_run(unsigned lanes, void (*body)(void *context, unsigned lane), void *context)
{
	struct lane lane[MACHVM__THREADS_MAX];
	unsigned started;
	int before;

	if (lanes > MACHVM__THREADS_MAX)
		lanes = MACHVM__THREADS_MAX;
	for (unsigned i = 0; i < lanes; i++)
		lane[i] = (struct lane){.body = body, .context = context, .number = i};
	/* Whoever is cancelled in here would leave threads with a dead frame's addresses. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	started = lanes > 1 ? start(lane, lanes) : 1;
	body(context, 0);
	while (--started)
		pthread_join(lane[started].thread, NULL);
	pthread_setcancelstate(before, NULL);
}
