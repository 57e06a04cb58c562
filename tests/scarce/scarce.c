/* SPDX-License-Identifier: MIT */
/*
 * A caller who runs out: of memory at every single allocation, of descriptors at every
 * number of them, and of patience with signals. The same scenario is run over and
 * over, with the n-th allocation failing; each answer is right or says what is short, and
 * afterwards nothing is left behind and the victim has what it should.
 */
#include "faults.h"
#include "ground.h"
#include "refuse.h"
#include "travel.h"

#include <fcntl.h>
#include <mach/vm_behavior.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE 0x100000000000u

/* What a scenario works on. */
static struct ground ground;
static uint8_t local[5 * PAGE];

static int end_walk(const struct machvm_region *region, void *context)
{
	unsigned *seen = context;

	return ++*seen == 3;
}

static void try_writes(mach_port_t task, uint8_t fill)
{
	static const struct {
		uint64_t at;
		size_t size;
		unsigned flags;
	} writes[] = {{BASE + 8, 8, 0},
		      {BASE + PAGE - 8, 16, 0},
		      {BASE + 100, 4 * PAGE, 0},
		      {BASE + 10, 3 * PAGE, MACHVM_TRANSACTION},
		      {BASE + 5, 2 * PAGE, MACHVM_FORCE},
		      {BASE + 9, 2 * PAGE, MACHVM_NOWAIT}};

	for (unsigned i = 0; i < ARRAY_SIZE(writes); i++) {
		memset(local, fill + (int)i, sizeof(local));
		if (expect_honest(machvm_write(task, writes[i].at, local, writes[i].size,
					       writes[i].flags)) == KERN_SUCCESS)
			memcpy(ground_expect(&ground, writes[i].at), local, writes[i].size);
	}
	if (expect_honest(mach_vm_copy(task, BASE + 3, 3 * PAGE, BASE + PAGE)) == KERN_SUCCESS)
		memmove(ground_expect(&ground, BASE + PAGE), ground_expect(&ground, BASE + 3),
			3 * PAGE);
}

static void try_reads(mach_port_t task)
{
	vm_offset_t data = 0;
	mach_msg_type_number_t count = 0;

	if (expect_honest(machvm_read(task, BASE + 50, local, 4 * PAGE, 0)) == KERN_SUCCESS &&
	    memcmp(local, ground_expect(&ground, BASE + 50), 4 * PAGE) != 0)
		fail_case("what was read is not what is there");
	expect_honest(machvm_read(task, BASE + 50, local, 3 * PAGE, MACHVM_TRANSACTION));
	if (expect_honest(mach_vm_read(task, BASE + 7, 2 * PAGE, &data, &count)) == KERN_SUCCESS)
		mach_vm_deallocate(mach_task_self(), data, count);
}

static void try_looks(mach_port_t task)
{
	struct vm_region_extended_info extended;
	struct vm_region_basic_info_64 basic;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
	integer_t disposition, references;
	mach_vm_address_t at = BASE;
	mach_vm_size_t size;
	mach_port_t object;
	unsigned seen = 0;

	expect_honest(mach_vm_region(task, &at, &size, VM_REGION_BASIC_INFO_64,
				     (vm_region_info_t)&basic, &count, &object));
	count = VM_REGION_EXTENDED_INFO_COUNT;
	at = BASE;
	expect_honest(mach_vm_region(task, &at, &size, VM_REGION_EXTENDED_INFO,
				     (vm_region_info_t)&extended, &count, &object));
	expect_honest(mach_vm_page_query(task, BASE, &disposition, &references));
	expect_honest(machvm_region_walk(task, 0, ~0ull, end_walk, &seen));
}

static void try_lists(mach_port_t task, uint8_t fill)
{
	struct machvm_range list[] = {{BASE + 20, local, 100, 0},
				      {BASE + 2 * PAGE, local, 3 * PAGE, 0}};
	unsigned flags = fill % 2 ? MACHVM_TRANSACTION : 0;

	memset(local, fill, sizeof(local));
	if (expect_honest(machvm_write_list(task, list, 2, flags)) == KERN_SUCCESS)
		for (unsigned i = 0; i < 2; i++)
			memcpy(ground_expect(&ground, list[i].address), local, list[i].size);
	expect_honest(machvm_read_list(task, list, 2, 0));
}

static int take_match(void *context, mach_vm_address_t address)
{
	return 0;
}

static void try_search(mach_port_t task)
{
	struct machvm_range where = {.address = BASE, .size = 8 * PAGE};
	struct machvm_find find = {.bytes = "scarce",
				   .size = 6,
				   .ranges = &where,
				   .range_count = 1,
				   .match = take_match};

	expect_honest(machvm_find(task, &find));
}

