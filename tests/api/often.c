/* SPDX-License-Identifier: MIT */
/*
 * Who comes back often gets the lightest way that the kernel's policy allows, and it
 * must answer as the first call did: whatever becomes of the memory, of the process,
 * and whoever traces it. Which way was taken is in tests/unit/light_test.c; where the
 * policy is not "never" these calls all go the usual one.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"
#include "travel.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE  0x100000000000u
#define PAGES 8

static struct ground ground, local;

static void open_grounds(enum place place)
{
	ground_open(&ground, place, PAGES);
	ground_open_local(&local, 4);
	ground_lay(&local, 0, 4, "rw");
}

static void close_grounds(void)
{
	ground_close(&ground);
	ground_close(&local);
}

/* One page of that kind in the midst of what is in use all the time. */
static void try_kind(mach_port_t task, const struct page_kind *kind)
{
	static const struct {
		uint64_t start, size;
	} spans[] = {{2 * PAGE + 100, 8}, {3 * PAGE - 64, 64}, {2 * PAGE, 2048}, {2 * PAGE, PAGE}};
	static uint64_t seed;

	for (unsigned i = 0; i < ARRAY_SIZE(spans); i++) {
		uint64_t address = ground.base + spans[i].start, bad;
		size_t size = spans[i].size;
		uint8_t *data = ground_pointer(&local, local.base + PAGE);
		kern_return_t want;

		ground_lay(&ground, 0, PAGES, "rw");
		task_use_much(task, ground.base + 2 * PAGE);
		if (!ground_lay(&ground, 2, 1, kind->name))
			return;
		trying("write of %zu bytes over %s in %s", size, kind->name, ground.name);
		want = ground_judge(&ground, ACCESS_WRITE, false, address, size, &bad);
		pattern_fill(data, address, size, ++seed);
		memcpy(ground_expect(&local, local.base + PAGE), data, size);
		expect_code(machvm_write(task, address, data, size, 0), want);
		if (want == KERN_SUCCESS)
			memcpy(ground_expect(&ground, address), data, size);
		else
			expect_detail(want, bad);
		ground_verify(&ground);

		ground_lay(&ground, 2, 1, "rw");
		task_use_much(task, ground.base + 2 * PAGE);
		ground_lay(&ground, 2, 1, kind->name);
		trying("read of %zu bytes over %s in %s", size, kind->name, ground.name);
		want = ground_judge(&ground, ACCESS_READ, false, address, size, &bad);
		expect_code(machvm_read(task, address, data, size, 0), want);
		if (want == KERN_SUCCESS)
			memcpy(ground_expect(&local, local.base + PAGE), ground_expect(&ground, address),
			       size);
		else
			expect_detail(want, bad);
		ground_verify(&local);
	}
}

static void try_kinds(mach_port_t task)
{
	for (unsigned i = 0; i < page_kind_count; i++)
		if (!(page_kinds[i].flags & (KIND_LASTS | KIND_WAITS | KIND_UNREADABLE)))
			try_kind(task, &page_kinds[i]);
}

static void changed_page_answers_as_it_is_now(void **state)
{
	open_grounds(PLACE_VICTIM);
	try_kinds(ground.task);
	close_grounds();
}

static void changed_page_of_32_bit_victim_answers_as_it_is_now(void **state)
{
	open_grounds(PLACE_VICTIM_32);
	try_kinds(ground.task);
	close_grounds();
}

static void changed_page_answers_a_received_right_as_it_is_now(void **state)
{
	mach_port_t received;

	if (!travel_possible())
		skip();
	open_grounds(PLACE_VICTIM);
	received = travel_received(ground.task, MACHVM_RIGHT_CONTROL);
	try_kinds(received);
	task_drop(received);
	close_grounds();
}

/* Attached by this very thread, as a debugger is; without a stop. */
static bool seize(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
}

