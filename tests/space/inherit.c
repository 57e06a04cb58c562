/* SPDX-License-Identifier: MIT */
/*
 * vm_inherit: what a child that the owner forks afterwards finds, and that the
 * owner itself finds everything as it was.
 */
#include "layout.h"
#include "pattern.h"

#include <mach/vm_behavior.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ground ground;

static kern_return_t inherit(unsigned page, unsigned pages, vm_inherit_t value)
{
	return mach_vm_inherit(ground.task, ground.base + page * PAGE, pages * PAGE, value);
}

/* The owner keeps all that it has, in a map like that; and its child has this map of the ground. */
static struct ground forked(const char *own, const char *childs)
{
	struct ground child = ground;

	expect_layout(&ground, own);
	ground_verify(&ground);
	child.victim = victim_adopt(ground.victim, (pid_t)victim_ask(ground.victim, "fork"));
	child.name = "child";
	expect_layout(&child, childs);
	return child;
}

static void try_none_and_copy(void)
{
	ground_lay(&ground, 0, 6, "rw");
	expect_code(inherit(1, 2, VM_INHERIT_NONE), KERN_SUCCESS);
	expect_code(inherit(4, 1, VM_INHERIT_NONE), KERN_SUCCESS);
	expect_code(inherit(4, 1, VM_INHERIT_COPY), KERN_SUCCESS);
	victim_kill(forked("333333..........", "3..333..........").victim);
}

static void child_does_not_get_what_is_inherited_by_none(void **state)
{
	ground_each_victim(&ground, try_none_and_copy);
}

static void try_share(void)
{
	struct ground child;
	uint8_t byte = 0x77;

	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 1, "file-rw");
	ground_lay(&ground, 3, 1, "ro");
	ground_lay(&ground, 4, 1, "fresh");
	ground_lay(&ground, 6, 1, "rw");
	expect_code(inherit(1, 5, VM_INHERIT_SHARE), KERN_SUCCESS);
	/* Moved, with the same contents and protections. */
	child = forked("3ddbd.3.........", "3ddbd.3.........");
	/* A store of the parent is seen by the child, where it was asked for and nowhere else. */
	for (unsigned page = 0; page < 3; page++) {
		uint64_t at = ground.base + page * PAGE + 5;
		uint64_t old = pattern_sum(ground_expect(&ground, at), 1, 0);

		expect_code(machvm_write(ground.task, at, &byte, 1, 0), KERN_SUCCESS);
		*ground_expect(&ground, at) = byte;
		expect_number(victim_ask(child.victim, "sum %llx 1", (unsigned long long)at),
			      page == 0 ? old : pattern_sum(&byte, 1, 0));
	}
	/* And the other way round. */
	victim_ask(child.victim, "fill %llx 1000 9", (unsigned long long)ground.base + 4 * PAGE);
	pattern_fill(ground_expect(&ground, ground.base + 4 * PAGE), ground.base + 4 * PAGE, PAGE, 9);
	ground_verify(&ground);
	victim_kill(child.victim);
}

static void shared_memory_is_one_for_parent_and_child(void **state)
{
	ground_each_victim(&ground, try_share);
}

static void try_none_and_share(void)
{
	ground_lay(&ground, 0, 2, "rw");
	expect_code(inherit(0, 2, VM_INHERIT_NONE), KERN_SUCCESS);
	expect_code(inherit(0, 1, VM_INHERIT_SHARE), KERN_SUCCESS);
	victim_kill(forked("d3..............", "d...............").victim);
}

static void child_shares_what_it_was_not_to_have_before(void **state)
{
	ground_each_victim(&ground, try_none_and_share);
}

static unsigned long resident_kilobytes(uint64_t address)
{
	char path[64], line[512];
	unsigned long from, found = 0;
	bool here = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", ground.victim->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-", &from) == 1 && strchr(line, '-'))
			here = from == address;
		else if (here && sscanf(line, "Rss: %lu kB", &found) == 1)
			break;
	}
	if (file)
		fclose(file);
	return found;
}

