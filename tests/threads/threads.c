/* SPDX-License-Identifier: MIT */
/*
 * Threads: who there is, what they do, and standing still one by one, in another task and
 * in the own one.
 */
#include "crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct crew crew;

/* ---- who there is ---- */

static unsigned list(mach_port_t task, thread_act_t *ports, unsigned room)
{
	mach_msg_type_number_t count = 0;
	thread_act_array_t array;

	expect_code(task_threads(task, &array, &count), KERN_SUCCESS);
	for (unsigned i = 0; i < count && i < room; i++)
		ports[i] = array[i];
	expect_code(vm_deallocate(mach_task_self(), (vm_address_t)array, count * sizeof(*array)),
		    KERN_SUCCESS);
	return count;
}

static uint64_t id_of(thread_act_t thread)
{
	thread_identifier_info_data_t info;
	mach_msg_type_number_t count = THREAD_IDENTIFIER_INFO_COUNT;

	expect_code(thread_info(thread, THREAD_IDENTIFIER_INFO, (thread_info_t)&info, &count),
		    KERN_SUCCESS);
	expect_number(count, THREAD_IDENTIFIER_INFO_COUNT);
	return info.thread_id;
}

static void every_thread_is_listed_once(void **state)
{
	for (enum word word = WORD_64; word < word_count(); word++) {
		thread_act_t ports[32];
		unsigned count;

		crew_start(&crew, word, "count", 5);
		count = list(crew.task, ports, 32);
		expect_number(count, 6);
		for (unsigned w = 0; w < 6; w++) {
			uint64_t tid = w ? crew.told->worker[w - 1].tid : (uint64_t)crew.victim->pid;
			unsigned found = 0;

			for (unsigned i = 0; i < count; i++)
				found += id_of(ports[i]) == tid;
			expect_number(found, 1);
		}
		/* A new one appears, one that ended does not, and their names stay apart. */
		crew_add(&crew, "count", 1);
		expect_number(list(crew.task, ports, 32), 7);
		crew.told->worker[2].stop = 1;
		crew_await_state(&crew, crew.victim->pid, "SR");
		while (crew_state(&crew, (int)crew.told->worker[2].tid))
			usleep(100);
		expect_number(list(crew.task, ports, 32), 6);
		victim_kill(crew.victim);
	}
}

static void same_thread_has_one_name_with_references(void **state)
{
	thread_act_t first[8], second[8];
	mach_port_urefs_t references;

	crew_start(&crew, WORD_64, "count", 1);
	expect_number(list(crew.task, first, 8), 2);
	expect_number(list(crew.task, second, 8), 2);
	for (unsigned i = 0; i < 2; i++) {
		expect_number(first[i], second[i]);
		expect_code(mach_port_get_refs(mach_task_self(), first[i], MACH_PORT_RIGHT_SEND,
					       &references),
			    KERN_SUCCESS);
		expect_number(references, 2);
		expect_code(mach_port_deallocate(mach_task_self(), first[i]), KERN_SUCCESS);
		expect_code(mach_port_deallocate(mach_task_self(), first[i]), KERN_SUCCESS);
		expect_code(mach_port_deallocate(mach_task_self(), first[i]), KERN_INVALID_NAME);
	}
}