static void release(pid_t pid)
{
	int status;

	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_int_equal(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
}

/*
 * Where the policy is "ptrace", this thread's descriptors go past protections as long as it
 * traces. The victim is asked for nothing meanwhile: its signals would stop it.
 */
static void tracer_is_refused_what_others_are(void **state)
{
	static const char *const kinds[] = {"ro", "none", "rx", "file-ro", "hole"};
	uint8_t data[8] = {0xee};

	open_grounds(PLACE_VICTIM);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		const struct page_kind *kind = page_kind(kinds[i / 2]);
		uint64_t address = ground.base + 2 * PAGE + 8;

		ground_lay(&ground, 0, PAGES, "rw");
		task_use_much(ground.task, address);
		ground_lay(&ground, 2, 1, kind->name);
		if (!seize(ground.victim->pid)) {
			close_grounds();
			skip();
		}
		trying("%s of a traced victim's %s page", i % 2 ? "read" : "write", kind->name);
		if (i % 2)
			expect_code(machvm_read(ground.task, address, data, 8, 0), kind->read);
		else
			expect_code(machvm_write(ground.task, address, data, 8, 0), kind->write);
		release(ground.victim->pid);
		ground_verify(&ground);
	}
	close_grounds();
}

static char *victim_map(struct victim *victim)
{
	uint64_t size = victim_ask(victim, "maps");
	char *text = calloc(1, size + 1);

	victim_bytes(victim, text, size);
	return text;
}

/* The start of the first region whose line has both words in it. */
static uint64_t region_start(struct victim *victim, const char *word, const char *other)
{
	char *map = victim_map(victim), *rest = map, *line;
	uint64_t start = 0;

	while (!start && (line = strsep(&rest, "\n")) != NULL)
		if (strstr(line, word) && strstr(line, other))
			start = strtoull(line, NULL, 16);
	free(map);
	assert_true(start != 0);
	return start;
}

static void program_text_is_never_written(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint64_t text = region_start(victim, " r-xp ", "/victim"), before;
	uint8_t data[8] = {0xcc};

	before = victim_ask(victim, "sum %llx 1000", (unsigned long long)text);
	for (int traced = 0; traced < 2; traced++) {
		task_use_much(task, text + 16);
		if (traced && !seize(victim->pid))
			break;
		expect_code(machvm_write(task, text + 16, data, 8, 0), KERN_PROTECTION_FAILURE);
		expect_detail(KERN_PROTECTION_FAILURE, text + 16);
		if (traced)
			release(victim->pid);
	}
	expect_number(victim_ask(victim, "sum %llx 1000", (unsigned long long)text), before);
}

/* A memory descriptor would make the stack grow; a call of ours changes no map. */
static void hole_below_the_stack_stays_one(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint64_t stack = region_start(victim, "[stack]", " rw-p ");
	uint8_t data[8] = {1};

	for (unsigned pages = 1; pages <= 64; pages *= 8) {
		uint64_t hole = stack - pages * PAGE;

		trying("%u pages below the stack", pages);
		task_use_much(task, stack);
		expect_code(machvm_write(task, hole, data, 8, 0), KERN_INVALID_ADDRESS);
		expect_detail(KERN_INVALID_ADDRESS, hole);
		task_use_much(task, stack);
		expect_code(machvm_read(task, hole, data, 8, 0), KERN_INVALID_ADDRESS);
		expect_number(region_start(victim, "[stack]", " rw-p "), stack);
	}
}

static void program_that_is_executed_is_the_one_that_is_written(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint8_t data[64], want[2 * PAGE];

	victim_ask(victim, "lay rw %llx 2 3", (unsigned long long)BASE);
	for (unsigned round = 0; round < 3; round++) {
		trying("exec %u", round);
		task_use_much(task, BASE);
		victim_ask(victim, "exec rw %llx 2 4", (unsigned long long)BASE);
		pattern_fill(want, BASE, PAGE, 4);
		pattern_fill(want + PAGE, BASE + PAGE, PAGE, 4);
		memset(data, (int)round + 1, 64);
		expect_code(machvm_write(task, BASE + 32, data, 64, 0), KERN_SUCCESS);
		memcpy(want + 32, data, 64);
		task_use_much(task, BASE);
		expect_code(machvm_write(task, BASE + PAGE, data, 8, 0), KERN_SUCCESS);
		memcpy(want + PAGE, data, 8);
		expect_number(victim_ask(victim, "sum %llx 2000", (unsigned long long)BASE),
			      pattern_sum(want, sizeof(want), 0));
	}
}

