/* SPDX-License-Identifier: MIT */
/*
 * The restless victim: does to itself what makes it hard to reach, and looks all the while
 * whether anybody has touched what is not theirs. Nothing of machvm is in it.
 *
 *   victim GENERATION    with the control page as descriptor 3, and a pipe as 4
 *
 * It writes a byte into the pipe whenever it is ready, rests, or has reported.
 */
#include "control.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct control *control;
static uint8_t generation;
static char *program;

static void *area(size_t offset)
{
	return (void *)(uintptr_t)(CONTROL_BASE + offset);
}

/* What cannot fail has failed: the test tells where, and why. */
static void give_up(int where)
{
	control->why = errno;
	_exit(where);
}

static void tell(void)
{
	while (write(CONTROL_EVENTS, "", 1) != 1)
		if (errno != EINTR)
			give_up(10);
}

/* ---- looking ---- */

static bool is_mine(uint64_t word)
{
	uint8_t of = (uint8_t)(word >> 32);

	return of == 0 || of == generation;
}

static void check_slots(void)
{
	const volatile uint64_t *slots = area(AREA_SLOTS);

	for (size_t i = 0; i < (AREA_SLOTS_END - AREA_SLOTS) / 8; i++) {
		uint64_t word = slots[i];

		if (is_mine(word))
			continue;
		control->stray[0] = word;
		control->stray[1] = i * 8;
		atomic_fetch_add(&control->strays, 1);
	}
}

static uint64_t canary(size_t index)
{
	return (index + 1) * 0x9e3779b97f4a7c15u;
}

static void check_canary(void)
{
	const volatile uint64_t *words = area(AREA_CANARY);

	for (size_t i = 0; i < (AREA_CANARY_END - AREA_CANARY) / 8; i++)
		if (words[i] != canary(i))
			atomic_fetch_add(&control->broken, 1);
	atomic_fetch_add(&control->checks, 1);
}

static void *look_on(void *unused)
{
	for (;;)
		check_canary();
	return NULL;
}

/* ---- mischief ---- */

/* A child's memory is its own from the first: nothing in it may change. */
static void watch_slots(void)
{
	static uint8_t before[AREA_SLOTS_END - AREA_SLOTS];

	memcpy(before, area(AREA_SLOTS), sizeof(before));
	for (int i = 0; i < 50; i++)
		if (memcmp(before, area(AREA_SLOTS), sizeof(before)) != 0)
			_exit(1);
	_exit(0);
}

static void fork_once(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		watch_slots();
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR) {
			atomic_fetch_add(&control->failed, 1);
			return;
		}
	if (child > 0 && status != 0)
		atomic_fetch_add(&control->strays, 1);
}

/* Signals that are pending stay so, and are taken by the new program. */
static void exec_once(void)
{
	char text[4] = {(char)('0' + generation / 100), (char)('0' + generation / 10 % 10),
			(char)('0' + generation % 10), '\0'};
	char *const arguments[] = {program, text, NULL};
	char *const environment[] = {NULL};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	execve(program, arguments, environment);
	give_up(11);
}

/* Fresh pages, filled before they are there. */
static void place(size_t offset, size_t size, uint64_t word)
{
	uint64_t *fresh =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fresh == MAP_FAILED)
		give_up(12);
	for (size_t i = 0; word != 0 && i < size / 8; i++)
		fresh[i] = word;
	if (mremap(fresh, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, area(offset)) == MAP_FAILED)
		give_up(13);
}

static void place_tag(void)
{
	place(AREA_TAG, 2 * CONTROL_PAGE, generation * 0x0101010101010101u);
}

static void remap_once(void)
{
	static unsigned turn;
	size_t slot = AREA_SLOTS + turn++ % CONTROL_WRITERS * CONTROL_SLOT;

	place_tag();
	munmap(area(slot), CONTROL_SLOT);
	place(slot, CONTROL_SLOT, 0);
}

static void change_credentials(void)
{
	static unsigned turn;

	prctl(PR_SET_DUMPABLE, turn++ % 2, 0, 0, 0);
	if (geteuid() == 0) {
		if (setresuid(65534, 65534, 0) != 0 || setresuid(0, 0, 0) != 0)
			atomic_fetch_add(&control->failed, 1);
	}
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	/* A change of user takes this away. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static void take_signal(int number)
{
	if (number == SIGRTMIN)
		atomic_fetch_add(&control->taken, 1);
}

static void flood(void)
{
	struct itimerval often = {{0, 300}, {0, 300}};

	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 20; i++) {
		atomic_fetch_add(&control->sent, 1);
		if (sigqueue(getpid(), SIGRTMIN, (union sigval){0}) != 0)
			atomic_fetch_sub(&control->sent, 1);
	}
}

static void leave(void)
{
	_exit(7);
}

static void (*const mischief[MISCHIEF_COUNT])(void) = {
	[MISCHIEF_FORK] = fork_once,
	[MISCHIEF_EXEC] = exec_once,
	[MISCHIEF_EXIT] = leave,
	[MISCHIEF_REMAP] = remap_once,
	[MISCHIEF_CREDENTIALS] = change_credentials,
	[MISCHIEF_SIGNALS] = flood,
};

/* ---- the program ---- */

static void wait_for_order(uint32_t old)
{
	while (atomic_load(&control->order) == old)
		syscall(SYS_futex, &control->order, FUTEX_WAIT, old, NULL, NULL, 0);
}

static void obey(uint32_t order)
{
	struct itimerval never = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &never, NULL);
	check_slots();
	check_canary();
	if (order == ORDER_REPORT)
		memcpy(control->report, area(AREA_SLOTS), sizeof(control->report));
	if (order == ORDER_END)
		_exit(0);
	tell();
	wait_for_order(order);
}

static void misbehave(void)
{
	uint32_t modes = atomic_load(&control->modes);

	for (unsigned i = 0; i < MISCHIEF_COUNT; i++) {
		/* What ends the program comes seldom enough for others to have a turn. */
		bool ends = i == MISCHIEF_EXEC || i == MISCHIEF_EXIT;

		if (!(modes & 1u << i) || (ends && random() % 4 != 0))
			continue;
		atomic_fetch_add(&control->rounds[i], 1);
		mischief[i]();
	}
}

static void settle(void)
{
	struct sigaction action = {.sa_handler = take_signal};
	sigset_t none, all;
	pthread_t thread;

	sigaction(SIGRTMIN, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	for (size_t at = AREA_PROTECT; at < AREA_PROTECT + 8 * CONTROL_PAGE; at += CONTROL_PAGE)
		place(at, CONTROL_PAGE, 0);
	place(AREA_CANARY, AREA_CANARY_END - AREA_CANARY, 0);
	for (size_t i = 0; i < (AREA_CANARY_END - AREA_CANARY) / 8; i++)
		((uint64_t *)area(AREA_CANARY))[i] = canary(i);
	place(AREA_SLOTS, AREA_SLOTS_END - AREA_SLOTS, 0);
	place_tag();
	/* One thread takes all signals, so that those that it sends are taken at once. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (pthread_create(&thread, NULL, look_on, NULL) != 0)
		give_up(14);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char *argv[])
{
	bool first = argc > 2;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	program = argv[0];
	generation = (uint8_t)atoi(argv[1]);
	srandom((unsigned)getpid() + (unsigned)time(NULL));
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, CONTROL_FD, 0);
	if (control == MAP_FAILED)
		return 15;
	settle();
	if (first)
		tell();
	for (;;) {
		uint32_t order = atomic_load(&control->order);

		if (order != ORDER_RUN) {
			obey(order);
			continue;
		}
		check_slots();
		misbehave();
	}
}
