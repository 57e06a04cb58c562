/* SPDX-License-Identifier: MIT */
/*
 * MACHVM_STOP: the target sees all of a write or nothing, a read is one instant of
 * it, and it goes on as before. Whoever cannot be stopped is refused, unchanged.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE   0x20000000u
#define PAGES  48u
#define WORDS  (PAGES * 4096u / 4u)
/* However small the share, some. */
#define ROUNDS (300u / harness_share() + 3u)

static struct ground ground, local;
static uint32_t numbers[WORDS];

static struct victim *restless(enum word word, const char *mode, unsigned threads)
{
	struct victim *victim = victim_spawn(word);

	victim_ask(victim, "lay fresh %x %x 1", BASE, PAGES);
	for (unsigned i = 0; i < threads; i++)
		victim_ask(victim, "churn %s %x %x 1", mode, BASE, PAGES * 4096);
	return victim;
}

static void write_numbers(enum word word, unsigned flags)
{
	struct victim *victim = restless(word, "watch", 2);
	mach_port_t task = victim_task(victim);

	for (uint32_t number = 1; number <= ROUNDS; number++) {
		for (size_t i = 0; i < WORDS; i++)
			numbers[i] = number;
		expect_code(machvm_write(task, BASE, numbers, sizeof(numbers), flags),
			    KERN_SUCCESS);
	}
	victim_ask(victim, "churn-stop");
	expect_number(victim_ask(victim, "churn-torn"), 0);
	victim_ask(victim, "dump %x %zx", BASE, sizeof(numbers));
	expect_bytes(victim->mailbox + PAGE, numbers, sizeof(numbers));
	victim_kill(victim);
}

static void write_in_still_victim_is_never_seen_half_done(void **state)
{
	write_numbers(WORD_64, MACHVM_STOP);
	write_numbers(WORD_64, MACHVM_STOP | MACHVM_TRANSACTION);
	write_numbers(WORD_32, MACHVM_STOP);
}

/* The numbers as a list of unequal pieces, the last one first. */
static size_t as_list(struct machvm_range *list)
{
	size_t count = 0, end = WORDS, words = 1;

	for (; end; count++, words = words * 2 + 1) {
		if (words > end)
			words = end;
		end -= words;
		list[count] = (struct machvm_range){
			.address = BASE + 4 * end, .data = &numbers[end], .size = 4 * words, .result = 77};
	}
	return count;
}

static void write_lists(enum word word, unsigned flags)
{
	struct victim *victim = restless(word, "watch", 2);
	mach_port_t task = victim_task(victim);
	struct machvm_range list[32];
	size_t count = as_list(list);

	for (uint32_t number = 1; number <= ROUNDS / 3; number++) {
		for (size_t i = 0; i < WORDS; i++)
			numbers[i] = number;
		expect_code(machvm_write_list(task, list, count, flags), KERN_SUCCESS);
	}
	for (size_t i = 0; i < count; i++)
		expect_number(list[i].result, flags & MACHVM_EACH ? KERN_SUCCESS : 77);
	victim_ask(victim, "churn-stop");
	expect_number(victim_ask(victim, "churn-torn"), 0);
	victim_ask(victim, "dump %x %zx", BASE, sizeof(numbers));
	expect_bytes(victim->mailbox + PAGE, numbers, sizeof(numbers));
	victim_kill(victim);
}

static void list_in_still_victim_is_never_seen_half_written(void **state)
{
	write_lists(WORD_64, MACHVM_STOP);
	write_lists(WORD_64, MACHVM_STOP | MACHVM_EACH);
	write_lists(WORD_32, MACHVM_STOP | MACHVM_TRANSACTION);
}

static void list_read_of_still_victim_is_one_instant(void **state)
{
	struct victim *victim = restless(WORD_64, "count", 1);
	mach_port_t task = victim_task(victim);
	struct machvm_range list[32];
	size_t count = as_list(list);

	for (unsigned i = 0; i < ROUNDS / 3; i++) {
		uint32_t before;

		expect_code(machvm_read_list(task, list, count, MACHVM_STOP), KERN_SUCCESS);
		trying("read %u, which found %u and %u", i, numbers[0], numbers[WORDS - 1]);
		if (numbers[0] - numbers[WORDS - 1] > 1)
			fail_case("these are two instants");
		for (before = numbers[0]; numbers[0] == before;)
			expect_code(machvm_read(task, BASE, numbers, 4, 0), KERN_SUCCESS);
	}
	victim_kill(victim);
}

