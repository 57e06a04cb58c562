/* SPDX-License-Identifier: MIT */
/*
 * What the system refuses: somebody else's process, and one's own that does not
 * want to be looked into. Started as root, the program makes a process of root's
 * first and then becomes an unprivileged user; started as one, it takes process
 * 1 for somebody else's.
 */
#include "calls.h"
#include "ground.h"
#include "processes.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE 0x100000000000u

static pid_t foreign; /* a process of root's */

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void foreign_process_is_denied(void **state)
{
	int fd = open_pidfd(foreign);
	mach_port_t port = 77;

	expect_code(task_for_pid(mach_task_self(), foreign, &port), KERN_FAILURE);
	expect_number(port, MACH_PORT_NULL);
	expect_detail(KERN_DENIED, 0);
	port = 77;
	expect_number(task_read_for_pid(mach_task_self(), foreign, &port), -1);
	expect_number(port, MACH_PORT_NULL);
	expect_detail(KERN_DENIED, 0);
	if (fd < 0)
		return;
	port = 77;
	for (int right = MACHVM_RIGHT_CONTROL; right <= MACHVM_RIGHT_INSPECT; right++) {
		trying("right %d", right);
		expect_code(machvm_task_open(fd, (enum machvm_right)right, &port), KERN_DENIED);
		expect_detail(KERN_DENIED, 0);
		expect_number(port, 77);
	}
	close(fd);
}

/* A name is no secret; it opens nothing. */
static void foreign_process_can_be_named(void **state)
{
	mach_port_t port;
	char byte;
	int pid;

	expect_code(task_name_for_pid(mach_task_self(), foreign, &port), KERN_SUCCESS);
	expect_code(pid_for_task(port, &pid), KERN_SUCCESS);
	expect_number(pid, foreign);
	expect_code(machvm_read(port, BASE, &byte, 1, 0), KERN_INVALID_ARGUMENT);
	task_drop(port);
}

static void undumpable_process_of_ones_own_is_denied(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port = 77;
	int fd = open_pidfd(victim->pid);

	victim_ask(victim, "dumpable 0");
	expect_code(task_for_pid(mach_task_self(), victim->pid, &port), KERN_FAILURE);
	expect_detail(KERN_DENIED, 0);
	if (fd >= 0) {
		expect_code(machvm_task_open(fd, MACHVM_RIGHT_CONTROL, &port), KERN_DENIED);
		close(fd);
	}
	/* And allowed again when it does. */
	victim_ask(victim, "dumpable 1");
	expect_code(task_for_pid(mach_task_self(), victim->pid, &port), KERN_SUCCESS);
}

/* Opened while it was allowed. What happens then is whole, and is one of two things. */
static void process_that_turns_undumpable_is_written_whole_or_denied(void **state)
{
	for (int used = 0; used < 2; used++) {
		struct ground ground;
		uint8_t data[300];

		ground_open(&ground, PLACE_VICTIM, 4);
		ground_lay(&ground, 0, 4, "rw");
		if (used)
			expect_code(machvm_read(ground.task, ground.base + PAGE - 8, data, 16, 0),
				    KERN_SUCCESS);
		victim_ask(ground.victim, "dumpable 0");
		memset(data, 0x66, sizeof(data));
		for (unsigned i = 0; i < write_call_count; i++) {
			uint64_t at = ground.base + PAGE - 100 * (i % 3);
			kern_return_t kr = write_calls[i].run(ground.task, at, data, 300);

			trying("%s, %s before", write_calls[i].name, used ? "used" : "not used");
			if (kr == KERN_SUCCESS)
				memcpy(ground_expect(&ground, at), data, 300);
			else
				expect_code(kr, KERN_DENIED);
			if (kr != KERN_SUCCESS)
				expect_detail(KERN_DENIED, 0);
			ground_verify(&ground);
		}
		ground_close(&ground);
	}
}

