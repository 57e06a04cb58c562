/* SPDX-License-Identifier: MIT */
/* Names: who gets which, how they are counted, given back, and not mistaken for each other. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static mach_port_urefs_t references(mach_port_t name)
{
	mach_port_urefs_t refs = 999;

	expect_code(mach_port_get_refs(mach_task_self(), name, MACH_PORT_RIGHT_SEND, &refs),
		    KERN_SUCCESS);
	return refs;
}

/* A pid that nobody has: that of a child which is gone. */
static pid_t unused_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void own_pid_gives_the_own_task(void **state)
{
	mach_port_t task = 1;

	expect_code(task_for_pid(mach_task_self(), getpid(), &task), KERN_SUCCESS);
	expect_number(task, mach_task_self());
	expect_number((mach_task_self)(), mach_task_self());
	expect_number(mach_task_self_, mach_task_self());
	assert_true(mach_task_is_self(task));
	assert_true(MACH_PORT_VALID(task));
	task_drop(task);
}

static void own_task_and_host_survive_any_number_of_deallocations(void **state)
{
	for (int i = 0; i < 1000; i++) {
		task_drop(mach_task_self());
		task_drop(mach_host_self());
	}
	expect_number((mach_task_self)(), mach_task_self_);
	{
		char from[4] = "abc", to[4] = "";

		expect_code(machvm_read(mach_task_self(), (uintptr_t)from, to, 4, 0), KERN_SUCCESS);
		assert_string_equal(to, "abc");
	}
}

static void same_process_gives_the_same_name_with_one_more_reference(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t first = victim_task(victim), again;

	expect_number(references(first), 1);
	for (mach_port_urefs_t refs = 2; refs < 10; refs++) {
		expect_code(task_for_pid(mach_task_self(), victim->pid, &again), KERN_SUCCESS);
		expect_number(again, first);
		expect_number(references(first), refs);
	}
	for (mach_port_urefs_t refs = 9; refs > 0; refs--) {
		expect_number(references(first), refs);
		task_drop(first);
	}
	{
		mach_port_urefs_t refs = 7;

		expect_code(mach_port_get_refs(mach_task_self(), first, MACH_PORT_RIGHT_SEND, &refs),
			    KERN_INVALID_NAME);
		expect_number(refs, 7);
	}
	expect_code(mach_port_deallocate(mach_task_self(), first), KERN_INVALID_NAME);
}

static void two_processes_have_two_names(void **state)
{
	mach_port_t first = victim_task(victim_spawn(WORD_64));
	mach_port_t second = victim_task(victim_spawn(WORD_64));

	assert_int_not_equal(first, second);
	assert_int_not_equal(first, mach_task_self());
	assert_false(mach_task_is_self(first));
}

/*
 * Every failure of task_for_pid is KERN_FAILURE with a null port. The record has
 * the reason: what machvm_task_open() would have answered.
 */
static void pid_without_a_process_is_a_failure_with_a_null_port(void **state)
{
	const int pids[] = {0, -1, INT32_MIN, INT32_MAX, unused_pid(), 1 << 22};

	for (unsigned i = 0; i < ARRAY_SIZE(pids); i++) {
		mach_port_t port = 77;

		trying("pid %d", pids[i]);
		expect_code(task_for_pid(mach_task_self(), pids[i], &port), KERN_FAILURE);
		expect_number(port, MACH_PORT_NULL);
		expect_detail(MACH_SEND_INVALID_DEST, 0);
		port = 77;
		expect_code(task_name_for_pid(mach_task_self(), pids[i], &port), KERN_FAILURE);
		expect_number(port, MACH_PORT_NULL);
	}
}

static void bad_caller_task_is_a_failure_with_a_null_port(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	const mach_port_t callers[] = {MACH_PORT_NULL, MACH_PORT_DEAD, 0x12345607, mach_host_self()};

	for (unsigned i = 0; i < ARRAY_SIZE(callers); i++) {
		mach_port_t port = 77;

		trying("caller %#x", callers[i]);
		expect_code(task_for_pid(callers[i], victim->pid, &port), KERN_FAILURE);
		expect_number(port, MACH_PORT_NULL);
		port = 77;
		expect_code(task_name_for_pid(callers[i], victim->pid, &port), KERN_FAILURE);
		expect_number(port, MACH_PORT_NULL);
		port = 77;
		errno = 0;
		expect_number(task_read_for_pid(callers[i], victim->pid, &port), -1);
		expect_number(errno, EINVAL);
		expect_number(port, MACH_PORT_NULL);
	}
}

