/* SPDX-License-Identifier: MIT */
/*
 * task_suspend and its kin: the whole target stands still when it returns, as often as
 * it was asked for, and goes on as if nothing had been, whoever dies meanwhile.
 */
#include "calls.h"
#include "crew.h"
#include "ground.h"
#include "pattern.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct crew crew;

static const char *const kinds[] = {"count", "sleep", "epoll", "clone"};
static const enum word words[] = {WORD_64, WORD_32};

#define EACH_WORD(w) (unsigned w = 0; w < word_count(); w++)

static void every_thread_stands_when_it_returns(void **state)
{
	for EACH_WORD (w) {
		for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
			trying("8 threads that %s", kinds[k]);
			crew_start(&crew, words[w], kinds[k], 8);
			for (unsigned i = 0; i < 20; i++) {
				crew_gets_on(&crew);
				expect_code(task_suspend(crew.task), KERN_SUCCESS);
				if (i % 10 == 0)
					crew_stands(&crew);
				expect_code(task_resume(crew.task), KERN_SUCCESS);
			}
			crew_gets_on(&crew);
			crew_is_free(&crew);
			crew_is_sound(&crew);
			victim_kill(crew.victim);
		}
	}
}

static void suspensions_are_counted(void **state)
{
	crew_start(&crew, WORD_64, "count", 2);
	expect_code(task_resume(crew.task), KERN_FAILURE);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_gets_on(&crew);
	expect_code(task_resume(crew.task), KERN_FAILURE);
}

static void tokens_are_taken_back_one_by_one(void **state)
{
	task_suspension_token_t first, second, third;

	crew_start(&crew, WORD_64, "count", 2);
	expect_code(task_suspend2(crew.task, &first), KERN_SUCCESS);
	expect_code(task_suspend2(crew.task, &second), KERN_SUCCESS);
	expect_code(task_suspend2(crew.task, &third), KERN_SUCCESS);
	expect_code(task_resume(crew.task), KERN_FAILURE);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	expect_code(task_resume2(second), KERN_SUCCESS);
	expect_code(task_resume2(second), MACH_SEND_INVALID_DEST);
	/* Its name is used up with it. */
	expect_code(mach_port_deallocate(mach_task_self(), second), KERN_INVALID_NAME);
	crew_stands(&crew);
	expect_code(task_resume2(first), KERN_SUCCESS);
	crew_stands(&crew);
	/* A token that is given back is a suspension that is given back. */
	expect_code(mach_port_deallocate(mach_task_self(), third), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_gets_on(&crew);
	expect_code(task_resume2(crew.task), KERN_INVALID_ARGUMENT);
	expect_code(task_resume2(MACH_PORT_NULL), MACH_SEND_INVALID_DEST);
}

static void token_outlives_its_task_port(void **state)
{
	task_suspension_token_t token;

	crew_start(&crew, WORD_64, "count", 2);
	expect_code(task_suspend2(crew.task, &token), KERN_SUCCESS);
	task_drop(crew.task);
	crew_stands(&crew);
	expect_code(task_resume2(token), KERN_SUCCESS);
	crew_gets_on(&crew);
}

static void suspensions_through_two_ports_are_one_count(void **state)
{
	mach_port_t reader;

	crew_start(&crew, WORD_64, "count", 2);
	assert_int_equal(task_read_for_pid(mach_task_self(), crew.victim->pid, &reader), 0);
	expect_code(task_suspend(reader), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_gets_on(&crew);
	task_drop(reader);
}

static void weak_and_wrong_ports_are_refused(void **state)
{
	task_suspension_token_t token = 7;
	mach_port_t port;

	crew_start(&crew, WORD_64, "count", 1);
	assert_int_equal(task_inspect_for_pid(mach_task_self(), crew.victim->pid, &port), 0);
	expect_code(task_suspend(port), KERN_INVALID_ARGUMENT);
	expect_code(task_suspend2(port, &token), KERN_INVALID_ARGUMENT);
	expect_code(task_resume(port), KERN_INVALID_ARGUMENT);
	expect_code(task_suspend(mach_host_self()), KERN_INVALID_ARGUMENT);
	expect_code(task_suspend(MACH_PORT_NULL), MACH_SEND_INVALID_DEST);
	expect_code(task_suspend(0x77777), MACH_SEND_INVALID_DEST);
	expect_number(token, 7);
	task_drop(port);
	crew_gets_on(&crew);
}

/* Nobody else could resume it. */
static void own_task_is_refused(void **state)
{
	task_suspension_token_t token;

	expect_code(task_suspend(mach_task_self()), KERN_NOT_SUPPORTED);
	expect_code(task_suspend2(mach_task_self(), &token), KERN_NOT_SUPPORTED);
	expect_code(task_resume(mach_task_self()), KERN_FAILURE);
}

static void suspended_target_dies_at_once(void **state)
{
	for (unsigned threads = 1; threads <= 8; threads += 7) {
		siginfo_t info = {0};

		crew_start(&crew, WORD_64, "count", threads);
		expect_code(task_suspend(crew.task), KERN_SUCCESS);
		kill(crew.victim->pid, SIGKILL);
		/* We are its parent: the helper must not keep the end from us. */
		assert_int_equal(waitid(P_PID, (id_t)crew.victim->pid, &info, WEXITED | WNOWAIT), 0);
		expect_number(info.si_status, SIGKILL);
		expect_code(task_resume(crew.task), MACH_SEND_INVALID_DEST);
		expect_code(task_suspend(crew.task), MACH_SEND_INVALID_DEST);
		victim_kill(crew.victim);
	}
}

/* Children of ours cannot be told from what we trace by a wait: so we must not trace them. */
static void stop_is_invisible_to_the_parent(void **state)
{
	siginfo_t info = {0};

	crew_start(&crew, WORD_64, "count", 2);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	crew_stands(&crew);
	assert_int_equal(
		waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT), 0);
	expect_number(info.si_pid, 0);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
}

static void job_control_is_left_as_it_was(void **state)
{
	siginfo_t info;

	crew_start(&crew, WORD_64, "count", 4);
	kill(crew.victim->pid, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)crew.victim->pid, &info, WSTOPPED), 0);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	for (unsigned i = 0; i < crew.count; i++)
		crew_await_state(&crew, (int)crew.told->worker[i].tid, "T");
	crew_stands(&crew);
	/* Continued while it is suspended: it goes on when both have ended. */
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	kill(crew.victim->pid, SIGCONT);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_gets_on(&crew);
	/* Stopped while it is suspended: it is stopped afterwards. */
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	kill(crew.victim->pid, SIGSTOP);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	assert_int_equal(waitid(P_PID, (id_t)crew.victim->pid, &info, WSTOPPED), 0);
	crew_stands(&crew);
	kill(crew.victim->pid, SIGCONT);
	crew_gets_on(&crew);
}

