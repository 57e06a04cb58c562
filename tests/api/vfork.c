/* SPDX-License-Identifier: MIT */
/*
 * A vfork child runs in its parent's memory until it execs, and whatever was
 * opened meanwhile is the parent's. No write to the child may ever land there
 * once the child is a program of its own; before that the memory is the same.
 */
#include "calls.h"
#include "ground.h"
#include "intercept.h"
#include "pattern.h"

#include <string.h>

#define BASE 0x100000000000u
#define MOVED (BASE + 0x100000u) /* what the parent has not */

struct family {
	struct ground parent;
	struct ground child; /* after its exec */
	pid_t pid;
};

static void open_family(struct family *family)
{
	struct victim *victim = victim_spawn(WORD_64);

	ground_open_in(&family->parent, victim, BASE, 2);
	ground_lay(&family->parent, 0, 2, "rw");
	family->pid = (pid_t)victim_ask(victim, "vfork");
}

static void exec_child_at(struct family *family, uint64_t base)
{
	struct victim *parent = family->parent.victim;
	struct victim *child = victim_adopt(parent, family->pid);

	victim_ask(parent, "vfork-release exec rw %llx 2 77", (unsigned long long)base);
	/* The new image reports itself on the second channel. */
	expect_number(victim_hear(child), family->pid);
	ground_open_in(&family->child, child, base, 2);
	for (unsigned i = 0; i < 2; i++) {
		family->child.kind[i] = page_kind("rw");
		pattern_fill(family->child.expect + i * PAGE, base + i * PAGE, PAGE, 0x77);
	}
}

static void exec_child(struct family *family)
{
	exec_child_at(family, BASE);
}

static void write_everywhere(struct family *family, mach_port_t task)
{
	uint8_t data[600];

	for (unsigned i = 0; i < write_call_count; i++) {
		for (uint64_t at = BASE + 10; at < BASE + PAGE; at += 3700) {
			trying("%s after exec at +%#llx", write_calls[i].name,
			       (unsigned long long)(at - BASE));
			pattern_fill(data, at, sizeof(data), i + 1000);
			expect_code(write_calls[i].run(task, at, data, sizeof(data)),
				    KERN_SUCCESS);
			memcpy(ground_expect(&family->child, at), data, sizeof(data));
			ground_verify(&family->child);
			ground_verify(&family->parent);
		}
	}
}

static void child_opened_before_its_exec_is_written_not_its_parent(void **state)
{
	struct family family;
	mach_port_t task = MACH_PORT_NULL;

	open_family(&family);
	expect_code(task_for_pid(mach_task_self(), family.pid, &task), KERN_SUCCESS);
	exec_child(&family);
	write_everywhere(&family, task);
}

/* The library has read and written through the shared memory, and must have kept nothing of it. */
static void child_used_before_its_exec_is_written_not_its_parent(void **state)
{
	struct family family;
	mach_port_t task = MACH_PORT_NULL;
	uint8_t data[100];

	open_family(&family);
	expect_code(task_for_pid(mach_task_self(), family.pid, &task), KERN_SUCCESS);
	for (unsigned i = 0; i < 40; i++) {
		memset(data, (int)i, sizeof(data));
		expect_code(machvm_write(task, BASE + PAGE - 50, data, sizeof(data), 0),
			    KERN_SUCCESS);
		memcpy(ground_expect(&family.parent, BASE + PAGE - 50), data, sizeof(data));
		expect_code(machvm_read(task, BASE + 500, data, sizeof(data), 0), KERN_SUCCESS);
		expect_bytes(data, ground_expect(&family.parent, BASE + 500), sizeof(data));
	}
	ground_verify(&family.parent);
	exec_child(&family);
	write_everywhere(&family, task);
}

static struct family overtaken;

static void exec_elsewhere(void)
{
	exec_child_at(&overtaken, MOVED);
}

static void write_two_pages(void *context)
{
	static uint8_t data[2 * PAGE];

	/* Before and after the exec it is right, and so is an address that is not there any more. */
	(void)machvm_write(*(mach_port_t *)context, BASE, data, sizeof(data), 0);
}