/* System calls in XNU: -1 and errno. */
static void read_and_inspect_fail_with_errno(void **state)
{
	static int (*const opens[])(mach_port_name_t, int, mach_port_name_t *) = {
		task_read_for_pid, task_inspect_for_pid};
	struct victim *zombie = victim_spawn(WORD_64);
	const struct {
		int pid, error;
	} cases[] = {{0, EPERM}, {unused_pid(), ESRCH}, {zombie->pid, EACCES}};

	victim_make_zombie(zombie);
	for (unsigned i = 0; i < ARRAY_SIZE(opens); i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(cases); j++) {
			mach_port_t port = 77;

			trying("open %u of pid %d", i, cases[j].pid);
			errno = 0;
			expect_number(opens[i](mach_task_self(), cases[j].pid, &port), -1);
			expect_number(errno, cases[j].error);
			expect_number(port, MACH_PORT_NULL);
		}
	}
}

static void deallocate_answers_as_promised(void **state)
{
	mach_port_t task = victim_task(victim_spawn(WORD_64));

	expect_code(mach_port_deallocate(mach_task_self(), MACH_PORT_NULL), KERN_SUCCESS);
	expect_code(mach_port_deallocate(mach_task_self(), MACH_PORT_DEAD), KERN_SUCCESS);
	expect_code(mach_port_deallocate(mach_task_self(), 0x12345607), KERN_INVALID_NAME);
	expect_code(mach_port_deallocate(MACH_PORT_NULL, task), MACH_SEND_INVALID_DEST);
	expect_code(mach_port_deallocate(0x12345607, task), MACH_SEND_INVALID_DEST);
	expect_number(references(task), 1);
	task_drop(task);
}

static void mod_refs_answers_as_promised(void **state)
{
	mach_port_t self = mach_task_self(), task = victim_task(victim_spawn(WORD_64));
	static const struct {
		mach_port_t name;
		mach_port_right_t right;
		kern_return_t code;
	} nobodies[] = {
		{MACH_PORT_NULL, MACH_PORT_RIGHT_SEND, KERN_SUCCESS},
		{MACH_PORT_DEAD, MACH_PORT_RIGHT_SEND, KERN_SUCCESS},
		{MACH_PORT_NULL, MACH_PORT_RIGHT_SEND_ONCE, KERN_SUCCESS},
		{MACH_PORT_NULL, MACH_PORT_RIGHT_RECEIVE, KERN_INVALID_NAME},
		{MACH_PORT_DEAD, MACH_PORT_RIGHT_PORT_SET, KERN_INVALID_NAME},
		{MACH_PORT_NULL, MACH_PORT_RIGHT_NUMBER + 1, KERN_INVALID_VALUE},
		{0x12345607, MACH_PORT_RIGHT_SEND, KERN_INVALID_NAME},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(nobodies); i++) {
		trying("name %#x, right %u", nobodies[i].name, nobodies[i].right);
		expect_code(mach_port_mod_refs(self, nobodies[i].name, nobodies[i].right, 1),
			    nobodies[i].code);
	}
	expect_code(mach_port_mod_refs(self, task, 7, 1), KERN_INVALID_VALUE);
	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_RECEIVE, 1), KERN_INVALID_RIGHT);
	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_DEAD_NAME, 1),
		    KERN_INVALID_RIGHT);
	expect_code(mach_port_mod_refs(MACH_PORT_NULL, task, MACH_PORT_RIGHT_SEND, 1),
		    MACH_SEND_INVALID_DEST);

	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_SEND, 5), KERN_SUCCESS);
	expect_number(references(task), 6);
	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_SEND, 0), KERN_SUCCESS);
	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_SEND, -7), KERN_INVALID_VALUE);
	expect_number(references(task), 6);
	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_SEND, INT32_MIN),
		    KERN_INVALID_VALUE);
	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_SEND, INT32_MAX),
		    KERN_UREFS_OVERFLOW);
	expect_number(references(task), 6);
	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_SEND, -6), KERN_SUCCESS);
	expect_code(mach_port_mod_refs(self, task, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_NAME);
}

static void get_refs_and_type_answer_as_promised(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t self = mach_task_self(), task = victim_task(victim);
	mach_port_urefs_t refs = 7;
	mach_port_type_t type = 0;

	expect_code(mach_port_get_refs(self, task, MACH_PORT_RIGHT_RECEIVE, &refs), KERN_SUCCESS);
	expect_number(refs, 0);
	expect_code(mach_port_get_refs(self, task, 7, &refs), KERN_INVALID_VALUE);
	expect_code(mach_port_get_refs(self, 0x12345607, 0, &refs), KERN_INVALID_NAME);
	expect_code(mach_port_get_refs(MACH_PORT_NULL, task, 0, &refs), MACH_SEND_INVALID_DEST);
	expect_code(mach_port_type(self, task, &type), KERN_SUCCESS);
	expect_number(type & MACH_PORT_TYPE_SEND, MACH_PORT_TYPE_SEND);
	victim_kill(victim);
	expect_code(mach_port_type(self, task, &type), KERN_SUCCESS);
	expect_number(type & MACH_PORT_TYPE_DEAD_NAME, MACH_PORT_TYPE_DEAD_NAME);
	task_drop(task);
	expect_code(mach_port_type(self, task, &type), KERN_INVALID_NAME);
}