static void routines_work_on_a_suspended_task(void **state)
{
	for EACH_WORD (w) {
		mach_vm_address_t address = 0;
		uint64_t value = 0x1234567, got = 0;
		mach_vm_size_t size;

		crew_start(&crew, words[w], "sleep", 4);
		expect_code(task_suspend(crew.task), KERN_SUCCESS);
		expect_code(mach_vm_allocate(crew.task, &address, 4 * PAGE, VM_FLAGS_ANYWHERE),
			    KERN_SUCCESS);
		expect_code(mach_vm_write(crew.task, address, (vm_offset_t)&value, 8), KERN_SUCCESS);
		expect_code(mach_vm_protect(crew.task, address, PAGE, 0, VM_PROT_READ), KERN_SUCCESS);
		expect_code(mach_vm_protect(crew.task, address + 2 * PAGE, PAGE, 0, VM_PROT_READ),
			    KERN_SUCCESS);
		/* Several regions and less access: this one wants every thread to stand. */
		expect_code(mach_vm_protect(crew.task, address, 4 * PAGE, 0, VM_PROT_READ),
			    KERN_SUCCESS);
		expect_code(mach_vm_write(crew.task, address, (vm_offset_t)&value, 8),
			    KERN_PROTECTION_FAILURE);
		expect_code(mach_vm_read_overwrite(crew.task, address, 8, (mach_vm_address_t)(uintptr_t)&got,
						   &size),
			    KERN_SUCCESS);
		expect_number(got, value);
		crew_stands(&crew);
		expect_code(mach_vm_deallocate(crew.task, address, 4 * PAGE), KERN_SUCCESS);
		crew_stands(&crew);
		expect_code(task_resume(crew.task), KERN_SUCCESS);
		crew_gets_on(&crew);
		crew_is_sound(&crew);
		crew_is_free(&crew);
		victim_kill(crew.victim);
	}
}

