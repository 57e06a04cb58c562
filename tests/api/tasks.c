/* SPDX-License-Identifier: MIT */
/* Many tasks at once, many threads at once, and children that inherit tasks. */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE  0x100000000000u
#define HERD  1000u
#define LIMIT 1024u

static struct rlimit full_limit;

static void limit_descriptors(rlim_t limit)
{
	struct rlimit few = {.rlim_cur = limit};

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &full_limit), 0);
	few.rlim_max = full_limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void lift_limit(void)
{
	setrlimit(RLIMIT_NOFILE, &full_limit);
}

static int lift_limit_and_tear_down(void **state)
{
	lift_limit();
	return harness_teardown(state);
}

/* A task costs one descriptor until it is used, and using one after the other works. */
static void thousand_tasks_under_a_limit_of_1024_descriptors_are_all_writable(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	static mach_port_t tasks[HERD];
	uint8_t want[PAGE], data[64];

	victim_ask(victim, "lay rw %llx 1 5", (unsigned long long)BASE);
	victim_ask(victim, "herd %x", HERD);
	limit_descriptors(LIMIT);
	for (unsigned i = 0; i < HERD; i++) {
		int pid = (int)victim_ask(victim, "herd-pid %x", i);

		trying("task %u", i);
		expect_code(task_for_pid(mach_task_self(), pid, &tasks[i]), KERN_SUCCESS);
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < HERD; i++) {
			trying("write %u into task %u", round, i);
			memset(data, (int)(i + round), sizeof(data));
			memcpy(data, &i, sizeof(i));
			expect_code(machvm_write(tasks[i], BASE + 100, data, sizeof(data), 0),
				    KERN_SUCCESS);
		}
	}
	/* Over a page boundary too, which takes look-ups and so descriptors. */
	for (unsigned i = 0; i < HERD; i++) {
		trying("long write into task %u", i);
		expect_code(machvm_write(tasks[i], BASE + PAGE - 8, data, 16, 0),
			    KERN_INVALID_ADDRESS);
		expect_detail(KERN_INVALID_ADDRESS, BASE + PAGE);
	}
	for (unsigned i = 0; i < HERD; i++) {
		trying("the memory of task %u", i);
		pattern_fill(want, BASE, PAGE, 5);
		memset(want + 100, (int)(i + 1), sizeof(data));
		memcpy(want + 100, &i, sizeof(i));
		expect_number(victim_ask(victim, "herd-sum %x %llx 1000", i,
					 (unsigned long long)BASE), pattern_sum(want, PAGE, 0));
	}
	for (unsigned i = 0; i < HERD; i++)
		task_drop(tasks[i]);
	lift_limit();
}

static unsigned count_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 2000; fd++)
		count += syscall(SYS_fcntl, fd, 1 /* F_GETFD */) >= 0;
	return count;
}

static int lowest_free_descriptor(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void given_back_tasks_leave_no_descriptors(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	unsigned before = 0, after;

	victim_ask(victim, "lay rw %llx 2 5", (unsigned long long)BASE);
	for (unsigned i = 0; i < 100; i++) {
		mach_port_t task = victim_task(victim);
		uint8_t data[64];

		expect_code(machvm_read(task, BASE + PAGE - 32, data, 64, 0), KERN_SUCCESS);
		expect_code(machvm_write(task, BASE + PAGE - 32, data, 64, MACHVM_FORCE),
			    KERN_SUCCESS);
		task_drop(task);
		if (i == 10)
			before = count_descriptors();
	}
	after = count_descriptors();
	expect_number(after, before);
}

/* No descriptor left: an error, and nothing broken afterwards. */
static void no_descriptor_left_is_a_shortage_and_passes(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = 77, other;
	int fd = (int)syscall(SYS_pidfd_open, victim->pid, 0);
	uint8_t data[8];

	/* The lowest free number is out of bounds. */
	limit_descriptors((rlim_t)lowest_free_descriptor());
	if (fd >= 0)
		expect_code(machvm_task_open(fd, MACHVM_RIGHT_CONTROL, &task),
			    KERN_RESOURCE_SHORTAGE);
	expect_code(task_for_pid(mach_task_self(), victim->pid, &other), KERN_FAILURE);
	expect_number(other, MACH_PORT_NULL);
	expect_number(task, 77);
	lift_limit();
	task = victim_task(victim);
	victim_ask(victim, "lay rw %llx 1 5", (unsigned long long)BASE);
	expect_code(machvm_read(task, BASE, data, 8, 0), KERN_SUCCESS);
	if (fd >= 0)
		close(fd);
}

/* Eight threads look names up, use them and give them back, all at the same time. */
struct race {
	pid_t pids[2];
	_Atomic mach_port_t shared[16]; /* names that other threads may have given back already */
	_Atomic unsigned wrong;
	char first_wrong[256];
	atomic_flag told;
	unsigned rounds;
};

static void note(struct race *race, const char *what, kern_return_t kr, unsigned whose)
{
	race->wrong++;
	if (!atomic_flag_test_and_set(&race->told))
		snprintf(race->first_wrong, sizeof(race->first_wrong), "%s: %s, byte of victim %u",
			 what, code_name(kr), whose);
}

/* Bytes of victim i are all i + 1: a name that leads to the wrong process shows. */
static void race_round(struct race *race, unsigned n)
{
	unsigned which = n % 2, slot = n * 7 % 16;
	mach_port_t task, stale;
	uint8_t byte = 0;
	kern_return_t kr = task_for_pid(mach_task_self(), race->pids[which], &task);

	if (kr != KERN_SUCCESS) {
		note(race, "task_for_pid", kr, which);
		return;
	}
	kr = machvm_read(task, BASE + n % PAGE, &byte, 1, 0);
	if (kr != KERN_SUCCESS || byte != which + 1)
		note(race, "read through an own reference", kr, byte);
	stale = atomic_exchange(&race->shared[slot], task);
	kr = machvm_read(stale, BASE + n % PAGE, &byte, 1, 0);
	if (kr != KERN_SUCCESS && kr != MACH_SEND_INVALID_DEST)
		note(race, "read through a name of another thread", kr, 0);
	kr = mach_port_deallocate(mach_task_self(), task);
	if (kr != KERN_SUCCESS)
		note(race, "mach_port_deallocate", kr, which);
}

static void *race_run(void *argument)
{
	struct race *race = argument;

	for (unsigned n = 0; n < race->rounds; n++)
		race_round(race, n + (unsigned)gettid() * 13);
	return NULL;
}

static void lookups_racing_with_deallocation_never_reach_another_process(void **state)
{
	static struct race race;
	pthread_t threads[8];
	mach_port_t task;

	race.rounds = harness_is_valgrind() ? 50 : 4000;
	for (unsigned i = 0; i < 2; i++) {
		struct victim *victim = victim_spawn(WORD_64);
		uint8_t bytes[PAGE];

		memset(bytes, (int)i + 1, sizeof(bytes));
		victim_ask(victim, "lay rw %llx 1 5", (unsigned long long)BASE);
		task = victim_task(victim);
		expect_code(machvm_write(task, BASE, bytes, PAGE, 0), KERN_SUCCESS);
		task_drop(task);
		race.pids[i] = victim->pid;
	}
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race_run, &race), 0);
	for (unsigned i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	if (race.wrong != 0)
		fail_case("%u wrong answers, first: %s", race.wrong, race.first_wrong);
}