/* Whatever was opened before the exec and looked at after it must not be kept. */
static void child_that_execs_at_any_system_call_is_seen_as_it_is_now(void **state)
{
	static uint8_t data[2 * PAGE];
	bool ran = true;
	unsigned point;

	if (!intercept_possible())
		skip();
	for (point = 1; ran; point++) {
		mach_port_t task = MACH_PORT_NULL;

		trying("exec before system call %u", point);
		open_family(&overtaken);
		expect_code(task_for_pid(mach_task_self(), overtaken.pid, &task), KERN_SUCCESS);
		ran = intercept_run(point, exec_elsewhere, write_two_pages, &task);
		if (ran) {
			pattern_fill(data, MOVED, sizeof(data), point);
			expect_code(machvm_write(task, MOVED, data, sizeof(data), 0), KERN_SUCCESS);
			memcpy(ground_expect(&overtaken.child, MOVED), data, sizeof(data));
			ground_verify(&overtaken.child);
			expect_code(machvm_write(task, BASE, data, sizeof(data), 0),
				    KERN_INVALID_ADDRESS);
		}
		task_drop(task);
		victim_kill(overtaken.parent.victim);
	}
	assert_true(point > 2);
}

static void child_that_exits_is_gone_and_its_parent_untouched(void **state)
{
	struct family family;
	mach_port_t task = MACH_PORT_NULL;
	uint8_t data[100] = {1};

	open_family(&family);
	expect_code(task_for_pid(mach_task_self(), family.pid, &task), KERN_SUCCESS);
	expect_code(machvm_read(task, BASE, data, sizeof(data), 0), KERN_SUCCESS);
	victim_ask(family.parent.victim, "vfork-release exit");
	/* It is a zombie of its parent's now. */
	expect_code(machvm_write(task, BASE, data, sizeof(data), 0), MACH_SEND_INVALID_DEST);
	expect_code(machvm_write(task, BASE + PAGE - 8, data, 16, 0), MACH_SEND_INVALID_DEST);
	ground_verify(&family.parent);
}

/* While it waits, the parent is as reachable as ever. */
static void parent_that_waits_in_vfork_is_reachable(void **state)
{
	struct family family;
	uint8_t data[100];
	mach_port_t task;

	open_family(&family);
	task = victim_task(family.parent.victim);
	memset(data, 0x55, sizeof(data));
	expect_code(machvm_write(task, BASE + PAGE - 50, data, sizeof(data), 0), KERN_SUCCESS);
	memcpy(ground_expect(&family.parent, BASE + PAGE - 50), data, sizeof(data));
	ground_verify(&family.parent);
}

/* A forked child has its own copy: neither sees what is written to the other. */
static void fork_child_and_parent_are_written_apart(void **state)
{
	struct ground parent, child;
	uint8_t data[500];
	mach_port_t task;
	pid_t pid;

	ground_open(&parent, PLACE_VICTIM, 4);
	ground_lay(&parent, 0, 4, "rw");
	pid = (pid_t)victim_ask(parent.victim, "fork");
	child = parent;
	child.name = "forked child";
	child.victim = victim_adopt(parent.victim, pid);
	task = victim_task(child.victim);
	for (unsigned i = 0; i < write_call_count; i++) {
		uint64_t at = parent.base + PAGE - 100 + i;

		memset(data, (int)i + 1, sizeof(data));
		expect_code(write_calls[i].run(task, at, data, sizeof(data)), KERN_SUCCESS);
		memcpy(ground_expect(&child, at), data, sizeof(data));
		memset(data, (int)i + 101, sizeof(data));
		expect_code(write_calls[i].run(parent.task, at + 700, data, sizeof(data)),
			    KERN_SUCCESS);
		memcpy(ground_expect(&parent, at + 700), data, sizeof(data));
		ground_verify(&child);
		ground_verify(&parent);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(child_opened_before_its_exec_is_written_not_its_parent),
	TEST(child_used_before_its_exec_is_written_not_its_parent),
	TEST(child_that_execs_at_any_system_call_is_seen_as_it_is_now),
	TEST(child_that_exits_is_gone_and_its_parent_untouched),
	TEST(parent_that_waits_in_vfork_is_reachable),
	TEST(fork_child_and_parent_are_written_apart),
};

HARNESS_MAIN(tests)