static void thread_port_outlives_its_task_port(void **state)
{
	thread_act_t thread;

	crew_start(&crew, WORD_64, "count", 1);
	thread = crew_thread(&crew, 0);
	task_drop(crew.task);
	expect_number(id_of(thread), crew.told->worker[0].tid);
	expect_code(thread_suspend(thread), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(thread_resume(thread), KERN_SUCCESS);
	crew_gets_on(&crew);
	expect_code(mach_port_deallocate(mach_task_self(), thread), KERN_SUCCESS);
}

static void thread_that_ended_is_terminated(void **state)
{
	mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;
	natural_t words[THREAD_STATE_MAX];
	thread_basic_info_data_t info;
	thread_act_t thread;

	crew_start(&crew, WORD_64, "count", 2);
	thread = crew_thread(&crew, 0);
	crew.told->worker[0].stop = 1;
	while (crew_state(&crew, (int)crew.told->worker[0].tid))
		usleep(100);
	expect_code(thread_info(thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count),
		    KERN_TERMINATED);
	expect_code(thread_suspend(thread), KERN_TERMINATED);
	expect_code(thread_resume(thread), KERN_TERMINATED);
	count = THREAD_STATE_MAX;
	expect_code(thread_get_state(thread, MACHINE_THREAD_STATE, words, &count), KERN_TERMINATED);
	expect_code(thread_set_state(thread, MACHINE_THREAD_STATE, words, 1), KERN_TERMINATED);
	thread = crew_thread(&crew, 1);
	victim_kill(crew.victim);
	expect_code(thread_suspend(thread), KERN_TERMINATED);
	expect_code(thread_resume(thread), KERN_TERMINATED);
}

static void ports_carry_the_right_of_their_task(void **state)
{
	mach_msg_type_number_t count = THREAD_STATE_MAX;
	natural_t words[THREAD_STATE_MAX];
	thread_act_t ports[8];
	mach_port_t reader, inspector, name;

	crew_start(&crew, WORD_64, "count", 1);
	assert_int_equal(task_read_for_pid(mach_task_self(), crew.victim->pid, &reader), 0);
	assert_int_equal(task_inspect_for_pid(mach_task_self(), crew.victim->pid, &inspector), 0);
	expect_code(task_name_for_pid(mach_task_self(), crew.victim->pid, &name), KERN_SUCCESS);
	list(reader, ports, 8);
	expect_code(thread_get_state(ports[1], MACHINE_THREAD_STATE, words, &count), KERN_SUCCESS);
	expect_code(thread_set_state(ports[1], MACHINE_THREAD_STATE, words, count),
		    KERN_INVALID_ARGUMENT);
	expect_code(thread_suspend(ports[1]), KERN_SUCCESS);
	expect_code(thread_resume(ports[1]), KERN_SUCCESS);
	list(inspector, ports, 8);
	id_of(ports[1]);
	expect_code(thread_get_state(ports[1], MACHINE_THREAD_STATE, words, &count),
		    KERN_INVALID_ARGUMENT);
	expect_code(thread_suspend(ports[1]), KERN_INVALID_ARGUMENT);
	expect_code(task_threads(name, (thread_act_array_t *)ports, &count), KERN_INVALID_ARGUMENT);
	expect_code(task_threads(MACH_PORT_NULL, (thread_act_array_t *)ports, &count),
		    MACH_SEND_INVALID_DEST);
	expect_code(thread_suspend(crew.task), KERN_INVALID_ARGUMENT);
	expect_code(thread_suspend(MACH_PORT_NULL), MACH_SEND_INVALID_DEST);
	expect_code(task_suspend(ports[1]), KERN_INVALID_ARGUMENT);
	crew_gets_on(&crew);
}

/* ---- what they do ---- */

static void basic_info_tells_state_and_times(void **state)
{
	thread_basic_info_data_t info, later;
	mach_msg_type_number_t count = THREAD_INFO_MAX;
	thread_act_t counter, sleeper;

	crew_start(&crew, WORD_64, "count", 1);
	crew_add(&crew, "read", 1);
	counter = crew_thread(&crew, 0);
	sleeper = crew_thread(&crew, 1);
	crew_await_state(&crew, (int)crew.told->worker[1].tid, "S");
	expect_code(thread_info(sleeper, THREAD_BASIC_INFO, (thread_info_t)&info, &count),
		    KERN_SUCCESS);
	expect_number(count, THREAD_BASIC_INFO_COUNT);
	expect_number(info.run_state, TH_STATE_WAITING);
	expect_number(info.policy, POLICY_TIMESHARE);
	expect_number(info.suspend_count, 0);
	expect_code(thread_info(counter, THREAD_BASIC_INFO, (thread_info_t)&info, &count),
		    KERN_SUCCESS);
	expect_number(info.run_state, TH_STATE_RUNNING);
	do {
		count = THREAD_BASIC_INFO_COUNT;
		worker_gets_on(&crew, 0);
		expect_code(thread_info(counter, THREAD_BASIC_INFO, (thread_info_t)&later, &count),
			    KERN_SUCCESS);
	} while (later.user_time.seconds == info.user_time.seconds &&
		 later.user_time.microseconds <= info.user_time.microseconds);
	assert_true(later.cpu_usage > 0 && later.cpu_usage <= TH_USAGE_SCALE);
	expect_code(thread_suspend(counter), KERN_SUCCESS);
	expect_code(thread_suspend(counter), KERN_SUCCESS);
	expect_code(thread_info(counter, THREAD_BASIC_INFO, (thread_info_t)&info, &count),
		    KERN_SUCCESS);
	expect_number(info.suspend_count, 2);
	expect_number(info.run_state, TH_STATE_STOPPED);
	expect_code(thread_resume(counter), KERN_SUCCESS);
	expect_code(thread_resume(counter), KERN_SUCCESS);
}

static void extended_info_has_the_name(void **state)
{
	mach_msg_type_number_t count = THREAD_EXTENDED_INFO_COUNT;
	thread_extended_info_data_t info;
	thread_act_t self = mach_thread_self();

	pthread_setname_np(pthread_self(), "a (b) c");
	expect_code(thread_info(self, THREAD_EXTENDED_INFO, (thread_info_t)&info, &count),
		    KERN_SUCCESS);
	assert_string_equal(info.pth_name, "a (b) c");
	expect_number(info.pth_run_state, TH_STATE_RUNNING);
	/* The suite may be run by somebody who is nice. */
	expect_number(info.pth_priority, 31 - getpriority(PRIO_PROCESS, 0));
	mach_port_deallocate(mach_task_self(), self);
}

static void info_checks_flavor_and_count(void **state)
{
	static const struct {
		thread_flavor_t flavor;
		mach_msg_type_number_t count;
	} flavors[] = {{THREAD_BASIC_INFO, 10}, {THREAD_IDENTIFIER_INFO, 6}, {THREAD_EXTENDED_INFO, 28}};
	thread_act_t self = mach_thread_self();
	integer_t words[THREAD_INFO_MAX + 1];
	mach_msg_type_number_t count;

	for (unsigned i = 0; i < ARRAY_SIZE(flavors); i++) {
		trying("flavor %u", flavors[i].flavor);
		count = flavors[i].count - 1;
		expect_code(thread_info(self, flavors[i].flavor, words, &count),
			    KERN_INVALID_ARGUMENT);
		expect_number(count, flavors[i].count - 1);
		memset(words, 0x5a, sizeof(words));
		count = 4 * flavors[i].count;
		expect_code(thread_info(self, flavors[i].flavor, words, &count), KERN_SUCCESS);
		expect_number(count, flavors[i].count);
		expect_number(words[count], 0x5a5a5a5a);
	}
	for (thread_flavor_t flavor = 0; flavor < 40; flavor++) {
		count = THREAD_INFO_MAX;
		if (flavor < 3 || flavor > 5)
			expect_code(thread_info(self, flavor, words, &count), KERN_INVALID_ARGUMENT);
	}
	mach_port_deallocate(mach_task_self(), self);
}

/* ---- one by one ---- */

static void threads_are_suspended_one_by_one(void **state)
{
	for (enum word word = WORD_64; word < word_count(); word++) {
		thread_act_t first, second;

		crew_start(&crew, word, "count", 3);
		first = crew_thread(&crew, 0);
		second = crew_thread(&crew, 1);
		expect_code(thread_resume(first), KERN_FAILURE);
		expect_code(thread_suspend(first), KERN_SUCCESS);
		worker_stands(&crew, 0);
		worker_gets_on(&crew, 1);
		worker_gets_on(&crew, 2);
		expect_code(thread_suspend(second), KERN_SUCCESS);
		expect_code(thread_suspend(first), KERN_SUCCESS);
		expect_code(thread_resume(first), KERN_SUCCESS);
		worker_stands(&crew, 0);
		worker_stands(&crew, 1);
		worker_gets_on(&crew, 2);
		expect_code(thread_resume(first), KERN_SUCCESS);
		expect_code(thread_resume(first), KERN_FAILURE);
		worker_gets_on(&crew, 0);
		worker_stands(&crew, 1);
		/* Beside the count of the task. */
		expect_code(task_suspend(crew.task), KERN_SUCCESS);
		crew_stands(&crew);
		expect_code(thread_resume(second), KERN_SUCCESS);
		crew_stands(&crew);
		expect_code(thread_suspend(first), KERN_SUCCESS);
		expect_code(task_resume(crew.task), KERN_SUCCESS);
		worker_stands(&crew, 0);
		worker_gets_on(&crew, 1);
		worker_gets_on(&crew, 2);
		expect_code(thread_resume(first), KERN_SUCCESS);
		crew_gets_on(&crew);
		crew_is_free(&crew);
		victim_kill(crew.victim);
	}
}

/* What is done to the address space is done by the thread that stands, or beside it. */
static void routines_work_beside_a_suspended_thread(void **state)
{
	mach_vm_address_t address = 0;
	thread_act_t thread;

	crew_start(&crew, WORD_64, "count", 3);
	thread = crew_thread(&crew, 0);
	expect_code(thread_suspend(thread), KERN_SUCCESS);
	expect_code(mach_vm_allocate(crew.task, &address, 4 * PAGE, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
	expect_code(mach_vm_protect(crew.task, address + PAGE, PAGE, 0, VM_PROT_READ), KERN_SUCCESS);
	expect_code(mach_vm_protect(crew.task, address, 4 * PAGE, 0, VM_PROT_NONE), KERN_SUCCESS);
	worker_stands(&crew, 0);
	worker_gets_on(&crew, 1);
	worker_gets_on(&crew, 2);
	expect_code(mach_vm_deallocate(crew.task, address, 4 * PAGE), KERN_SUCCESS);
	expect_code(thread_resume(thread), KERN_SUCCESS);
	crew_gets_on(&crew);
	crew_is_free(&crew);
}

static void suspended_thread_does_not_keep_the_rest_from_ending(void **state)
{
	siginfo_t info = {0};

	crew_start(&crew, WORD_64, "count", 3);
	expect_code(thread_suspend(crew_thread(&crew, 0)), KERN_SUCCESS);
	kill(crew.victim->pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)crew.victim->pid, &info, WEXITED | WNOWAIT), 0);
	expect_number(info.si_status, SIGKILL);
}

/* ---- the own task ---- */

static struct {
	_Atomic uint64_t progress;
	_Atomic bool stop;
	_Atomic int tid;
	_Atomic thread_act_t port;
} own;

static void *own_worker(void *unused)
{
	own.port = mach_thread_self();
	own.tid = gettid();
	while (!own.stop)
		own.progress++;
	return unused;
}

static void own_gets_on(void)
{
	uint64_t before = own.progress;

	while (own.progress == before)
		usleep(100);
}

static void own_stands(void)
{
	uint64_t before = own.progress;

	for (unsigned i = 0; i < 20; i++)
		usleep(200);
	expect_number(own.progress, before);
}

static void threads_of_the_own_task_are_suspended(void **state)
{
	mach_msg_type_number_t count;
	thread_act_t ports[32];
	pthread_t thread;
	unsigned n;

	own.tid = 0;
	own.stop = false;
	assert_int_equal(pthread_create(&thread, NULL, own_worker, NULL), 0);
	while (!own.tid)
		usleep(100);
	n = list(mach_task_self(), ports, 32);
	expect_number(n, 2);
	expect_number(ports[0] == own.port || ports[1] == own.port, 1);
	for (unsigned i = 0; i < 10; i++) {
		natural_t words[THREAD_STATE_MAX];

		own_gets_on();
		expect_code(thread_suspend(own.port), KERN_SUCCESS);
		own_stands();
		count = THREAD_STATE_MAX;
		expect_code(thread_get_state(own.port, MACHINE_THREAD_STATE, words, &count),
			    KERN_SUCCESS);
		expect_code(thread_resume(own.port), KERN_SUCCESS);
	}
	own_gets_on();
	expect_code(thread_resume(own.port), KERN_FAILURE);
	own.stop = true;
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < n; i++)
		mach_port_deallocate(mach_task_self(), ports[i]);
}

