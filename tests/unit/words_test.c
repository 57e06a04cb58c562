/* SPDX-License-Identifier: MIT */
/*
 * The last rung on a target that was received: it reaches the program that the right is for,
 * and never the next one, not even while the memory of the old one lives on in a process
 * that shares it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle.h"
#include "words.h"

#define PAGE 4096
#define BASE ((uint64_t)0x200000000000) /* where the address sanitizer has nothing, too */

/* What the program does next, by one letter; it answers with its page. */
#define TELL 't'
#define EXEC 'e'      /* another program, by itself */
#define KEEP 'k'      /* the same, with a process that keeps the memory of this one */

static struct {
	pid_t pid;
	int to, from;
	struct machvm__target target;
} program;

/* In the memory that both have. */
static _Atomic bool kept;

static int keep(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	kept = true;
	for (;;)
		pause();
	return 0;
}

/* The program of both: a page that nobody may write, and orders. */
static void serve(int in, int out, int fill)
{
	static char stack[65536];
	char *page = mmap((void *)(uintptr_t)BASE, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	char order = TELL, numbers[2][8] = {{(char)('0' + in)}, {(char)('0' + out)}};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(page, fill, PAGE);
	mprotect(page, PAGE, PROT_READ);
	do {
		if (order == KEEP &&
		    clone(keep, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) < 0)
			_exit(1);
		/* It ends with us, and knows it now. */
		while (order == KEEP && !kept)
			sched_yield();
		if (order != TELL)
			execl("/proc/self/exe", "words", numbers[0], numbers[1], NULL);
		if (write(out, page, PAGE) != PAGE)
			_exit(1);
	} while (read(in, &order, 1) == 1);
	_exit(0);
}

static void hear(int fill)
{
	char page[PAGE], want[PAGE];
	size_t done = 0;

	while (done < PAGE) {
		ssize_t n = read(program.from, page + done, PAGE - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	memset(want, fill, PAGE);
	assert_memory_equal(page, want, PAGE);
}

static void order(char what)
{
	assert_int_equal(write(program.to, &what, 1), 1);
}

static void open_program(size_t count)
{
	int parts[MACHVM__BUNDLE_PARTS], to[2], from[2], handle;
	struct machvm__process_numbers numbers;
	enum machvm__bundle_part bad;
	struct machvm__target opened;
	enum machvm__handle kind;

	assert_int_equal(pipe(to) | pipe(from), 0);
	program.pid = fork();
	if (program.pid == 0)
		serve(to[0], from[1], 0x11);
	close(to[0]);
	close(from[1]);
	program.to = to[1];
	program.from = from[0];
	hear(0x11);
	handle = machvm__process_open(program.pid, &kind);
	assert_int_equal(machvm__process_identify(handle, &kind, &numbers), 0);
	machvm__target_init(&opened, handle, kind, numbers, true);
	assert_int_equal(machvm__target_pack(&opened, count, parts), 0);
	machvm__target_fini(&opened);
	assert_int_equal(machvm__target_inspect(parts, count, &kind, &numbers, &bad), 0);
	machvm__target_adopt(&program.target, parts, count, kind, numbers);
}

static int close_program(void **state)
{
	(void)state;
	machvm__target_fini(&program.target);
	kill(program.pid, SIGKILL);
	waitpid(program.pid, NULL, 0);
	close(program.to);
	close(program.from);
	return 0;
}

static int move(enum machvm__direction direction, char *page)
{
	size_t done;
	int r = machvm__words_move(&program.target, direction, BASE, page, PAGE, &done);

	assert_int_equal(done, r ? 0 : PAGE);
	return r;
}

static void program_that_the_right_is_for_is_reached(void **state)
{
	char page[PAGE], want[PAGE];

	(void)state;
	open_program(MACHVM__BUNDLE_PARTS);
	memset(want, 0x33, PAGE);
	assert_int_equal(machvm__words_try(&program.target, MACHVM__WRITE), 0);
	assert_int_equal(move(MACHVM__WRITE, want), 0);
	order(TELL);
	hear(0x33);
	assert_int_equal(move(MACHVM__READ, page), 0);
	assert_memory_equal(page, want, PAGE);
}

static void right_to_read_writes_nothing(void **state)
{
	char page[PAGE], want[PAGE];

	(void)state;
	open_program(MACHVM__BUNDLE_WRITE);
	memset(want, 0x11, PAGE);
	assert_int_equal(move(MACHVM__READ, page), 0);
	assert_memory_equal(page, want, PAGE);
	memset(page, 0x33, PAGE);
	assert_int_equal(machvm__words_try(&program.target, MACHVM__WRITE), -EPERM);
	assert_int_equal(move(MACHVM__WRITE, page), -EPERM);
	order(TELL);
	hear(0x11);
}

static void right_to_look_reads_nothing(void **state)
{
	char page[PAGE];

	(void)state;
	open_program(MACHVM__BUNDLE_READ);
	assert_int_equal(move(MACHVM__READ, page), -EPERM);
}

static void next_program(char how)
{
	char page[PAGE];

	open_program(MACHVM__BUNDLE_PARTS);
	order(how);
	hear(0x22);
	/* That the memory lives is what a look at it says. */
	if (how == KEEP)
		assert_int_equal(machvm__target_same(&program.target), 0);
	memset(page, 0x33, PAGE);
	assert_int_equal(move(MACHVM__WRITE, page), -ESRCH);
	order(TELL);
	hear(0x22);
	assert_int_equal(move(MACHVM__READ, page), -ESRCH);
	assert_int_equal(page[0], 0x33);
}

static void next_program_is_not_reached(void **state)
{
	(void)state;
	next_program(EXEC);
}

static void next_program_is_not_reached_while_the_old_memory_lives(void **state)
{
	(void)state;
	next_program(KEEP);
}

#define TEST(function) cmocka_unit_test_teardown(function, close_program)

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		TEST(program_that_the_right_is_for_is_reached),
		TEST(right_to_read_writes_nothing),
		TEST(right_to_look_reads_nothing),
		TEST(next_program_is_not_reached),
		TEST(next_program_is_not_reached_while_the_old_memory_lives),
	};

	if (argc == 3)
		serve(argv[1][0] - '0', argv[2][0] - '0', 0x22);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
