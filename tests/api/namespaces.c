/* SPDX-License-Identifier: MIT */
/*
 * Callers and targets in different pid namespaces: a number means one thing
 * here, another there, and a third in a /proc that belongs to neither.
 */
#include "calls.h"
#include "ground.h"
#include "processes.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE 0x100000000000u

static struct ground ground;

static void open_inner_ground(void)
{
	struct victim *victim = victim_spawn_in_namespace(WORD_64);

	if (victim == NULL)
		fail_case("the namespace that was there before is refused now");
	/* It calls itself 1 and is something else for us. */
	expect_number(victim_ask(victim, "pid"), 1);
	assert_int_not_equal(victim->pid, 1);
	ground_open_in(&ground, victim, BASE, 8);
	ground_lay(&ground, 0, 8, "rw");
	ground_lay(&ground, 5, 1, "ro");
	ground.task = victim_task(victim);
}

static void target_in_inner_namespace_is_reached_by_its_outer_pid(void **state)
{
	uint8_t data[300];
	int pid;

	open_inner_ground();
	expect_code(pid_for_task(ground.task, &pid), KERN_SUCCESS);
	expect_number(pid, ground.victim->pid);
	for (unsigned i = 0; i < write_call_count; i++) {
		uint64_t at = BASE + 2 * PAGE - 100 + i;

		trying("%s", write_calls[i].name);
		memset(data, (int)i + 1, sizeof(data));
		expect_code(write_calls[i].run(ground.task, at, data, sizeof(data)), KERN_SUCCESS);
		memcpy(ground_expect(&ground, at), data, sizeof(data));
		ground_verify(&ground);
		expect_code(write_calls[i].run(ground.task, BASE + 5 * PAGE - 100, data, 300),
			    KERN_PROTECTION_FAILURE);
		expect_detail(KERN_PROTECTION_FAILURE, BASE + 5 * PAGE);
		ground_verify(&ground);
	}
	for (unsigned i = 0; i < read_call_count; i++) {
		trying("%s", read_calls[i].name);
		expect_code(read_calls[i].run(ground.task, BASE + 2 * PAGE - 100, data, 300),
			    KERN_SUCCESS);
		expect_bytes(data, ground_expect(&ground, BASE + 2 * PAGE - 100), 300);
	}
	expect_code(mach_vm_copy(ground.task, BASE + 100, 5000, BASE + 2 * PAGE + 200),
		    KERN_SUCCESS);
	memcpy(ground_expect(&ground, BASE + 2 * PAGE + 200), ground_expect(&ground, BASE + 100),
	       5000);
	ground_verify(&ground);
	victim_kill(ground.victim);
	expect_code(machvm_write(ground.task, BASE, data, 8, 0), MACH_SEND_INVALID_DEST);
}

#define STEP(number, condition)           \
	do {                              \
		if (!(condition))         \
			_exit(number);    \
	} while (0)

/* In a new pid namespace, with the /proc of the one outside: asserts by exit status. */
static void inner_caller(int pidfd, pid_t outer_pid)
{
	mach_port_t task, self;
	char text[32] = "", own[32] = "own memory";
	int pid = -5;

	STEP(1, getpid() == 1);
	STEP(2, pid_for_task(mach_task_self(), &pid) == KERN_SUCCESS && pid == 1);
	STEP(3, task_for_pid(mach_task_self(), 1, &self) == KERN_SUCCESS);
	STEP(4, self == mach_task_self());
	STEP(5, machvm_read(mach_task_self(), (uintptr_t)own, text, 11, 0) == KERN_SUCCESS);
	STEP(6, strcmp(text, "own memory") == 0);
	/* The number means nobody in here, although /proc knows somebody of that number. */
	STEP(7, task_for_pid(mach_task_self(), outer_pid, &task) == KERN_FAILURE);
	/* The pidfd means the target, which has no number in here. */
	STEP(8, machvm_task_open(pidfd, MACHVM_RIGHT_CONTROL, &task) == KERN_SUCCESS);
	STEP(9, machvm_write(task, BASE + PAGE - 8, "from the inside", 16, 0) == KERN_SUCCESS);
	STEP(10, machvm_read(task, BASE + PAGE - 8, text, 16, 0) == KERN_SUCCESS);
	STEP(11, strcmp(text, "from the inside") == 0);
	STEP(12, machvm_write(task, BASE + 100, "short", 6, 0) == KERN_SUCCESS);
	STEP(13, machvm_write(task, BASE + 5 * PAGE - 8, text, 16, 0) == KERN_PROTECTION_FAILURE);
	STEP(14, machvm_last_error()->address == BASE + 5 * PAGE);
	STEP(15, machvm_write(task, BASE + 8 * PAGE - 8, text, 16, 0) == KERN_INVALID_ADDRESS);
	STEP(16, machvm_write(task, BASE + 5 * PAGE, text, 8, 0) == KERN_PROTECTION_FAILURE);
	_exit(0);
}

