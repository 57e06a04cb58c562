/* SPDX-License-Identifier: MIT */
/* Control, read, inspect and name ports: which routine each of them opens. */
#include "calls.h"
#include "ground.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct ground ground;

static mach_port_t open_right(pid_t pid, enum machvm_right right)
{
	mach_port_t port = MACH_PORT_NULL;

	trying("right %d", right);
	switch (right) {
	case MACHVM_RIGHT_CONTROL:
		expect_code(task_for_pid(mach_task_self(), pid, &port), KERN_SUCCESS);
		break;
	case MACHVM_RIGHT_READ:
		expect_number(task_read_for_pid(mach_task_self(), pid, &port), 0);
		break;
	case MACHVM_RIGHT_INSPECT:
		expect_number(task_inspect_for_pid(mach_task_self(), pid, &port), 0);
		break;
	case MACHVM_RIGHT_NAME:
		expect_code(task_name_for_pid(mach_task_self(), pid, &port), KERN_SUCCESS);
		break;
	}
	assert_true(MACH_PORT_VALID(port));
	return port;
}

static void expect_rights(mach_port_t port, enum machvm_right right, uint64_t address)
{
	kern_return_t may_write = right == MACHVM_RIGHT_CONTROL ? KERN_SUCCESS
								: KERN_INVALID_ARGUMENT;
	kern_return_t may_read = right <= MACHVM_RIGHT_READ ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
	uint8_t data[300];

	memset(data, 0x10 + right, sizeof(data));
	for (unsigned i = 0; i < write_call_count; i++) {
		trying("%s with right %d", write_calls[i].name, right);
		expect_code(write_calls[i].run(port, address, data, sizeof(data)), may_write);
		/* Size 0 asks for the right as well. */
		expect_code(write_calls[i].run(port, address, data, 0), may_write);
		/* But the buffer comes before the right, as in XNU. */
		expect_code(write_calls[i].run(port, address, NULL, 8), MACH_SEND_INVALID_MEMORY);
	}
	for (unsigned i = 0; i < read_call_count; i++) {
		trying("%s with right %d", read_calls[i].name, right);
		expect_code(read_calls[i].run(port, address, data, sizeof(data)), may_read);
		expect_code(read_calls[i].run(port, address, data, 0), may_read);
	}
	for (unsigned i = 0; i < copy_call_count; i++) {
		trying("%s with right %d", copy_calls[i].name, right);
		expect_code(copy_calls[i].run(port, address, 0, address), may_write);
		expect_code(copy_calls[i].run(port, address, 8, address), may_write);
	}
}

static void each_right_opens_its_routines_and_no_more(void **state)
{
	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 4, "rw");
	for (enum machvm_right right = MACHVM_RIGHT_CONTROL; right <= MACHVM_RIGHT_NAME; right++) {
		mach_port_t port = open_right(ground.victim->pid, right);
		uint64_t address = ground.base + PAGE - 100;

		expect_rights(port, right, address);
		if (right == MACHVM_RIGHT_CONTROL)
			memset(ground_expect(&ground, address), 0x10, 300);
		ground_verify(&ground);
		task_drop(port);
	}
	ground_close(&ground);
}

/* The same through a pidfd. */
static void each_right_of_a_pidfd_opens_its_routines_and_no_more(void **state)
{
	int fd;

	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 4, "rw");
	fd = (int)syscall(SYS_pidfd_open, ground.victim->pid, 0);
	for (enum machvm_right right = MACHVM_RIGHT_CONTROL; fd >= 0 && right <= MACHVM_RIGHT_NAME;
	     right++) {
		mach_port_t port;
		uint64_t address = ground.base + PAGE - 100;

		expect_code(machvm_task_open(fd, right, &port), KERN_SUCCESS);
		expect_rights(port, right, address);
		if (right == MACHVM_RIGHT_CONTROL)
			memset(ground_expect(&ground, address), 0x10, 300);
		ground_verify(&ground);
		task_drop(port);
	}
	if (fd >= 0)
		close(fd);
	ground_close(&ground);
}

/* One process, four names, counted apart. */
static void rights_of_one_process_are_different_names(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t ports[4];

	for (int i = 0; i < 4; i++)
		ports[i] = open_right(victim->pid, (enum machvm_right)i);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			assert_int_not_equal(ports[i], ports[j]);
	for (int i = 0; i < 4; i++) {
		mach_port_t again = open_right(victim->pid, (enum machvm_right)i);

		expect_number(again, ports[i]);
		task_drop(again);
		task_drop(ports[i]);
		expect_code(mach_port_deallocate(mach_task_self(), ports[i]), KERN_INVALID_NAME);
	}
}

/* The weaker ports of oneself are weaker, and still oneself. */
static void own_weaker_ports_are_weaker(void **state)
{
	ground_open_local(&ground, 4);
	ground_lay(&ground, 0, 4, "rw");
	for (enum machvm_right right = MACHVM_RIGHT_READ; right <= MACHVM_RIGHT_NAME; right++) {
		mach_port_t port = open_right(getpid(), right);

		assert_true(mach_task_is_self(port));
		assert_int_not_equal(port, mach_task_self());
		expect_rights(port, right, ground.base + PAGE - 100);
		ground_verify(&ground);
		task_drop(port);
	}
	ground_close(&ground);
}

/* A name port outlives nothing either. */
static void weaker_ports_die_with_the_process(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t ports[4];
	char data[8];

	for (int i = 0; i < 4; i++)
		ports[i] = open_right(victim->pid, (enum machvm_right)i);
	victim_kill(victim);
	for (int i = 0; i < 4; i++) {
		trying("right %d of a dead process", i);
		expect_code(machvm_read(ports[i], 0x1000, data, 8, 0), MACH_SEND_INVALID_DEST);
		expect_code(machvm_write(ports[i], 0x1000, data, 8, 0), MACH_SEND_INVALID_DEST);
		task_drop(ports[i]);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(each_right_opens_its_routines_and_no_more),
	TEST(each_right_of_a_pidfd_opens_its_routines_and_no_more),
	TEST(rights_of_one_process_are_different_names),
	TEST(own_weaker_ports_are_weaker),
	TEST(weaker_ports_die_with_the_process),
};

HARNESS_MAIN(tests)