/* Memory that comes and goes, and what stays as it was in the end. */
static void try_changes(mach_port_t task)
{
	mach_vm_address_t there = BASE + 16 * PAGE, again = BASE + 20 * PAGE;
	vm_prot_t current, maximum;

	expect_honest(mach_vm_protect(task, BASE, PAGE, 0, VM_PROT_READ));
	while (expect_honest(mach_vm_protect(task, BASE, PAGE, 0, VM_PROT_DEFAULT)) != KERN_SUCCESS)
		;
	if (expect_honest(mach_vm_allocate(task, &there, 2 * PAGE, VM_FLAGS_FIXED)) != KERN_SUCCESS)
		return;
	expect_honest(mach_vm_protect(task, there, PAGE, 1, VM_PROT_DEFAULT));
	expect_honest(mach_vm_behavior_set(task, there, PAGE, VM_BEHAVIOR_RANDOM));
	expect_honest(mach_vm_inherit(task, there, PAGE, VM_INHERIT_SHARE));
	if (expect_honest(mach_vm_remap(task, &again, PAGE, 0, 0, task, there, 1, &current,
					&maximum, 1)) == KERN_SUCCESS)
		while (expect_honest(mach_vm_deallocate(task, again, PAGE)) != KERN_SUCCESS)
			;
	while (expect_honest(mach_vm_deallocate(task, there, 2 * PAGE)) != KERN_SUCCESS)
		;
}

static void try_stops(mach_port_t task)
{
	thread_act_array_t threads;
	mach_msg_type_number_t count;

	if (expect_honest(task_suspend(task)) == KERN_SUCCESS) {
		try_writes(task, 0x40);
		while (expect_honest(task_resume(task)) != KERN_SUCCESS)
			;
	}
	if (expect_honest(task_threads(task, &threads, &count)) != KERN_SUCCESS)
		return;
	for (unsigned i = 0; i < count; i++)
		mach_port_deallocate(mach_task_self(), threads[i]);
	mach_vm_deallocate(mach_task_self(), (uintptr_t)threads, count * sizeof(*threads));
}

/* To ourselves, through a socket. */
static void try_travel(mach_port_t task)
{
	mach_port_t port = MACH_PORT_NULL;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return;
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	if (expect_honest(machvm_task_send(ends[0], task, MACHVM_RIGHT_CONTROL)) == KERN_SUCCESS &&
	    expect_honest(machvm_task_receive(ends[1], &port)) == KERN_SUCCESS) {
		try_writes(port, 0x80);
		try_reads(port);
		try_looks(port);
		mach_port_deallocate(mach_task_self(), port);
	}
	close(ends[0]);
	close(ends[1]);
}

/* Everything from opening to letting go. */
static void run_scenario(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, ground.victim->pid, 0);
	mach_port_t task = MACH_PORT_NULL;
	char path[32];

	if (pidfd < 0 && refused("pidfd")) {
		snprintf(path, sizeof(path), "/proc/%d", ground.victim->pid);
		pidfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (pidfd < 0)
		return;
	faults_begin();
	if (expect_honest(machvm_task_open(pidfd, MACHVM_RIGHT_CONTROL, &task)) == KERN_SUCCESS) {
		try_writes(task, 0x10);
		try_reads(task);
		try_looks(task);
		try_lists(task, 0x61);
		try_lists(task, 0x62);
		try_search(task);
		try_changes(task);
		try_stops(task);
		if (travel_possible())
			try_travel(task);
		mach_port_deallocate(mach_task_self(), task);
	}
	faults_end();
	close(pidfd);
}

static void lay(void)
{
	ground_open(&ground, PLACE_VICTIM, 8);
	task_drop(ground.task);
	ground_lay(&ground, 0, 8, "rw");
}

static void verify(void)
{
	ground_verify(&ground);
}

static void failing_allocation_is_a_shortage_wherever_it_is(void **state)
{
	lay();
	faults_fail_allocations(run_scenario, verify);
}

static void missing_descriptors_are_a_shortage_however_many_there_are(void **state)
{
	lay();
	faults_take_descriptors(run_scenario, verify);
}

static void signals_change_no_answer(void **state)
{
	lay();
	faults_interrupt(run_scenario, verify);
}

static const struct CMUnitTest tests[] = {
	TEST(failing_allocation_is_a_shortage_wherever_it_is),
	TEST(missing_descriptors_are_a_shortage_however_many_there_are),
	TEST(signals_change_no_answer),
};

HARNESS_MAIN(tests)