static void read_numbers(enum word word)
{
	struct victim *victim = restless(word, "count", 1);
	mach_port_t task = victim_task(victim);
	uint32_t before = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		expect_code(machvm_read(task, BASE, numbers, sizeof(numbers), MACHVM_STOP),
			    KERN_SUCCESS);
		trying("read %u, which found %u and %u", i, numbers[0], numbers[WORDS - 1]);
		if (numbers[0] - numbers[WORDS - 1] > 1)
			fail_case("these are two instants");
		/* It runs in between: the number goes on. */
		before = numbers[0];
		while (numbers[0] == before)
			expect_code(machvm_read(task, BASE, numbers, 4, 0), KERN_SUCCESS);
	}
	victim_ask(victim, "churn-stop");
	victim_kill(victim);
}

static void read_of_still_victim_is_one_instant(void **state)
{
	read_numbers(WORD_64);
	read_numbers(WORD_32);
}

/* Every kind of page answers as it does without a stop, save that nothing is waited for. */
static void try_kind(const struct page_kind *kind)
{
	uint64_t address = ground.base + PAGE + 4000, buffer = local.base + PAGE + 9, bad;
	size_t size = 2 * PAGE;
	uint8_t *data = ground_pointer(&local, buffer);
	kern_return_t want;

	trying("read over %s in %s", kind->name, ground.name);
	want = ground_judge(&ground, ACCESS_READ, false, address, size, &bad);
	expect_code(machvm_read(ground.task, address, data, size, MACHVM_STOP), want);
	if (want == KERN_SUCCESS)
		memcpy(ground_expect(&local, buffer), ground_expect(&ground, address), size);
	else
		expect_detail(want, bad);
	ground_verify(&local);
	trying("write over %s in %s", kind->name, ground.name);
	want = ground_judge(&ground, ACCESS_WRITE, false, address, size, &bad);
	pattern_fill(data, address, size, 77);
	memcpy(ground_expect(&local, buffer), data, size);
	expect_code(machvm_write(ground.task, address, data, size, MACHVM_STOP), want);
	if (want == KERN_SUCCESS)
		memcpy(ground_expect(&ground, address), data, size);
	else
		expect_detail(want, bad);
	ground_verify(&ground);
}

static void try_kinds(enum place place)
{
	for (unsigned i = 0; i < page_kind_count; i++) {
		ground_open(&ground, place, 8);
		ground_open_local(&local, 8);
		ground_lay(&local, 1, 6, "rw");
		ground_lay(&ground, 0, 8, "rw");
		if (ground_lay(&ground, 2, 1, page_kinds[i].name))
			try_kind(&page_kinds[i]);
		ground_close(&ground);
		ground_close(&local);
	}
}

static void still_victim_answers_for_every_kind_of_page(void **state)
{
	try_kinds(PLACE_VICTIM);
	try_kinds(PLACE_VICTIM_32);
}

static void open_grounds(enum place place)
{
	ground_open(&ground, place, 4);
	ground_lay(&ground, 0, 4, "rw");
	ground_open_local(&local, 2);
	ground_lay(&local, 0, 1, "rw");
}

static void close_grounds(void)
{
	ground_close(&ground);
	ground_close(&local);
}

