/* SPDX-License-Identifier: MIT */
/* Threads that do one thing. */
#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct workers) <= 4096, "one page");

static struct workers *workers;
static int pipe_ends[2] = {-1, -1};

static void add(struct worker *me)
{
	__atomic_fetch_add(&me->progress, 1, __ATOMIC_RELAXED);
}

static void expect(struct worker *me, int good)
{
	if (!good)
		__atomic_fetch_add(&me->errors, 1, __ATOMIC_RELAXED);
}

static int stopping(struct worker *me)
{
	return (int)__atomic_load_n(&me->stop, __ATOMIC_ACQUIRE);
}

static void count(struct worker *me)
{
	while (!stopping(me))
		add(me);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void nap(struct worker *me)
{
	while (!stopping(me)) {
		uint64_t start = now();
		struct timespec t = {0, 1000000};

		expect(me, nanosleep(&t, NULL) == 0 && now() - start >= 1000000);
		add(me);
	}
}

static void wait_for_nothing(struct worker *me)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;

	while (!stopping(me)) {
		expect(me, epoll_wait(fd, &event, 1, 1) == 0);
		add(me);
	}
	close(fd);
}

static void take(struct worker *me)
{
	char byte;

	while (!stopping(me)) {
		expect(me, read(pipe_ends[0], &byte, 1) == 1);
		add(me);
	}
}

static void *nothing(void *unused)
{
	return unused;
}

static void multiply(struct worker *me)
{
	while (!stopping(me)) {
		pthread_t thread;
		int r = pthread_create(&thread, NULL, nothing, NULL);

		expect(me, r == 0);
		if (r == 0)
			pthread_join(thread, NULL);
		add(me);
	}
}

/*
 * Two bytes that kill stand before the landing: whoever is sent there and arrives where the
 * kernel would make a system call again does not survive. It is entered with the address of
 * what to count in the first register and what to pass in the second.
 */
void landing(void);
#if defined(__x86_64__)
__asm__(".text\n.globl landing\nud2\nlanding:\n"
	"mov %rsi, 8(%rdi)\n1: lock incq (%rdi)\npause\njmp 1b\n");

/* rbx r12 r13 r14 r15 rsi r8 r9 r10, and xmm0 and xmm15 */
static void hold(struct worker *me)
{
	unsigned index = (unsigned)(me - workers->worker);
	uint64_t *w = me->words;

	for (unsigned i = 0; i < 13; i++)
		w[i] = workers_value(index, i);
	__asm__ volatile("mov 0(%%rdi), %%rbx\nmov 8(%%rdi), %%r12\nmov 16(%%rdi), %%r13\n"
			 "mov 24(%%rdi), %%r14\nmov 32(%%rdi), %%r15\nmov 40(%%rdi), %%rsi\n"
			 "mov 48(%%rdi), %%r8\nmov 56(%%rdi), %%r9\nmov 64(%%rdi), %%r10\n"
			 "movdqu 72(%%rdi), %%xmm0\nmovdqu 88(%%rdi), %%xmm15\n"
			 "1: lock incq (%%rdx)\ncmpl $0, (%%rcx)\nje 1b\n"
			 "mov %%rbx, 0(%%rdi)\nmov %%r12, 8(%%rdi)\nmov %%r13, 16(%%rdi)\n"
			 "mov %%r14, 24(%%rdi)\nmov %%r15, 32(%%rdi)\nmov %%rsi, 40(%%rdi)\n"
			 "mov %%r8, 48(%%rdi)\nmov %%r9, 56(%%rdi)\nmov %%r10, 64(%%rdi)\n"
			 "movdqu %%xmm0, 72(%%rdi)\nmovdqu %%xmm15, 88(%%rdi)\n"
			 :
			 : "D"(w), "d"(&me->progress), "c"(&me->stop)
			 : "rbx", "r12", "r13", "r14", "r15", "rsi", "r8", "r9", "r10", "xmm0",
			   "xmm15", "memory", "cc");
}
#elif defined(__i386__)
__asm__(".text\n.globl landing\nud2\nlanding:\n"
	"mov %ecx, 8(%ebx)\n1: lock incl (%ebx)\npause\njmp 1b\n");

/* ebp esi, and xmm0 and xmm7; the first two as the low half of a word */
static void hold(struct worker *me)
{
	unsigned index = (unsigned)(me - workers->worker);
	uint64_t *w = me->words;

	for (unsigned i = 0; i < 6; i++)
		w[i] = workers_value(index, i);
	__asm__ volatile("push %%ebp\nmov 0(%%edi), %%ebp\nmov 8(%%edi), %%esi\n"
			 "movdqu 16(%%edi), %%xmm0\nmovdqu 32(%%edi), %%xmm7\n"
			 "1: lock incl (%%edx)\ncmpl $0, (%%ecx)\nje 1b\n"
			 "mov %%ebp, 0(%%edi)\nmov %%esi, 8(%%edi)\n"
			 "movdqu %%xmm0, 16(%%edi)\nmovdqu %%xmm7, 32(%%edi)\npop %%ebp\n"
			 :
			 : "D"(w), "d"(&me->progress), "c"(&me->stop)
			 : "esi", "memory", "cc"); /* SSE is nobody's in this build */
}
#else
void landing(void)
{
}

static void hold(struct worker *me)
{
	count(me);
}
#endif

static const struct kind {
	const char *name;
	void (*run)(struct worker *me);
} kinds[] = {
	{"count", count},          {"sleep", nap},       {"epoll", wait_for_nothing},
	{"read", take},            {"clone", multiply},  {"registers", hold},
};

static const struct kind *chosen;

static void *run(void *argument)
{
	struct worker *me = argument;

	me->stack = (uintptr_t)&me;
	__atomic_store_n(&me->tid, (uint32_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	chosen->run(me);
	__atomic_store_n(&me->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

int workers_start(const char *kind, unsigned number)
{
	static unsigned started;
	int r = 0;

	if (workers == NULL) {
		void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, REPORT_MAILBOX,
				  WORKERS_AT);

		if (page == MAP_FAILED || pipe(pipe_ends) != 0)
			return -errno;
		workers = page;
		workers->here = (uintptr_t)page;
		workers->landing = (uintptr_t)landing;
	}
	chosen = NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			chosen = &kinds[i];
	if (chosen == NULL || started + number > WORKERS_COUNT)
		return -EINVAL;
	for (unsigned i = 0; i < number && r == 0; i++) {
		struct worker *me = &workers->worker[started++];
		pthread_t thread;

		r = -pthread_create(&thread, NULL, run, me);
		while (r == 0 && !__atomic_load_n(&me->tid, __ATOMIC_ACQUIRE))
			usleep(100);
	}
	return r;
}

int workers_feed(unsigned number)
{
	while (number-- > 0)
		if (write(pipe_ends[1], "x", 1) != 1)
			return -errno;
	return 0;
}