/* It may hold any lock of the heap when it stops. */
static void *allocator(void *unused)
{
	own.port = mach_thread_self();
	own.tid = gettid();
	while (!own.stop) {
		free(malloc(1 << 20));
		free(malloc(100));
		own.progress++;
	}
	return unused;
}

static void own_thread_that_allocates_is_resumed(void **state)
{
	pthread_t thread;

	own.tid = 0;
	own.stop = false;
	assert_int_equal(pthread_create(&thread, NULL, allocator, NULL), 0);
	while (!own.tid)
		usleep(100);
	for (unsigned i = 0; i < 200; i++) {
		natural_t words[THREAD_STATE_MAX];
		mach_msg_type_number_t count = THREAD_STATE_MAX;
		kern_return_t suspended = thread_suspend(own.port);
		kern_return_t seen = thread_get_state(own.port, MACHINE_THREAD_STATE, words, &count);
		kern_return_t resumed = thread_resume(own.port);

		expect_code(suspended, KERN_SUCCESS);
		expect_code(seen, KERN_SUCCESS);
		expect_code(resumed, KERN_SUCCESS);
	}
	own_gets_on();
	own.stop = true;
	pthread_join(thread, NULL);
}

static void *self_suspender(void *unused)
{
	thread_act_t self = mach_thread_self();

	own.port = self;
	own.tid = gettid();
	own.progress = thread_suspend(self) == KERN_SUCCESS ? 1 : 2;
	return unused;
}