/* A name that was given back is recognised as stale for a good while. */
static void name_is_not_reused_at_once(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t stale = victim_task(victim);
	char buffer[8];

	task_drop(stale);
	for (unsigned i = 0; i < 50; i++) {
		mach_port_t task = victim_task(victim);

		assert_int_not_equal(task, stale);
		expect_code(machvm_read(stale, 0x1000, buffer, 8, 0), MACH_SEND_INVALID_DEST);
		task_drop(task);
	}
}

static void pid_of_a_task_is_the_process(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t control = victim_task(victim), ports[4];
	const mach_port_t bad[] = {MACH_PORT_NULL, MACH_PORT_DEAD, 0x12345607, mach_host_self()};
	int pid;

	ports[0] = control;
	expect_code(task_name_for_pid(mach_task_self(), victim->pid, &ports[1]), KERN_SUCCESS);
	expect_number(task_read_for_pid(mach_task_self(), victim->pid, &ports[2]), 0);
	expect_number(task_inspect_for_pid(mach_task_self(), victim->pid, &ports[3]), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
		trying("port %u", i);
		pid = 1;
		expect_code(pid_for_task(ports[i], &pid), KERN_SUCCESS);
		expect_number(pid, victim->pid);
	}
	expect_code(pid_for_task(mach_task_self(), &pid), KERN_SUCCESS);
	expect_number(pid, getpid());
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		trying("port %#x", bad[i]);
		pid = 1;
		expect_code(pid_for_task(bad[i], &pid), KERN_FAILURE);
		expect_number(pid, -1);
	}
}

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void task_open_takes_a_pidfd_of_its_own(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int fd = open_pidfd(victim->pid);
	mach_port_t task, same;
	char byte;

	if (fd < 0)
		skip(); /* refused to this process: task_for_pid has its own way then */
	expect_code(machvm_task_open(fd, MACHVM_RIGHT_CONTROL, &task), KERN_SUCCESS);
	expect_code(task_for_pid(mach_task_self(), victim->pid, &same), KERN_SUCCESS);
	expect_number(same, task);
	/* The descriptor was duplicated: this one can go, and was not closed. */
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(close(fd), 0);
	victim_ask(victim, "lay rw 100000000000 1 1");
	expect_code(machvm_read(task, 0x100000000000u, &byte, 1, 0), KERN_SUCCESS);
	task_drop(same);
	task_drop(task);
}

static void task_open_of_oneself_is_the_own_task(void **state)
{
	int fd = open_pidfd(getpid());
	mach_port_t task;

	if (fd < 0)
		skip();
	expect_code(machvm_task_open(fd, MACHVM_RIGHT_CONTROL, &task), KERN_SUCCESS);
	expect_number(task, mach_task_self());
	close(fd);
}

static void task_open_tells_its_failures_apart(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	int fd = open_pidfd(victim->pid), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	mach_port_t task = 77;

	expect_code(machvm_task_open(-1, MACHVM_RIGHT_CONTROL, &task), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_open(null, MACHVM_RIGHT_CONTROL, &task), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_open(9999, MACHVM_RIGHT_CONTROL, &task), KERN_INVALID_ARGUMENT);
	close(null);
	if (fd < 0)
		return;
	expect_code(machvm_task_open(fd, (enum machvm_right)4, &task), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_open(fd, (enum machvm_right)-1, &task), KERN_INVALID_ARGUMENT);
	expect_code(machvm_task_open(fd, MACHVM_RIGHT_CONTROL, NULL), KERN_INVALID_ARGUMENT);
	victim_make_zombie(victim);
	expect_code(machvm_task_open(fd, MACHVM_RIGHT_CONTROL, &task), MACH_SEND_INVALID_DEST);
	victim_kill(victim);
	for (int right = MACHVM_RIGHT_CONTROL; right <= MACHVM_RIGHT_NAME; right++)
		expect_code(machvm_task_open(fd, (enum machvm_right)right, &task),
			    MACH_SEND_INVALID_DEST);
	expect_number(task, 77);
	close(fd);
}

static const struct CMUnitTest tests[] = {
	TEST(own_pid_gives_the_own_task),
	TEST(own_task_and_host_survive_any_number_of_deallocations),
	TEST(same_process_gives_the_same_name_with_one_more_reference),
	TEST(two_processes_have_two_names),
	TEST(pid_without_a_process_is_a_failure_with_a_null_port),
	TEST(bad_caller_task_is_a_failure_with_a_null_port),
	TEST(read_and_inspect_fail_with_errno),
	TEST(deallocate_answers_as_promised),
	TEST(mod_refs_answers_as_promised),
	TEST(get_refs_and_type_answer_as_promised),
	TEST(name_is_not_reused_at_once),
	TEST(pid_of_a_task_is_the_process),
	TEST(task_open_takes_a_pidfd_of_its_own),
	TEST(task_open_of_oneself_is_the_own_task),
	TEST(task_open_tells_its_failures_apart),
};

HARNESS_MAIN(tests)
