/* SPDX-License-Identifier: MIT */
/*
 * Transfers and lists that are long enough for several threads: whole, or
 * nothing; the same bytes with any number of threads; and no thread left behind.
 */
#include "calls.h"
#include "pattern.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE  0x100000000000u
#define ROOM  ((size_t)20 << 20)
#define COUNT 20000u

static struct victim *victim;
static mach_port_t task;
static uint8_t *local, *model;

static void open_room(void)
{
	static uint64_t seed = 40;

	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	local = malloc(ROOM);
	model = malloc(ROOM);
	victim_ask(victim, "lay rw %llx %zx %llx", (unsigned long long)BASE, ROOM / PAGE,
		   (unsigned long long)++seed);
	pattern_fill(model, BASE, ROOM, seed);
	pattern_fill(local, 7, ROOM, seed + 1000);
}

static void close_room(void)
{
	machvm_set_threads(0);
	machvm_trim();
	victim_kill(victim);
	free(local);
	free(model);
}

static void expect_room(void)
{
	expect_number(victim_ask(victim, "sum %llx %zx", (unsigned long long)BASE, ROOM),
		      pattern_sum(model, ROOM, 0));
}

static unsigned thread_count(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned count = 0;

	if (!tasks)
		return 0;
	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count;
}

static const unsigned lanes[] = {1, 2, 5, 64};
static const unsigned flags[] = {0, MACHVM_TRANSACTION, MACHVM_NOWAIT};

static void long_write_arrives_whole_by_any_number_of_threads(void **state)
{
	unsigned before = thread_count();

	open_room();
	for (unsigned i = 0; i < ARRAY_SIZE(lanes) * ARRAY_SIZE(flags); i++) {
		size_t at = i * 4099, size = ROOM - at - i * 37 - 8;

		machvm_set_threads(lanes[i % ARRAY_SIZE(lanes)]);
		trying("%zu bytes at +%zu, case %u", size, at, i);
		pattern_fill(local, i, ROOM, i);
		expect_code(machvm_write(task, BASE + at, local + 3, size,
					 flags[i / ARRAY_SIZE(lanes)]), KERN_SUCCESS);
		memcpy(model + at, local + 3, size);
		expect_room();
		expect_number(thread_count(), before);
	}
	close_room();
}

static void long_read_arrives_whole_by_any_number_of_threads(void **state)
{
	open_room();
	for (unsigned i = 0; i < ARRAY_SIZE(lanes) * ARRAY_SIZE(flags); i++) {
		size_t at = i * 4099, size = ROOM - at - 64;
		vm_offset_t data;
		mach_msg_type_number_t count;

		machvm_set_threads(lanes[i % ARRAY_SIZE(lanes)]);
		memset(local, 0xee, ROOM);
		expect_code(machvm_read(task, BASE + at, local + 5, size,
					flags[i / ARRAY_SIZE(lanes)]), KERN_SUCCESS);
		expect_bytes(local + 5, model + at, size);
		expect_number(local[4], 0xee);
		expect_number(local[5 + size], 0xee);
		expect_code(mach_vm_read(task, BASE + at, size, &data, &count), KERN_SUCCESS);
		expect_number(data % PAGE, (BASE + at) % PAGE);
		expect_bytes((void *)data, model + at, size);
		read_release(data, count);
	}
	close_room();
}

static void long_transfer_over_bad_page_changes_nothing(void **state)
{
	static const char *const kinds[] = {"hole", "ro", "guard", "eof-shared", "secret"};
	static const kern_return_t codes[] = {KERN_INVALID_ADDRESS, KERN_PROTECTION_FAILURE,
					      KERN_PROTECTION_FAILURE, KERN_MEMORY_ERROR,
					      KERN_NO_ACCESS};
	static const size_t places[] = {0, 3, ROOM / PAGE / 2, ROOM / PAGE - 1};

	for (unsigned i = 0; i < ARRAY_SIZE(kinds) * ARRAY_SIZE(places); i++) {
		unsigned kind = i / ARRAY_SIZE(places);
		size_t at = places[i % ARRAY_SIZE(places)] * PAGE;
		bool contents = kind == 1;

		open_room();
		machvm_set_threads(1 + i % 3);
		trying("%s at +%zu", kinds[kind], at);
		if (victim_try(victim, "lay %s %llx 1 9", kinds[kind],
			       (unsigned long long)BASE + at) == 0) {
			if (contents)
				pattern_fill(model + at, BASE + at, PAGE, 9);
			expect_code(machvm_write(task, BASE, local, ROOM, flags[i % 2]),
				    codes[kind]);
			expect_detail(codes[kind], BASE + at);
			expect_number(victim_ask(victim, "sum %llx %zx", (unsigned long long)BASE, at),
				      pattern_sum(model, at, 0));
			expect_number(victim_ask(victim, "sum %llx %zx",
						 (unsigned long long)BASE + at + PAGE,
						 ROOM - at - PAGE),
				      pattern_sum(model + at + PAGE, ROOM - at - PAGE, 0));
		}
		close_room();
	}
}