static void thread_that_suspends_itself_is_resumed_by_another(void **state)
{
	mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;
	thread_basic_info_data_t info;
	pthread_t thread;

	own.tid = 0;
	own.progress = 0;
	assert_int_equal(pthread_create(&thread, NULL, self_suspender, NULL), 0);
	do {
		info.suspend_count = 0;
		if (own.tid)
			expect_code(thread_info(own.port, THREAD_BASIC_INFO, (thread_info_t)&info,
						&count),
				    KERN_SUCCESS);
	} while (!info.suspend_count);
	expect_number(own.progress, 0);
	expect_code(thread_resume(own.port), KERN_SUCCESS);
	pthread_join(thread, NULL);
	expect_number(own.progress, 1);
}

static void thread_self_names_the_caller(void **state)
{
	thread_identifier_info_data_t info;
	mach_msg_type_number_t count = THREAD_IDENTIFIER_INFO_COUNT;
	thread_act_t self = mach_thread_self(), again = mach_thread_self();
	natural_t words[THREAD_STATE_MAX];
	int status;
	pid_t pid;

	expect_number(self, again);
	expect_number(id_of(self), gettid());
	expect_code(thread_info(self, THREAD_IDENTIFIER_INFO, (thread_info_t)&info, &count),
		    KERN_SUCCESS);
	expect_number(info.thread_handle, (uintptr_t)__builtin_thread_pointer());
	count = THREAD_STATE_MAX;
	expect_code(thread_get_state(self, MACHINE_THREAD_STATE, words, &count),
		    KERN_INVALID_ARGUMENT);
	/* In a child the name is that of a thread that the child does not have. */
	pid = fork();
	if (pid == 0) {
		thread_act_t mine = mach_thread_self();

		_exit(thread_resume(self) != KERN_TERMINATED ? 1
		      : mine == self || mine == MACH_PORT_NULL ? 2
		      : id_of(mine) != (uint64_t)gettid()      ? 3
							       : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_number(status, 0);
	expect_code(mach_port_deallocate(mach_task_self(), self), KERN_SUCCESS);
	expect_code(mach_port_deallocate(mach_task_self(), self), KERN_SUCCESS);
	expect_code(mach_port_deallocate(mach_task_self(), self), KERN_INVALID_NAME);
}

static const struct CMUnitTest tests[] = {
	TEST(every_thread_is_listed_once),
	TEST(same_thread_has_one_name_with_references),
	TEST(thread_port_outlives_its_task_port),
	TEST(thread_that_ended_is_terminated),
	TEST(ports_carry_the_right_of_their_task),
	TEST(basic_info_tells_state_and_times),
	TEST(extended_info_has_the_name),
	TEST(info_checks_flavor_and_count),
	TEST(threads_are_suspended_one_by_one),
	TEST(routines_work_beside_a_suspended_thread),
	TEST(suspended_thread_does_not_keep_the_rest_from_ending),
	TEST(threads_of_the_own_task_are_suspended),
	TEST(own_thread_that_allocates_is_resumed),
	TEST(thread_that_suspends_itself_is_resumed_by_another),
	TEST(thread_self_names_the_caller),
};

HARNESS_MAIN(tests)