/* No step of the caller's. */
#define NOT_ALLOWED 98

static void target_that_is_invisible_here_is_reached_through_its_pidfd(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int pidfd = (int)syscall(SYS_pidfd_open, victim->pid, 0);
	int status = 0;
	pid_t middle;

	if (pidfd < 0)
		skip(); /* refused to this process */
	ground_open_in(&ground, victim, BASE, 8);
	ground_lay(&ground, 0, 8, "rw");
	ground_lay(&ground, 5, 1, "ro");
	middle = fork();
	if (middle == 0) {
		pid_t inner;

		if (unshare(CLONE_NEWPID) != 0)
			_exit(NOT_ALLOWED);
		inner = fork();
		if (inner == 0)
			inner_caller(pidfd, victim->pid);
		waitpid(inner, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
	}
	close(pidfd);
	assert_int_equal(waitpid(middle, &status, 0), middle);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_ALLOWED)
		skip();
	if (status != 0)
		fail_case("the inner caller ended with status %#x: step %d", status,
			  WEXITSTATUS(status));
	memcpy(ground_expect(&ground, BASE + PAGE - 8), "from the inside", 16);
	memcpy(ground_expect(&ground, BASE + 100), "short", 6);
	ground_verify(&ground);
}

/* A child of ours among the processes of that namespace; -1 where that is not allowed. */
static pid_t join_namespace(pid_t first)
{
	int ours = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	char path[64];
	int theirs;
	pid_t pid = -1;

	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)first);
	theirs = open(path, O_RDONLY | O_CLOEXEC);
	if (setns(theirs, CLONE_NEWPID) == 0) {
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		setns(ours, CLONE_NEWPID);
	}
	close(ours);
	close(theirs);
	return pid;
}

/*
 * The first process of a namespace ends all others before it is dead itself, and waits until
 * their parents have taken note. Its own memory is gone by then.
 */
static void process_that_is_still_exiting_is_an_invalid_destination(void **state)
{
	enum { OPENERS = 3 };
	int (*const open_calls[OPENERS])(mach_port_name_t, int, mach_port_name_t *) = {
		task_for_pid, task_read_for_pid, task_inspect_for_pid
	};
	kern_return_t opened[OPENERS], code[OPENERS], read;
	mach_port_name_t name[OPENERS];
	int ended;
	struct victim *victim = victim_spawn_in_namespace(WORD_64);
	mach_port_t task = victim_task(victim);
	pid_t other = join_namespace(victim->pid);
	siginfo_t end;
	char byte;

	if (other < 0)
		skip(); /* refused to this process */
	kill(victim->pid, SIGKILL);
	ended = waitid(P_PID, (id_t)other, &end, WEXITED | WNOWAIT);
	for (unsigned i = 0; i < OPENERS; i++) {
		name[i] = 7;
		opened[i] = open_calls[i](mach_task_self(), victim->pid, &name[i]);
		code[i] = machvm_last_error()->code;
	}
	read = machvm_read(task, BASE, &byte, 1, 0);
	/* Whatever was found: the victim's end waits for this. */
	waitpid(other, NULL, 0);
	assert_int_equal(ended, 0);
	for (unsigned i = 0; i < OPENERS; i++) {
		trying("way %u of opening it", i);
		assert_int_not_equal(opened[i], 0);
		expect_number(name[i], MACH_PORT_NULL);
		/* To the root of a user namespace what has no memory is somebody else's. */
		if (geteuid() == 0 && !harness_is_root() && code[i] == KERN_DENIED)
			continue;
		expect_code(code[i], MACH_SEND_INVALID_DEST);
	}
	expect_code(read, MACH_SEND_INVALID_DEST);
	victim_kill(victim);
}

static const struct CMUnitTest tests[] = {
	TEST(target_in_inner_namespace_is_reached_by_its_outer_pid),
	TEST(target_that_is_invisible_here_is_reached_through_its_pidfd),
	TEST(process_that_is_still_exiting_is_an_invalid_destination),
};

HARNESS_MAIN_IF(tests, {
	struct victim *victim = victim_spawn_in_namespace(WORD_64);

	if (victim == NULL)
		harness_skip("no pid namespaces here");
	victim_kill(victim);
})