/* A list in no order, with every byte of it in a place of its own. */
static struct machvm_range *make_list(unsigned step)
{
	struct machvm_range *list = calloc(COUNT, sizeof *list);
	size_t slots = ROOM / 1024;

	for (unsigned i = 0; i < COUNT; i++)
		list[i] = (struct machvm_range){.address = BASE + (i * 7919u + step) % slots * 1024 +
							   i % 100,
						.data = local + (i * 4241u) % COUNT * 1000,
						.size = 1 + i % 900};
	return list;
}

static void long_list_is_written_and_read_whole(void **state)
{
	open_room();
	for (unsigned i = 0; i < 12; i++) {
		struct machvm_range *list = make_list(i);
		unsigned flag = (i % 2 ? MACHVM_EACH : 0) | (i % 3 ? 0 : MACHVM_TRANSACTION);

		machvm_set_threads(lanes[i % ARRAY_SIZE(lanes)]);
		trying("%u ranges, flags %#x", COUNT, flag);
		pattern_fill(local, i, ROOM, i);
		expect_code(machvm_write_list(task, list, COUNT, flag), KERN_SUCCESS);
		for (unsigned j = 0; j < COUNT; j++)
			memcpy(model + (list[j].address - BASE), list[j].data,
			       (size_t)list[j].size);
		expect_room();
		memset(local, 0xee, ROOM);
		expect_code(machvm_read_list(task, list, COUNT, flag), KERN_SUCCESS);
		for (unsigned j = 0; j < COUNT; j++)
			expect_bytes(list[j].data, model + (list[j].address - BASE),
				     (size_t)list[j].size);
		free(list);
	}
	close_room();
}

static void long_list_with_one_bad_range_changes_nothing(void **state)
{
	open_room();
	for (unsigned i = 0; i < 6; i++) {
		struct machvm_range *list = make_list(i);

		machvm_set_threads(lanes[i % ARRAY_SIZE(lanes)]);
		list[i * 3001].address = BASE + ROOM + PAGE;
		list[i * 3001].size = 4;
		expect_code(machvm_write_list(task, list, COUNT, i % 2 ? MACHVM_TRANSACTION : 0),
			    KERN_INVALID_ADDRESS);
		expect_detail(KERN_INVALID_ADDRESS, BASE + ROOM + PAGE);
		expect_room();
		free(list);
	}
	close_room();
}

/* A handler of the program's runs in the program's own threads only. */
static pthread_t handled_in;
static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	handled_in = pthread_self();
	handled++;
}

static void no_signal_is_handled_in_a_thread_of_the_library(void **state)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pid_t caller = getpid(), sender;
	sigset_t set;

	open_room();
	machvm_set_threads(4);
	sigaction(SIGUSR1, &action, NULL);
	sender = fork();
	if (sender == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == caller && kill(caller, SIGUSR1) == 0)
			;
		_exit(0);
	}
	/* The calling thread takes it only between the writes. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (unsigned i = 0; i < 20; i++) {
		int seen = handled;

		sigprocmask(SIG_BLOCK, &set, NULL);
		handled_in = 0;
		expect_code(machvm_write(task, BASE, local, ROOM, 0), KERN_SUCCESS);
		if (handled_in != 0)
			fail_case("a handler ran while the caller had blocked the signal");
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		while (handled == seen)
			pause();
	}
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);
	signal(SIGUSR1, SIG_IGN);
	close_room();
}

/* A child has what the parent had, and memory of its own for the old bytes. */
static void child_writes_long_transactions_of_its_own(void **state)
{
	int status;
	pid_t child;

	open_room();
	machvm_set_threads(2);
	expect_code(machvm_write(task, BASE, local, ROOM, MACHVM_TRANSACTION), KERN_SUCCESS);
	child = fork();
	if (child == 0) {
		pattern_fill(local, 5, ROOM, 5);
		_exit(machvm_write(task, BASE, local, ROOM, MACHVM_TRANSACTION) == KERN_SUCCESS &&
				      machvm_write(task, BASE, local, ROOM + PAGE, 0) != KERN_SUCCESS
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	expect_number(status, 0);
	pattern_fill(model, 5, ROOM, 5);
	expect_room();
	expect_code(machvm_write(task, BASE, local, ROOM, MACHVM_TRANSACTION), KERN_SUCCESS);
	memcpy(model, local, ROOM);
	expect_room();
	close_room();
}

static void thread_setting_is_handed_back(void **state)
{
	expect_number(machvm_set_threads(3), 0);
	expect_number(machvm_set_threads(1000), 3);
	expect_number(machvm_set_threads(0), 64);
}

static const struct CMUnitTest tests[] = {
	TEST(long_write_arrives_whole_by_any_number_of_threads),
	TEST(long_read_arrives_whole_by_any_number_of_threads),
	TEST(long_transfer_over_bad_page_changes_nothing),
	TEST(long_list_is_written_and_read_whole),
	TEST(long_list_with_one_bad_range_changes_nothing),
	TEST(no_signal_is_handled_in_a_thread_of_the_library),
	TEST(child_writes_long_transactions_of_its_own),
	TEST(thread_setting_is_handed_back),
};

HARNESS_MAIN(tests)