/* A large region that is hardly used must not begin to take up memory. */
static void try_untouched(void)
{
	uint64_t at = 0x40000000;

	victim_ask(ground.victim, "lay fresh %llx 4000 1", (unsigned long long)at);
	victim_ask(ground.victim, "fill %llx 1000 9", (unsigned long long)at + 100 * PAGE);
	expect_number(resident_kilobytes(at), 4);
	expect_code(mach_vm_inherit(ground.task, at, 0x4000 * PAGE, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_number(resident_kilobytes(at), 4);
	victim_ask(ground.victim, "unmap %llx 4000000", (unsigned long long)at);
}

static void untouched_pages_stay_untouched_when_they_are_moved(void **state)
{
	ground_each_victim(&ground, try_untouched);
}

static void try_share_with_threads(void)
{
	ground_lay(&ground, 0, 8, "rw");
	victim_ask(ground.victim, "threads 8");
	for (unsigned page = 0; page < 8; page++)
		expect_code(inherit(page, 1, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_code(inherit(0, 8, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_layout(&ground, "dddddddd........");
	ground_verify(&ground);
}

static void memory_of_many_threads_is_moved_unseen(void **state)
{
	ground_each_victim(&ground, try_share_with_threads);
}

/* The maximum that was set stays with the memory when it is moved. */
static void try_maximum(void)
{
	ground_lay(&ground, 0, 2, "rw");
	expect_code(mach_vm_protect(ground.task, ground.base, PAGE, 1, 1), KERN_SUCCESS);
	expect_code(inherit(0, 2, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_layout(&ground, "bd..............");
	expect_code(mach_vm_protect(ground.task, ground.base, PAGE, 0, 3), KERN_PROTECTION_FAILURE);
	expect_code(mach_vm_protect(ground.task, ground.base + PAGE, PAGE, 0, 7), KERN_SUCCESS);
}

static void maximum_stays_with_memory_that_is_moved(void **state)
{
	ground_each_victim(&ground, try_maximum);
}

/* What was set while a child ran on its parent's memory is not of the memory that it gets. */
static void maximum_of_a_vfork_child_ends_with_its_exec(void **state)
{
	struct victim *child;
	mach_port_t task;
	pid_t pid;

	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	ground_lay(&ground, 0, 1, "rw");
	pid = (pid_t)victim_ask(ground.victim, "vfork");
	child = victim_adopt(ground.victim, pid);
	task = victim_task(child);
	expect_code(mach_vm_protect(task, ground.base, PAGE, 1, 1), KERN_SUCCESS);
	expect_code(mach_vm_protect(task, ground.base, PAGE, 0, 3), KERN_PROTECTION_FAILURE);
	victim_ask(ground.victim, "vfork-release exec rw %llx 1 77",
		   (unsigned long long)ground.base);
	expect_number(victim_hear(child), pid);
	expect_code(mach_vm_protect(task, ground.base, PAGE, 0, 7), KERN_SUCCESS);
	task_drop(task);
	victim_kill(child);
	ground_close(&ground);
}

static void try_refusals(void)
{
	uint64_t stack = victim_ask(ground.victim, "stack 1 5");

	expect_code(mach_vm_inherit(ground.task, stack, PAGE, VM_INHERIT_SHARE), KERN_NOT_SUPPORTED);
	ground_lay(&ground, 0, 1, "rw");
	if (ground_lay(&ground, 1, 1, "missing")) {
		expect_code(inherit(0, 2, VM_INHERIT_SHARE), KERN_NOT_SUPPORTED);
		expect_layout(&ground, "33..............");
	}
	if (ground_lay(&ground, 1, 1, "protected")) {
		expect_code(inherit(0, 2, VM_INHERIT_SHARE), KERN_NOT_SUPPORTED);
		expect_layout(&ground, "33..............");
	}
	if (ground_lay(&ground, 1, 1, "guard")) {
		expect_code(inherit(0, 2, VM_INHERIT_SHARE), KERN_NOT_SUPPORTED);
		expect_layout(&ground, "33..............");
	}
	if (ground_lay(&ground, 1, 1, "sealed-rw")) {
		expect_code(inherit(0, 2, VM_INHERIT_SHARE), KERN_PROTECTION_FAILURE);
		expect_layout(&ground, "33..............");
	}
	ground_lay(&ground, 3, 1, "rw");
	ground_lay(&ground, 4, 1, "eof-private");
	expect_code(inherit(3, 2, VM_INHERIT_SHARE), KERN_MEMORY_ERROR);
	expect_layout_at(&ground, ground.base + 3 * PAGE, "33...........");
	ground_lay(&ground, 6, 1, "shared-rw");
	expect_code(inherit(6, 1, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_code(inherit(6, 1, VM_INHERIT_COPY), KERN_INVALID_ARGUMENT);
	ground_verify(&ground);
}

static void memory_that_cannot_be_moved_is_refused_and_stays(void **state)
{
	ground_each_victim(&ground, try_refusals);
}

static void try_arguments(void)
{
	uint64_t top = UINT64_MAX - PAGE + 1;

	ground_lay(&ground, 0, 1, "rw");
	expect_code(mach_vm_inherit(ground.task, ground.base, 0, 99), KERN_SUCCESS);
	expect_code(mach_vm_inherit(ground.task, UINT64_MAX, 0, 1), KERN_SUCCESS);
	expect_code(inherit(0, 1, 3), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_inherit(ground.task, top, 2 * PAGE, 3), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_inherit(ground.task, top, 2 * PAGE, 1), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_inherit(ground.task, top, PAGE, 1), KERN_INVALID_ARGUMENT);
	/* Holes are fine, even alone. */
	for (vm_inherit_t value = 0; value <= VM_INHERIT_NONE; value++)
		expect_code(inherit(4, 2, value), KERN_SUCCESS);
	ground_lay(&ground, 2, 1, "rw");
	expect_code(inherit(0, 5, VM_INHERIT_NONE), KERN_SUCCESS);
	assert_true(layout_has_flag(&ground, ground.base, "dc"));
	assert_true(layout_has_flag(&ground, ground.base + 2 * PAGE, "dc"));
	expect_code(inherit(0, 5, VM_INHERIT_COPY), KERN_SUCCESS);
	assert_false(layout_has_flag(&ground, ground.base, "dc"));
	/* The kernel's own pages go to children in any case. */
	if (layout_find(&ground, "[vvar]"))
		expect_code(mach_vm_inherit(ground.task, layout_find(&ground, "[vvar]"), PAGE,
					    VM_INHERIT_COPY),
			    KERN_SUCCESS);
	ground_verify(&ground);
}

static void arguments_are_judged_in_order_and_holes_are_fine(void **state)
{
	ground_each_place(&ground, try_arguments);
}

/* Single-threaded, this test can move its own memory. */
static void own_memory_is_shared_with_a_child(void **state)
{
	uint8_t *memory = mmap(NULL, 2 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	pattern_fill(memory, 0, 2 * PAGE, 4);
	expect_code(vm_inherit(mach_task_self(), (vm_address_t)memory, 2 * PAGE, VM_INHERIT_SHARE),
		    KERN_SUCCESS);
	expect_number(pattern_byte(4, 77), memory[77]);
	pid = fork();
	if (pid == 0) {
		memory[5000] = 123;
		_exit(memory[77] == pattern_byte(4, 77) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_number(status, 0);
	expect_number(memory[5000], 123);
	munmap(memory, 2 * PAGE);
}

static void *wait_at(void *gate)
{
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	return NULL;
}

/* Its other threads might write between the copy and the move, and nobody stops them. */
static void own_memory_of_several_threads_is_not_moved(void **state)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	uint8_t *memory = mmap(NULL, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	kern_return_t kr;
	pid_t pid;

	memory[9] = 1;
	pthread_mutex_lock(&gate);
	assert_int_equal(pthread_create(&thread, NULL, wait_at, &gate), 0);
	kr = vm_inherit(mach_task_self(), (vm_address_t)memory, PAGE, VM_INHERIT_SHARE);
	pthread_mutex_unlock(&gate);
	pthread_join(thread, NULL);
	expect_code(kr, KERN_NOT_SUPPORTED);
	pid = fork();
	if (pid == 0) {
		memory[9] = 2;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	expect_number(memory[9], 1);
	munmap(memory, PAGE);
}

static void try_advice(void)
{
	static const struct {
		vm_behavior_t behavior;
		const char *flag;
	} advice[] = {{VM_BEHAVIOR_RANDOM, "rr"}, {VM_BEHAVIOR_SEQUENTIAL, "sr"}};

	ground_lay(&ground, 0, 2, "rw");
	for (unsigned i = 0; i < ARRAY_SIZE(advice); i++)
		expect_code(mach_vm_behavior_set(ground.task, ground.base + i * PAGE, PAGE,
						 advice[i].behavior),
			    KERN_SUCCESS);
	expect_code(inherit(0, 2, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_layout(&ground, "dd..............");
	for (unsigned i = 0; i < ARRAY_SIZE(advice); i++)
		assert_true(layout_has_flag(&ground, ground.base + i * PAGE, advice[i].flag));
	ground_verify(&ground);
}

static void advice_stays_with_memory_that_is_moved(void **state)
{
	ground_each_victim(&ground, try_advice);
}

static const struct CMUnitTest tests[] = {
	TEST(advice_stays_with_memory_that_is_moved),
	TEST(child_does_not_get_what_is_inherited_by_none),
	TEST(shared_memory_is_one_for_parent_and_child),
	TEST(child_shares_what_it_was_not_to_have_before),
	TEST(untouched_pages_stay_untouched_when_they_are_moved),
	TEST(memory_of_many_threads_is_moved_unseen),
	TEST(maximum_stays_with_memory_that_is_moved),
	TEST(maximum_of_a_vfork_child_ends_with_its_exec),
	TEST(memory_that_cannot_be_moved_is_refused_and_stays),
	TEST(arguments_are_judged_in_order_and_holes_are_fine),
	TEST(own_memory_is_shared_with_a_child),
	TEST(own_memory_of_several_threads_is_not_moved),
};

HARNESS_MAIN(tests)
