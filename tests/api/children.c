/* SPDX-License-Identifier: MIT */
/*
 * After fork, vfork-like sharing and a bare clone(2) that runs no handlers: the
 * child's mach_task_self() is the child, its inherited tasks work, and nothing
 * it does is felt in the parent.
 */
#include "calls.h"
#include "ground.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t make_fork(void)
{
	return fork();
}

/* No pthread_atfork handler runs, and libc does not know. */
static pid_t make_bare_clone(void)
{
	return (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

static pid_t make_double_fork(void)
{
	pid_t pid = fork();
	int status;

	if (pid != 0)
		return pid;
	pid = make_bare_clone();
	if (pid == 0)
		return 0;
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

static const struct {
	const char *name;
	pid_t (*make)(void);
} ways[] = {
	{"fork", make_fork}, {"bare clone", make_bare_clone}, {"fork and clone", make_double_fork},
};

static struct ground ground;
static volatile char own[64] = "the parent's";

/*
 * The child's part, whose exit status is the number of the step that went
 * wrong: cmocka's assertions would return into the parent's tests.
 */
#define STEP(number, condition) \
	do {                    \
		if (!(condition)) \
			_exit(number); \
	} while (0)

static void child_part(mach_port_t inherited, pid_t victim)
{
	char text[64] = "", mark[] = "written by the child";
	mach_port_t task;
	int pid;

	/* Oneself: another process than before, by the same name. */
	STEP(1, pid_for_task(mach_task_self(), &pid) == KERN_SUCCESS);
	STEP(2, pid == getpid());
	STEP(3, machvm_write(mach_task_self(), (uintptr_t)own, mark, sizeof(mark), 0) ==
			KERN_SUCCESS);
	STEP(4, strcmp((char *)(uintptr_t)own, mark) == 0);
	STEP(5, machvm_read(mach_task_self(), (uintptr_t)own, text, sizeof(mark), 0) ==
			KERN_SUCCESS);
	STEP(6, strcmp(text, mark) == 0);
	STEP(7, task_for_pid(mach_task_self(), getpid(), &task) == KERN_SUCCESS);
	STEP(8, task == mach_task_self());
	/* A task that the parent opened. */
	STEP(9, machvm_write(inherited, ground.base + PAGE - 10, mark, sizeof(mark), 0) ==
			KERN_SUCCESS);
	STEP(10, machvm_read(inherited, ground.base + PAGE - 10, text, sizeof(mark), 0) ==
			KERN_SUCCESS);
	STEP(11, strcmp(text, mark) == 0);
	STEP(12, pid_for_task(inherited, &pid) == KERN_SUCCESS && pid == victim);
	STEP(13, mach_vm_copy(inherited, ground.base + PAGE - 10, sizeof(mark),
			      ground.base + 3 * PAGE - 10) == KERN_SUCCESS);
	/* And one of its own. */
	STEP(14, task_for_pid(mach_task_self(), victim, &task) == KERN_SUCCESS);
	STEP(15, task == inherited);
	STEP(16, mach_port_deallocate(mach_task_self(), task) == KERN_SUCCESS);
	/* The parent is one like any other. */
	STEP(17, mach_port_deallocate(mach_task_self(), inherited) == KERN_SUCCESS);
	STEP(18, machvm_read(inherited, ground.base, text, 1, 0) == MACH_SEND_INVALID_DEST);
	_exit(0);
}

static void child_uses_its_parents_tasks_and_is_itself(void **state)
{
	for (unsigned way = 0; way < ARRAY_SIZE(ways); way++) {
		for (int used = 0; used < 2; used++) {
			char mark[] = "written by the child";
			int status = 0, pid = 0;
			pid_t child;

			trying("%s, %s", ways[way].name, used ? "task used before" : "task fresh");
			ground_open(&ground, PLACE_VICTIM, 4);
			ground_lay(&ground, 0, 4, "rw");
			if (used)
				task_use_much(ground.task, ground.base);
			child = ways[way].make();
			if (child == 0)
				child_part(ground.task, ground.victim->pid);
			assert_int_equal(waitpid(child, &status, 0), child);
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
				fail_case("the child ended with status %#x: step %d", status,
					  WEXITSTATUS(status));
			/* The child's stores are in the victim and not in the parent. */
			assert_string_equal((char *)(uintptr_t)own, "the parent's");
			memcpy(ground_expect(&ground, ground.base + PAGE - 10), mark, sizeof(mark));
			memcpy(ground_expect(&ground, ground.base + 3 * PAGE - 10), mark,
			       sizeof(mark));
			ground_verify(&ground);
			/* The parent's names are what they were. */
			expect_code(pid_for_task(mach_task_self(), &pid), KERN_SUCCESS);
			expect_number(pid, getpid());
			expect_code(machvm_write(ground.task, ground.base + PAGE - 10, mark, 8, 0),
				    KERN_SUCCESS);
			expect_code(machvm_write(mach_task_self(), (uintptr_t)own, "the parent's", 13,
						 0), KERN_SUCCESS);
			ground_verify(&ground);
			ground_close(&ground);
		}
	}
}

/* The parent as a target of its child, which writes into it and not into itself. */
static void child_writes_into_its_parent(void **state)
{
	for (unsigned way = 0; way < 2; way++) {
		pid_t parent = getpid(), child;
		int status = 0;

		trying("%s", ways[way].name);
		child = ways[way].make();
		if (child == 0) {
			mach_port_t task;

			STEP(1, task_for_pid(mach_task_self(), parent, &task) == KERN_SUCCESS);
			STEP(2, task != mach_task_self());
			STEP(3, machvm_write(task, (uintptr_t)own, "changed", 8, 0) ==
					KERN_SUCCESS);
			STEP(4, strcmp((char *)(uintptr_t)own, "the parent's") == 0);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		expect_number(status, 0);
		assert_string_equal((char *)(uintptr_t)own, "changed");
		strcpy((char *)(uintptr_t)own, "the parent's");
	}
}

/* Two processes, one set of descriptors behind the names: the end of one is not felt by the other. */
static void end_of_a_child_leaves_the_parents_tasks_alone(void **state)
{
	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 4, "rw");
	for (unsigned i = 0; i < 20; i++) {
		uint64_t at = ground.base + PAGE - 10 + i;
		int status = 0;
		pid_t child = ways[i % 2].make();

		if (child == 0) {
			char byte;

			machvm_read(ground.task, ground.base, &byte, 1, 0);
			mach_port_deallocate(mach_task_self(), ground.task);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		expect_code(machvm_write(ground.task, at, "abcdefgh", 8, 0), KERN_SUCCESS);
		memcpy(ground_expect(&ground, at), "abcdefgh", 8);
		ground_verify(&ground);
	}
	ground_close(&ground);
}

/* The state letter of the first thread; 'Z' also where /proc does not tell. */
static char first_thread_state(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256], state = 'Z';

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "State: %c", &state) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return state;
}

static void *use_own_memory(void *first_thread)
{
	static const size_t sizes[] = {8, PAGE, 3 * PAGE + 100};
	static char from[5 * PAGE], to[5 * PAGE];

	pthread_join(*(pthread_t *)first_thread, NULL);
	while (first_thread_state() != 'Z')
		sched_yield();
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t there = (uintptr_t)to + PAGE - 8;
		char *seen = to + PAGE - 8;

		memset(from, 'a' + (int)i, sizes[i]);
		STEP(1, machvm_write(mach_task_self(), there, from, sizes[i], 0) == KERN_SUCCESS);
		STEP(2, memcmp(seen, from, sizes[i]) == 0);
		memset(seen, 'x', sizes[i]);
		STEP(3, machvm_read(mach_task_self(), there, from, sizes[i], 0) == KERN_SUCCESS);
		STEP(4, memcmp(seen, from, sizes[i]) == 0);
		memset(from, 'y', sizes[i]);
		STEP(5, mach_vm_copy(mach_task_self(), (uintptr_t)from, sizes[i], there) ==
				KERN_SUCCESS);
		STEP(6, memcmp(seen, from, sizes[i]) == 0);
	}
	_exit(0);
}

static void own_memory_is_reachable_after_the_first_thread_has_left(void **state)
{
	int status = 0;
	pid_t child;

	/* A leak check looks for pointers in the stack of a thread that is no more. */
	if (harness_is_valgrind())
		skip();
	child = fork();
	if (child == 0) {
		static pthread_t first_thread;
		pthread_t thread;

		first_thread = pthread_self();
		if (pthread_create(&thread, NULL, use_own_memory, &first_thread) != 0)
			_exit(99);
		pthread_exit(NULL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_case("the child ended with status %#x: step %d", status, WEXITSTATUS(status));
}

static const struct CMUnitTest tests[] = {
	TEST(child_uses_its_parents_tasks_and_is_itself),
	TEST(child_writes_into_its_parent),
	TEST(end_of_a_child_leaves_the_parents_tasks_alone),
	TEST(own_memory_is_reachable_after_the_first_thread_has_left),
};

HARNESS_MAIN(tests)