static void arguments_are_judged_before_anybody_is_stopped(void **state)
{
	void *good, *bad;

	open_grounds(PLACE_VICTIM);
	good = ground_pointer(&local, local.base);
	bad = (char *)good + PAGE - 4;
	expect_code(machvm_write(ground.task, ground.base, bad, 8, MACHVM_STOP),
		    MACH_SEND_INVALID_MEMORY);
	expect_code(machvm_write(ground.task, UINT64_MAX - 3, bad, 8, MACHVM_STOP),
		    MACH_SEND_INVALID_MEMORY);
	expect_code(machvm_read(ground.task, UINT64_MAX - 3, good, 8, MACHVM_STOP),
		    KERN_INVALID_ADDRESS);
	expect_code(machvm_write(ground.task, 0, NULL, 0, MACHVM_STOP), KERN_SUCCESS);
	expect_code(machvm_write(ground.task, ground.base, good, 8, MACHVM_STOP | MACHVM_EACH),
		    KERN_INVALID_ARGUMENT);
	ground_verify(&ground);
	ground_verify(&local);
	close_grounds();
}

/* A process that traces another until it is told to end, or the other one ends. */
static pid_t start_tracer(pid_t target, int *hold)
{
	int ready[2], end[2];
	char byte;
	pid_t pid;

	if (pipe(ready) || pipe(end))
		fail_case("no pipes");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(end[1]);
		struct pollfd ends[2] = {{.fd = end[0]},
					 {.fd = pidfd_open(target, 0), .events = POLLIN}};

		byte = ptrace(PTRACE_SEIZE, target, 0, 0) == 0;
		if (write(ready[1], &byte, 1) != 1 || poll(ends, 2, -1) < 1)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	if (pid < 0 || read(ready[0], &byte, 1) != 1 || byte != 1)
		fail_case("nobody traces the victim");
	close(ready[0]);
	*hold = end[1];
	return pid;
}

static void victim_of_another_tracer_is_refused(void **state)
{
	struct machvm_range list;
	char name[32];
	void *data;
	int hold;
	pid_t tracer;

	open_grounds(PLACE_VICTIM);
	data = ground_pointer(&local, local.base);
	tracer = start_tracer(ground.victim->pid, &hold);
	snprintf(name, sizeof(name), "process %d", (int)tracer);
	expect_code(machvm_write(ground.task, ground.base, data, PAGE, MACHVM_STOP), KERN_DENIED);
	if (!strstr(machvm_last_error()->message, name))
		fail_case("\"%s\" does not name %s", machvm_last_error()->message, name);
	expect_code(machvm_read(ground.task, ground.base, data, PAGE, MACHVM_STOP), KERN_DENIED);
	list = (struct machvm_range){ground.base, data, PAGE, 77};
	expect_code(machvm_write_list(ground.task, &list, 1, MACHVM_STOP), KERN_DENIED);
	expect_code(machvm_write_list(ground.task, &list, 1, MACHVM_STOP | MACHVM_EACH), KERN_DENIED);
	expect_number(list.result, 77);
	expect_code(machvm_read_list(ground.task, &list, 0, MACHVM_STOP), KERN_SUCCESS);
	ground_verify(&ground);
	ground_verify(&local);
	/* Without the flag nobody is in the way. */
	expect_code(machvm_write(ground.task, ground.base, data, PAGE, 0), KERN_SUCCESS);
	memcpy(ground_expect(&ground, ground.base), data, PAGE);
	close(hold);
	waitpid(tracer, NULL, 0);
	expect_code(machvm_write(ground.task, ground.base, data, PAGE, MACHVM_STOP), KERN_SUCCESS);
	ground_verify(&ground);
	close_grounds();
}

static void victim_that_cannot_stop_is_refused_in_bounded_time(void **state)
{
	void *data;

	open_grounds(PLACE_VICTIM);
	data = ground_pointer(&local, local.base);
	victim_ask(ground.victim, "vfork");
	expect_code(machvm_write(ground.task, ground.base, data, 8, MACHVM_STOP),
		    KERN_OPERATION_TIMED_OUT);
	ground_verify(&ground);
	victim_ask(ground.victim, "vfork-release exit");
	ground_verify(&ground);
	expect_code(machvm_write(ground.task, ground.base, data, 8, MACHVM_STOP), KERN_SUCCESS);
	memcpy(ground_expect(&ground, ground.base), data, 8);
	ground_verify(&ground);
	close_grounds();
}