/* After exec access is checked anew: what was held before is worth nothing. */
static void process_that_is_undumpable_after_exec_is_denied(void **state)
{
	for (int used = 0; used < 2; used++) {
		struct victim *victim = victim_spawn(WORD_64);
		mach_port_t task = victim_task(victim);
		uint8_t data[300] = {0};
		uint64_t sum;

		victim_ask(victim, "lay rw %llx 2 3", (unsigned long long)BASE);
		if (used)
			expect_code(machvm_write(task, BASE + PAGE - 8, data, 16, 0), KERN_SUCCESS);
		victim_ask(victim, "exec rw %llx 2 4", (unsigned long long)BASE);
		victim_ask(victim, "dumpable 0");
		sum = victim_ask(victim, "sum %llx 2000", (unsigned long long)BASE);
		for (unsigned i = 0; i < write_call_count; i++) {
			trying("%s, %s before", write_calls[i].name, used ? "used" : "not used");
			expect_code(write_calls[i].run(task, BASE + PAGE - 8, data, 16), KERN_DENIED);
			expect_code(write_calls[i].run(task, BASE + 8, data, 16), KERN_DENIED);
			expect_detail(KERN_DENIED, 0);
		}
		for (unsigned i = 0; i < read_call_count; i++) {
			trying("%s, %s before", read_calls[i].name, used ? "used" : "not used");
			expect_code(read_calls[i].run(task, BASE + PAGE - 8, data, 16), KERN_DENIED);
		}
		expect_code(mach_vm_copy(task, BASE, 16, BASE + 64), KERN_DENIED);
		expect_number(victim_ask(victim, "sum %llx 2000", (unsigned long long)BASE), sum);
	}
}

static void explanation_says_whether_and_why_not(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	char text[1024];

	expect_code(machvm_explain(victim->pid, MACHVM_RIGHT_CONTROL, text, sizeof(text)),
		    KERN_SUCCESS);
	assert_true(text[0] != '\0');
	memset(text, 'x', sizeof(text));
	expect_code(machvm_explain(foreign, MACHVM_RIGHT_CONTROL, text, sizeof(text)), KERN_DENIED);
	assert_non_null(memchr(text, '\0', sizeof(text)));
	assert_true(text[0] != '\0');
	/* Never more than it was given. */
	for (size_t size = 1; size < 40; size++) {
		memset(text, 'x', sizeof(text));
		expect_code(machvm_explain(foreign, MACHVM_RIGHT_CONTROL, text, size), KERN_DENIED);
		assert_non_null(memchr(text, '\0', size));
		expect_number(text[size], 'x');
	}
	expect_code(machvm_explain(victim->pid, (enum machvm_right)9, text, sizeof(text)),
		    KERN_INVALID_ARGUMENT);
	victim_ask(victim, "dumpable 0");
	expect_code(machvm_explain(victim->pid, MACHVM_RIGHT_CONTROL, text, sizeof(text)),
		    KERN_DENIED);
	trying("\"%s\"", text);
	assert_non_null(strstr(text, "dumpable"));
	victim_kill(victim);
}

static const struct CMUnitTest tests[] = {
	TEST(foreign_process_is_denied),
	TEST(foreign_process_can_be_named),
	TEST(undumpable_process_of_ones_own_is_denied),
	TEST(process_that_turns_undumpable_is_written_whole_or_denied),
	TEST(process_that_is_undumpable_after_exec_is_denied),
	TEST(explanation_says_whether_and_why_not),
};

/*
 * A process of root's that ends when this program does: by the end of a pipe, for
 * the death of a parent that is not root any more is no signal to it.
 */
static pid_t make_foreign(void)
{
	int end[2];
	pid_t child;
	char byte;

	if (pipe2(end, O_CLOEXEC) != 0)
		return 1;
	child = fork();
	if (child == 0) {
		close(end[1]);
		_exit(read(end[0], &byte, 1) != 0);
	}
	close(end[0]);
	return child;
}

HARNESS_MAIN_IF(tests, {
	foreign = 1;
	if (harness_is_root()) {
		foreign = make_foreign();
		become_nobody();
	} else if (getpid() == 1) {
		harness_skip("there is nobody else in this namespace");
	}
})