/* Its memory lives on in the child that it made by vfork. */
static void process_that_is_gone_is_told_although_its_memory_is_not(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint8_t data[8] = {1};

	victim_ask(victim, "lay rw %llx 2 3", (unsigned long long)BASE);
	task_use_much(task, BASE);
	victim_ask(victim, "vfork");
	expect_code(machvm_write(task, BASE, data, 8, 0), KERN_SUCCESS);
	victim_kill(victim);
	for (unsigned i = 0; i < 3; i++) {
		expect_code(machvm_write(task, BASE, data, 8, 0), MACH_SEND_INVALID_DEST);
		expect_code(machvm_read(task, BASE, data, 8, 0), MACH_SEND_INVALID_DEST);
	}
}

static void vfork_child_is_written_and_not_its_parent(void **state)
{
	struct victim *parent = victim_spawn(WORD_64), *child;
	mach_port_t task = MACH_PORT_NULL;
	uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint64_t before;
	pid_t pid;

	victim_ask(parent, "lay rw %llx 2 3", (unsigned long long)BASE);
	pid = (pid_t)victim_ask(parent, "vfork");
	expect_code(task_for_pid(mach_task_self(), pid, &task), KERN_SUCCESS);
	task_use_much(task, BASE);
	child = victim_adopt(parent, pid);
	victim_ask(parent, "vfork-release exec rw %llx 2 4", (unsigned long long)BASE);
	expect_number(victim_hear(child), pid);
	before = victim_ask(parent, "sum %llx 2000", (unsigned long long)BASE);
	for (unsigned round = 0; round < 2; round++) {
		expect_code(machvm_write(task, BASE, data, 8, 0), KERN_SUCCESS);
		expect_number(victim_ask(child, "sum %llx 8", (unsigned long long)BASE),
			      pattern_sum(data, 8, 0));
		expect_number(victim_ask(parent, "sum %llx 2000", (unsigned long long)BASE), before);
		task_use_much(task, BASE);
		data[0]++;
	}
}

static void suspended_task_is_written_and_refused_as_before(void **state)
{
	open_grounds(PLACE_VICTIM);
	ground_lay(&ground, 0, PAGES, "rw");
	ground_lay(&ground, 4, 1, "ro");
	task_use_much(ground.task, ground.base);
	if (task_suspend(ground.task) != KERN_SUCCESS) {
		close_grounds();
		skip();
	}
	for (unsigned i = 0; i < 2; i++) {
		uint8_t data[8] = {(uint8_t)(i + 1)};

		expect_code(machvm_write(ground.task, ground.base + 8, data, 8, 0), KERN_SUCCESS);
		memcpy(ground_expect(&ground, ground.base + 8), data, 8);
		expect_code(machvm_write(ground.task, ground.base + 4 * PAGE, data, 8, 0),
			    KERN_PROTECTION_FAILURE);
		if (i == 0)
			task_use_much(ground.task, ground.base);
	}
	expect_code(task_resume(ground.task), KERN_SUCCESS);
	ground_verify(&ground);
	close_grounds();
}

static const struct CMUnitTest tests[] = {
	TEST(changed_page_answers_as_it_is_now),
	TEST(changed_page_of_32_bit_victim_answers_as_it_is_now),
	TEST(changed_page_answers_a_received_right_as_it_is_now),
	TEST(tracer_is_refused_what_others_are),
	TEST(program_text_is_never_written),
	TEST(hole_below_the_stack_stays_one),
	TEST(program_that_is_executed_is_the_one_that_is_written),
	TEST(process_that_is_gone_is_told_although_its_memory_is_not),
	TEST(vfork_child_is_written_and_not_its_parent),
	TEST(suspended_task_is_written_and_refused_as_before),
};

HARNESS_MAIN(tests)