static void dead_victim_is_gone(void **state)
{
	struct machvm_range list;
	void *data;

	open_grounds(PLACE_VICTIM);
	data = ground_pointer(&local, local.base);
	victim_kill(ground.victim);
	expect_code(machvm_write(ground.task, ground.base, data, 8, MACHVM_STOP),
		    MACH_SEND_INVALID_DEST);
	expect_code(machvm_read(ground.task, ground.base, data, 8, MACHVM_STOP),
		    MACH_SEND_INVALID_DEST);
	list = (struct machvm_range){ground.base, data, 8, 77};
	expect_code(machvm_read_list(ground.task, &list, 1, MACHVM_STOP), MACH_SEND_INVALID_DEST);
	ground_verify(&local);
	ground_close(&local);
}

static void *sleep_on(void *end)
{
	char byte;

	return read(*(int *)end, &byte, 1) ? NULL : end;
}

static void own_task_is_still_only_while_it_has_one_thread(void **state)
{
	struct machvm_range list;
	pthread_t thread;
	int end[2];
	void *data;

	open_grounds(PLACE_OWN);
	data = ground_pointer(&local, local.base);
	expect_code(machvm_write(ground.task, ground.base, data, 100, MACHVM_STOP), KERN_SUCCESS);
	memcpy(ground_expect(&ground, ground.base), data, 100);
	ground_verify(&ground);
	if (pipe(end) || pthread_create(&thread, NULL, sleep_on, &end[0]))
		fail_case("no second thread");
	memset(data, 1, 100);
	expect_code(machvm_write(ground.task, ground.base, data, 100, MACHVM_STOP),
		    KERN_NOT_SUPPORTED);
	list = (struct machvm_range){ground.base, data, 100, 77};
	expect_code(machvm_write_list(ground.task, &list, 1, MACHVM_STOP), KERN_NOT_SUPPORTED);
	close(end[1]);
	pthread_join(thread, NULL);
	close(end[0]);
	ground_verify(&ground);
	close_grounds();
}

static unsigned count_own_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned count = 0;

	assert_non_null(maps);
	for (int c; (c = getc(maps)) != EOF;)
		count += c == '\n';
	fclose(maps);
	return count;
}

/* The helper is one, whether it runs or has ended and nobody has taken note. */
static unsigned count_children(void)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	unsigned count = 0;

	assert_non_null(children);
	for (int pid; fscanf(children, "%d", &pid) == 1;)
		count++;
	fclose(children);
	return count;
}

static void trim_gives_the_helper_back(void **state)
{
	unsigned char data[100];
	unsigned children, mappings;

	open_grounds(PLACE_VICTIM);
	memset(data, 1, sizeof(data));
	expect_code(machvm_write(ground.task, ground.base, data, 100, MACHVM_STOP), KERN_SUCCESS);
	machvm_trim();
	children = count_children();
	mappings = count_own_mappings();
	for (int round = 0; round < 3; round++) {
		trying("round %d", round);
		memset(data, 2 + round, sizeof(data));
		expect_code(machvm_write(ground.task, ground.base, data, 100, MACHVM_STOP),
			    KERN_SUCCESS);
		memcpy(ground_expect(&ground, ground.base), data, sizeof(data));
		expect_number(count_children(), children + 1);
		assert_true(count_own_mappings() > mappings);
		machvm_trim();
		expect_number(count_children(), children);
		expect_number(count_own_mappings(), mappings);
		/* There is none to give back. */
		machvm_trim();
	}
	ground_verify(&ground);
	close_grounds();
}

static const struct CMUnitTest tests[] = {
	TEST(write_in_still_victim_is_never_seen_half_done),
	TEST(read_of_still_victim_is_one_instant),
	TEST(list_in_still_victim_is_never_seen_half_written),
	TEST(list_read_of_still_victim_is_one_instant),
	TEST(still_victim_answers_for_every_kind_of_page),
	TEST(arguments_are_judged_before_anybody_is_stopped),
	TEST(victim_of_another_tracer_is_refused),
	TEST(victim_that_cannot_stop_is_refused_in_bounded_time),
	TEST(dead_victim_is_gone),
	TEST(own_task_is_still_only_while_it_has_one_thread),
	TEST(trim_gives_the_helper_back),
};

HARNESS_MAIN_IF(tests, harness_require_own_proc();)