/* Nothing inside it answers a fault, so a call that waited would wait for ever. */
static void page_to_be_supplied_is_a_memory_error(void **state)
{
	static const uint64_t sizes[] = {50, 200, 3 * PAGE};
	struct ground ground, local;

	ground_open(&ground, PLACE_VICTIM, 8);
	ground_open_local(&local, 8);
	ground_lay(&ground, 0, 8, "rw");
	ground_lay(&local, 0, 8, "rw");
	if (ground_lay(&ground, 3, 1, "missing")) {
		uint64_t bad = ground.base + 3 * PAGE;
		void *data = ground_pointer(&local, local.base + PAGE + 9);

		expect_code(task_suspend(ground.task), KERN_SUCCESS);
		for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
			/* In the page alone, from before it, from far before it. */
			uint64_t at = s ? bad - 100 : bad + 7;

			for (unsigned i = 0; i < write_call_count; i++) {
				trying("%s of %llu bytes", write_calls[i].name,
				       (unsigned long long)sizes[s]);
				expect_code(write_calls[i].run(ground.task, at, data, sizes[s]),
					    KERN_MEMORY_ERROR);
			}
			for (unsigned i = 0; i < read_call_count; i++) {
				trying("%s of %llu bytes", read_calls[i].name,
				       (unsigned long long)sizes[s]);
				expect_code(read_calls[i].run(ground.task, at, data, sizes[s]),
					    KERN_MEMORY_ERROR);
			}
			for (unsigned i = 0; i < copy_call_count; i++) {
				trying("%s of %llu bytes", copy_calls[i].name,
				       (unsigned long long)sizes[s]);
				expect_code(copy_calls[i].run(ground.task, at, sizes[s], ground.base),
					    KERN_MEMORY_ERROR);
				expect_code(copy_calls[i].run(ground.task, ground.base, sizes[s], at),
					    KERN_MEMORY_ERROR);
			}
		}
		expect_code(task_resume(ground.task), KERN_SUCCESS);
		ground_verify(&ground);
	}
	ground_close(&ground);
	ground_close(&local);
}

/* ---- the end of whoever suspends ---- */

/* A process of its own that suspends the victim, says so, and waits. */
static pid_t suspender(int *helper)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		mach_port_t task;
		kern_return_t kr;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		kr = task_for_pid(mach_task_self(), crew.victim->pid, &task);
		if (kr == KERN_SUCCESS)
			kr = task_suspend(task);
		if (kr != KERN_SUCCESS) {
			fprintf(stderr, "%s: %s\n", code_name(kr), machvm_last_error()->message);
			_exit(1);
		}
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*helper = crew_tracer(&crew, crew.victim->pid);
	return pid;
}

static void suspension_ends_with_whoever_asked_for_it(void **state)
{
	static const char *const ways[] = {"caller", "helper", "both"};

	for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
		crew_start(&crew, WORD_64, kinds[k], 6);
		for (unsigned i = 0; i < 12; i++) {
			int helper;
			pid_t pid = suspender(&helper);

			trying("threads that %s, and the end of the %s", kinds[k],
			       ways[i % ARRAY_SIZE(ways)]);
			if (i % 6 == 0)
				crew_stands(&crew);
			if (i % 3 != 0)
				kill(helper, SIGKILL);
			if (i % 3 != 1)
				kill(pid, SIGKILL);
			crew_gets_on(&crew);
			crew_is_free(&crew);
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		crew_is_sound(&crew);
		victim_kill(crew.victim);
	}
}

static void helper_that_is_killed_ends_the_suspension(void **state)
{
	crew_start(&crew, WORD_64, "count", 3);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	kill(crew_tracer(&crew, crew.victim->pid), SIGKILL);
	crew_gets_on(&crew);
	expect_code(task_resume(crew.task), KERN_FAILURE);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_gets_on(&crew);
}

