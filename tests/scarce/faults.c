/* SPDX-License-Identifier: MIT */
/* The allocations, descriptors and signals of a scenario, in the test's hands. */
#include "faults.h"

#include "travel.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* The allocations of this thread are counted while a scenario runs; one of them fails. */
static _Thread_local bool counting;
static _Thread_local unsigned long allocation, failing;
static unsigned long refusals;

/* Much memory of that kind, below the thread pointer: a helper has room for as much. */
_Thread_local char large_thread_local[1 << 20];

static bool refuse_allocation(void)
{
	if (!counting || ++allocation != failing)
		return false;
	refusals++;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size)
{
	return refuse_allocation() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return refuse_allocation() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return refuse_allocation() ? NULL : __real_realloc(old, size);
}

void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return refuse_allocation() ? MAP_FAILED : __real_mmap64(at, size, prot, flags, fd, offset);
}

/* Which answers are honest when something is short. */
static bool strict;

static bool honest(kern_return_t kr)
{
	return kr == KERN_SUCCESS || (!strict && kr == KERN_RESOURCE_SHORTAGE);
}

kern_return_t faults_expect_honest(const char *file, int line, const char *call, kern_return_t kr)
{
	bool was = counting;

	counting = false;
	if (!honest(kr))
		harness_expect_code(file, line, call, kr,
				    strict ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE);
	counting = was;
	return kr;
}

void faults_begin(void)
{
	allocation = 0;
	counting = true;
}

void faults_end(void)
{
	counting = false;
}

/* The second run finds everything that is made once. */
static void settle(void (*scenario)(void), void (*verify)(void))
{
	strict = true;
	failing = 0;
	scenario();
	scenario();
	verify();
}

struct things {
	unsigned descriptors, mappings, threads;
};

static struct things count_things(void)
{
	return (struct things){count_descriptors(), count_mappings(), count_threads()};
}

static void expect_things(const struct things *before)
{
	struct things now = count_things();

	expect_number(now.descriptors, before->descriptors);
	expect_number(now.mappings, before->mappings);
	expect_number(now.threads, before->threads);
}

void faults_fail_allocations(void (*scenario)(void), void (*verify)(void))
{
	struct things before;
	unsigned long n;

	settle(scenario, verify);
	before = count_things();
	strict = false;
	refusals = 0;
	for (n = 1;; n++) {
		unsigned long had = refusals;

		failing = n;
		trying("allocation %lu fails", n);
		scenario();
		if (refusals == had)
			break;
		if (n % 8 == 0)
			verify();
	}
	failing = 0;
	verify();
	expect_things(&before);
	assert_true(refusals > 0);
	print_message("%lu allocations were refused, one after the other\n", refusals);
}

void faults_take_descriptors(void (*scenario)(void), void (*verify)(void))
{
	struct rlimit old, tight;
	struct things before;
	int plugs[256];

	settle(scenario, verify);
	before = count_things();
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = 128;
	for (unsigned room = 0; room < 40; room++) {
		unsigned used = 0;

		setrlimit(RLIMIT_NOFILE, &tight);
		while (used < ARRAY_SIZE(plugs) && (plugs[used] = dup(0)) >= 0)
			used++;
		for (unsigned i = 0; i < room && used > 0; i++)
			close(plugs[--used]);
		strict = false;
		trying("room for %u descriptors", room);
		scenario();
		while (used > 0)
			close(plugs[--used]);
		setrlimit(RLIMIT_NOFILE, &old);
		verify();
		expect_things(&before);
	}
}

static volatile sig_atomic_t rings;

static void ring(int signal)
{
	rings++;
}

void faults_interrupt(void (*scenario)(void), void (*verify)(void))
{
	struct sigaction action = {.sa_handler = ring}, old;
	struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	struct things before;

	settle(scenario, verify);
	before = count_things();
	sigaction(SIGALRM, &action, &old);
	for (unsigned i = 0; i < 200; i++) {
		setitimer(ITIMER_REAL, &often, NULL);
		scenario();
		/* The victim is talked to in peace: the harness does not expect signals. */
		setitimer(ITIMER_REAL, &never, NULL);
		if (i % 20 == 0)
			verify();
	}
	sigaction(SIGALRM, &old, NULL);
	verify();
	expect_things(&before);
	print_message("%d signals\n", (int)rings);
}
