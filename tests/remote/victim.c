/* SPDX-License-Identifier: MIT */
/*
 * victim SCENARIO THREADS: does one thing over and over and checks that nobody
 * disturbed it. It shares SHARED_FD with the test and dies with its parent.
 */
#include "victim.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

struct shared *shared;
const char *self;
unsigned thread_count;

void complain(int line, const char *format, ...)
{
	int saved = errno;
	va_list list;

	if (__atomic_fetch_add(&shared->errors, 1, __ATOMIC_SEQ_CST))
		return;
	va_start(list, format);
	snprintf(shared->text, 40, "victim.c:%d (errno %d): ", line, saved);
	vsnprintf(shared->text + strlen(shared->text), 200, format, list);
	va_end(list);
}

int stopping(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
}

void advance(unsigned me)
{
	__atomic_fetch_add(&shared->progress[me], 1, __ATOMIC_RELAXED);
}

int tolerated(int e)
{
	return e == EINTR && __atomic_load_n(&shared->lenient, __ATOMIC_RELAXED);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the frame of it all ---- */

static const struct scenario {
	const char *name;
	void (*body)(unsigned me);
	void (*check)(void);
} scenarios[] = {
	{"nanosleep", body_nanosleep, NULL},
	{"poll", body_poll, NULL},
	{"epoll", body_epoll, NULL},
	{"futex", body_futex, NULL},
	{"sigtimedwait", body_sigtimedwait, NULL},
	{"read", body_read, NULL},
	{"accept", body_accept, NULL},
	{"spin", body_spin, NULL},
	{"flood", body_flood, NULL},
	{"sigtrap", body_sigtrap, NULL},
	{"trapignored", body_trapignored, NULL},
	{"timer", body_timer, NULL},
	{"vfork", body_vfork, NULL},
	{"longvfork", body_longvfork, NULL},
	{"exec", body_exec, NULL},
	{"strict", body_strict, NULL},
	{"filter", body_filter, NULL},
	{"dispatch", body_dispatch, NULL},
	{"rseq", body_rseq, check_rseq},
	{"fifo", body_fifo, NULL},
};

static const struct scenario *chosen;

static void *run(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	chosen->body(me);
	__atomic_fetch_add(&shared->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[SHARED_THREADS];
	char *page;

	if (argc == 2 && !strcmp(argv[1], "true"))
		return 7;
	if (argc != 3)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	self = argv[0];
	thread_count = (unsigned)atoi(argv[2]);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || page == MAP_FAILED)
		return 2;
	for (unsigned i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (!strcmp(scenarios[i].name, argv[1]))
			chosen = &scenarios[i];
	}
	if (!chosen)
		return 2;
	shared->page = (uintptr_t)page;
	for (unsigned i = 1; i < thread_count; i++)
		pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i);
	run(NULL);
	for (unsigned i = 1; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	if (chosen->check)
		chosen->check();
	return shared->errors ? 1 : 0;
}