/* Each thread writes its own page of one victim through one name. */
struct writer {
	mach_port_t task;
	unsigned index;
	uint8_t last[PAGE];
	kern_return_t kr;
};

static void *writer_run(void *argument)
{
	struct writer *writer = argument;

	for (unsigned n = 0; n < 2000 && writer->kr == KERN_SUCCESS; n++) {
		uint64_t at = n * 97 % (PAGE - 600);

		memset(writer->last + at, (int)(n + writer->index), 600);
		writer->kr = machvm_write(writer->task, BASE + writer->index * PAGE + at,
					  writer->last + at, 600,
					  n % 3 == 0 ? MACHVM_TRANSACTION : 0);
	}
	return NULL;
}

static void threads_that_write_side_by_side_do_not_disturb_each_other(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	static struct writer writers[8];
	pthread_t threads[8];
	mach_port_t task = victim_task(victim);

	victim_ask(victim, "lay rw %llx 8 5", (unsigned long long)BASE);
	for (unsigned i = 0; i < 8; i++) {
		writers[i] = (struct writer){.task = task, .index = i};
		pattern_fill(writers[i].last, BASE + i * PAGE, PAGE, 5);
		assert_int_equal(pthread_create(&threads[i], NULL, writer_run, &writers[i]), 0);
	}
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		expect_code(writers[i].kr, KERN_SUCCESS);
		expect_number(victim_ask(victim, "sum %llx 1000",
					 (unsigned long long)(BASE + i * PAGE)),
			      pattern_sum(writers[i].last, PAGE, 0));
	}
}

/* How many descriptors a long write into a fresh task leaves held; the task is given back. */
static unsigned held_after_long_write(struct victim *victim)
{
	static uint8_t data[4 * PAGE];
	mach_port_t task = victim_task(victim);
	unsigned before = count_descriptors(), held;

	expect_code(machvm_write(task, BASE, data, sizeof(data), 0), KERN_SUCCESS);
	held = count_descriptors() - before;
	task_drop(task);
	return held;
}

/* What a task held is free for the next one when it is given back, however many there were. */
static void task_holds_descriptors_also_after_many_came_and_went(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	unsigned first;

	victim_ask(victim, "lay rw %llx 4 5", (unsigned long long)BASE);
	limit_descriptors(256);
	/* The first of all also opens what the process keeps for itself. */
	held_after_long_write(victim);
	first = held_after_long_write(victim);
	assert_true(first > 0);
	for (unsigned i = 0; i < 300; i++) {
		trying("task %u", i);
		expect_number(held_after_long_write(victim), first);
	}
}

#define LIMITED_TEST(function) \
	cmocka_unit_test_setup_teardown(function, NULL, lift_limit_and_tear_down)

static const struct CMUnitTest tests[] = {
	LIMITED_TEST(thousand_tasks_under_a_limit_of_1024_descriptors_are_all_writable),
	LIMITED_TEST(task_holds_descriptors_also_after_many_came_and_went),
	TEST(given_back_tasks_leave_no_descriptors),
	LIMITED_TEST(no_descriptor_left_is_a_shortage_and_passes),
	TEST(lookups_racing_with_deallocation_never_reach_another_process),
	TEST(threads_that_write_side_by_side_do_not_disturb_each_other),
};

HARNESS_MAIN(tests)