static void child_inherits_no_suspension(void **state)
{
	task_suspension_token_t token;
	int status;
	pid_t pid;

	crew_start(&crew, WORD_64, "count", 2);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	expect_code(task_suspend2(crew.task, &token), KERN_SUCCESS);
	pid = fork();
	if (pid == 0)
		_exit(task_resume(crew.task) != KERN_FAILURE          ? 1
		      : task_resume2(token) != MACH_SEND_INVALID_DEST ? 2
								      : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_number(status, 0);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(task_resume2(token), KERN_SUCCESS);
	crew_gets_on(&crew);
}

static void another_suspender_is_told_who_has_it(void **state)
{
	char name[32];
	int helper;
	pid_t pid;

	crew_start(&crew, WORD_64, "count", 2);
	pid = suspender(&helper);
	expect_code(task_suspend(crew.task), KERN_DENIED);
	snprintf(name, sizeof(name), "%d", helper);
	assert_non_null(strstr(machvm_last_error()->message, name));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	crew_gets_on(&crew);
}

static void task_that_the_caller_traces_is_refused_and_stays_stopped(void **state)
{
	int status;

	crew_start(&crew, WORD_64, "count", 1);
	assert_int_equal(ptrace(PTRACE_SEIZE, crew.victim->pid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, crew.victim->pid, 0, 0), 0);
	assert_int_equal(waitpid(crew.victim->pid, &status, __WALL), crew.victim->pid);
	expect_code(task_suspend(crew.task), KERN_DENIED);
	expect_number(crew_state(&crew, crew.victim->pid), 't');
	assert_int_equal(ptrace(PTRACE_DETACH, crew.victim->pid, 0, 0), 0);
	crew_gets_on(&crew);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
}

/* Its leader is a zombie that nobody can stop, and need not be. */
static void dead_leader_does_not_matter(void **state)
{
	crew_start(&crew, WORD_64, "count", 3);
	victim_ask(crew.victim, "leave");
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_gets_on(&crew);
}

/* What /proc tells of a process it tells by its leader, which here has no memory any more. */
static void change_is_made_where_the_leader_is_dead(void **state)
{
	for EACH_WORD (w) {
		mach_vm_address_t page = 0;
		uint64_t value = 0x1234567;

		crew_start(&crew, words[w], "sleep", 2);
		victim_ask(crew.victim, "leave");
		crew_await_state(&crew, crew.victim->pid, "Z");
		expect_code(mach_vm_allocate(crew.task, &page, PAGE, VM_FLAGS_ANYWHERE),
			    KERN_SUCCESS);
		expect_code(mach_vm_write(crew.task, page, (vm_offset_t)&value, sizeof(value)),
			    KERN_SUCCESS);
		expect_code(mach_vm_protect(crew.task, page, PAGE, 0, VM_PROT_READ), KERN_SUCCESS);
		expect_code(mach_vm_write(crew.task, page, (vm_offset_t)&value, sizeof(value)),
			    KERN_PROTECTION_FAILURE);
		expect_number(victim_ask(crew.victim, "sum %llx 8", (unsigned long long)page),
			      pattern_sum(&value, sizeof(value), 0));
		expect_code(mach_vm_deallocate(crew.task, page, PAGE), KERN_SUCCESS);
		crew_gets_on(&crew);
		crew_is_free(&crew);
		crew_is_sound(&crew);
		victim_kill(crew.victim);
	}
}

/* The parent of a vfork sleeps uninterruptibly, and stops before it comes back. */
static void parent_of_a_vfork_counts_as_still(void **state)
{
	struct victim *child;

	crew_start(&crew, WORD_64, "count", 2);
	child = victim_adopt(crew.victim, (pid_t)victim_ask(crew.victim, "vfork"));
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_gets_on(&crew);
	expect_code(task_suspend(crew.task), KERN_SUCCESS);
	/* Released while suspended: the sleeper wakes into the stop. */
	kill(child->pid, SIGKILL);
	crew_stands(&crew);
	expect_code(task_resume(crew.task), KERN_SUCCESS);
	crew_gets_on(&crew);
	crew_is_free(&crew);
}

static _Atomic bool enough;

static void *suspend_and_resume(void *task)
{
	uintptr_t failures = 0;

	while (!atomic_load(&enough))
		failures += task_suspend(*(mach_port_t *)task) != KERN_SUCCESS ||
			    task_resume(*(mach_port_t *)task) != KERN_SUCCESS;
	return (void *)failures;
}

/* A call that begins while the suspension does finds the target traced by our own helper. */
static void change_beside_a_suspender_of_the_same_program_is_made(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	mach_vm_address_t page = 0;
	pthread_t suspender;
	void *failures;

	expect_code(mach_vm_allocate(task, &page, PAGE, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&suspender, NULL, suspend_and_resume, &task), 0);
	for (unsigned i = 0; i < 400; i++) {
		trying("change %u", i);
		expect_code(mach_vm_protect(task, page, PAGE, 0,
					    i % 2 ? VM_PROT_DEFAULT : VM_PROT_READ),
			    KERN_SUCCESS);
	}
	atomic_store(&enough, true);
	pthread_join(suspender, &failures);
	expect_number((uintptr_t)failures, 0);
	victim_ask(victim, "lay rw 100000000000 1 1");
}

static const struct CMUnitTest tests[] = {
	TEST(every_thread_stands_when_it_returns),
	TEST(suspensions_are_counted),
	TEST(tokens_are_taken_back_one_by_one),
	TEST(token_outlives_its_task_port),
	TEST(suspensions_through_two_ports_are_one_count),
	TEST(weak_and_wrong_ports_are_refused),
	TEST(own_task_is_refused),
	TEST(suspended_target_dies_at_once),
	TEST(stop_is_invisible_to_the_parent),
	TEST(job_control_is_left_as_it_was),
	TEST(routines_work_on_a_suspended_task),
	TEST(page_to_be_supplied_is_a_memory_error),
	TEST(suspension_ends_with_whoever_asked_for_it),
	TEST(helper_that_is_killed_ends_the_suspension),
	TEST(child_inherits_no_suspension),
	TEST(another_suspender_is_told_who_has_it),
	TEST(task_that_the_caller_traces_is_refused_and_stays_stopped),
	TEST(dead_leader_does_not_matter),
	TEST(change_is_made_where_the_leader_is_dead),
	TEST(parent_of_a_vfork_counts_as_still),
	TEST(change_beside_a_suspender_of_the_same_program_is_made),
};

HARNESS_MAIN(tests)
