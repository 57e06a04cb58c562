/* SPDX-License-Identifier: MIT */
/*
 * A task is a process as long as it lives, through exec and the end of its
 * leader, and nothing afterwards.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"
#include "refuse.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE 0x100000000000u

static void expect_gone(mach_port_t task)
{
	char buffer[16] = "";

	for (unsigned size = 0; size <= 16; size += 8) {
		trying("%u bytes of a process that is gone", size);
		for (unsigned i = 0; i < write_call_count; i++)
			expect_code(write_calls[i].run(task, BASE, buffer, size),
				    MACH_SEND_INVALID_DEST);
		for (unsigned i = 0; i < read_call_count; i++)
			expect_code(read_calls[i].run(task, BASE, buffer, size),
				    MACH_SEND_INVALID_DEST);
		for (unsigned i = 0; i < copy_call_count; i++)
			expect_code(copy_calls[i].run(task, BASE, size, BASE + 64),
				    MACH_SEND_INVALID_DEST);
	}
	expect_detail(MACH_SEND_INVALID_DEST, 0);
}

/* Whether the library has looked at the memory before makes a difference inside: both. */
static void use_task(mach_port_t task)
{
	task_use_much(task, BASE);
}

static void victim_that_died_is_an_invalid_destination(void **state)
{
	for (enum word word = WORD_64; word < word_count(); word++) {
		for (int used = 0; used < 2; used++) {
			struct victim *victim = victim_spawn(word);
			mach_port_t task = victim_task(victim);
			int pid = 1;

			if (used && word == WORD_64) {
				victim_ask(victim, "lay rw %llx 1 1", (unsigned long long)BASE);
				use_task(task);
			}
			victim_kill(victim);
			expect_gone(task);
			expect_code(pid_for_task(task, &pid), KERN_FAILURE);
			expect_number(pid, -1);
			task_drop(task);
		}
	}
}

static void zombie_is_an_invalid_destination(void **state)
{
	for (int used = 0; used < 2; used++) {
		struct victim *victim = victim_spawn(WORD_64);
		mach_port_t task = victim_task(victim), again = 7;
		int pid = 1;

		victim_ask(victim, "lay rw %llx 1 1", (unsigned long long)BASE);
		if (used)
			use_task(task);
		victim_make_zombie(victim);
		expect_gone(task);
		expect_code(pid_for_task(task, &pid), KERN_FAILURE);
		expect_number(pid, -1);
		expect_code(task_for_pid(mach_task_self(), victim->pid, &again), KERN_FAILURE);
		expect_number(again, MACH_PORT_NULL);
		task_drop(task);
	}
}

static void victim_that_exits_by_itself_is_an_invalid_destination(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	siginfo_t info;

	victim_ask(victim, "lay rw %llx 1 1", (unsigned long long)BASE);
	use_task(task);
	victim_tell(victim, "exit 3");
	assert_int_equal(waitid(P_PID, (id_t)victim->pid, &info, WEXITED | WNOWAIT), 0);
	expect_gone(task);
}

static void stopped_victim_is_reachable(void **state)
{
	struct ground ground;
	char buffer[100];

	ground_open(&ground, PLACE_VICTIM, 2);
	ground_lay(&ground, 0, 2, "rw");
	kill(ground.victim->pid, SIGSTOP);
	assert_int_equal(waitpid(ground.victim->pid, NULL, WUNTRACED), ground.victim->pid);
	memset(buffer, 0x42, sizeof(buffer));
	expect_code(machvm_write(ground.task, ground.base + PAGE - 50, buffer, 100, 0),
		    KERN_SUCCESS);
	memcpy(ground_expect(&ground, ground.base + PAGE - 50), buffer, 100);
	/* Still stopped: nobody woke it. */
	{
		siginfo_t info = {.si_pid = 0};

		assert_int_equal(waitid(P_PID, (id_t)ground.victim->pid, &info,
					WCONTINUED | WNOHANG), 0);
		expect_number(info.si_pid, 0);
	}
	kill(ground.victim->pid, SIGCONT);
	ground_verify(&ground);
	ground_close(&ground);
}

/* The port names the process, not the program: what it is now is what a call finds. */
static void exec_keeps_the_task_and_changes_the_memory(void **state)
{
	for (enum word word = WORD_64; word < word_count(); word++) {
		uint64_t base = word == WORD_32 ? 0x20000000u : BASE;
		struct victim *victim = victim_spawn(word);
		mach_port_t task = victim_task(victim), again;
		char buffer[200];
		int pid = 0;

		trying("word %d", word);
		victim_ask(victim, "lay rw %llx 2 1", (unsigned long long)base);
		memset(buffer, 0x31, sizeof(buffer));
		expect_code(machvm_write(task, base + 4000, buffer, 200, 0), KERN_SUCCESS);

		/* The new image has nothing there. */
		expect_number(victim_ask(victim, "exec"), victim->pid);
		expect_code(machvm_write(task, base + 4000, buffer, 200, 0), KERN_INVALID_ADDRESS);
		expect_code(machvm_read(task, base + 4000, buffer, 200, 0), KERN_INVALID_ADDRESS);
		expect_code(mach_vm_copy(task, base, 8, base + 64), KERN_INVALID_ADDRESS);

		/* The next one has other contents. */
		victim_ask(victim, "exec rw %llx 2 55", (unsigned long long)base);
		for (unsigned i = 0; i < read_call_count; i++) {
			char want[200];

			expect_code(read_calls[i].run(task, base + 4000, buffer, 200),
				    KERN_SUCCESS);
			pattern_fill(want, base + 4000, 200, 0x55);
			expect_bytes(buffer, want, 200);
		}
		memset(buffer, 0x32, sizeof(buffer));
		expect_code(machvm_write(task, base + 4000, buffer, 200, 0), KERN_SUCCESS);
		expect_number(victim_ask(victim, "sum %llx c8", (unsigned long long)base + 4000),
			      pattern_sum(buffer, 200, 0));

		/* And the one after that may not be written. */
		victim_ask(victim, "exec ro %llx 2 56", (unsigned long long)base);
		expect_code(machvm_write(task, base + 4000, buffer, 200, 0),
			    KERN_PROTECTION_FAILURE);
		expect_detail(KERN_PROTECTION_FAILURE, base + 4000);

		expect_code(task_for_pid(mach_task_self(), victim->pid, &again), KERN_SUCCESS);
		expect_number(again, task);
		expect_code(pid_for_task(task, &pid), KERN_SUCCESS);
		expect_number(pid, victim->pid);
		victim_kill(victim);
	}
}

/* Many images in a row, each written to: no stale descriptor is ever trusted. */
static void write_after_each_of_many_execs_hits_the_new_image(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);

	for (unsigned i = 0; i < 40; i++) {
		uint8_t want[PAGE], data[100];

		trying("image %u", i);
		victim_ask(victim, "exec rw %llx 1 %x", (unsigned long long)BASE, i + 1);
		pattern_fill(want, BASE, PAGE, i + 1);
		memset(data, (int)i, sizeof(data));
		/* Often, so that whatever is chosen by trying has been chosen. */
		for (unsigned j = 0; j < 30; j++) {
			expect_code(machvm_write(task, BASE + j * 10, data, 100, 0), KERN_SUCCESS);
			memcpy(want + j * 10, data, 100);
		}
		expect_number(victim_ask(victim, "sum %llx 1000", (unsigned long long)BASE),
			      pattern_sum(want, PAGE, 0));
	}
}

/*
 * Threads can be stopped where they have names, and make calls where no filter is in the way:
 * the one that takes calls from this program is its victims' as well.
 */
static bool makes_calls(void)
{
	const char *list = getenv("MACHVM_TEST_REFUSE");
	char self[16] = "";

	return (!list || !*list) && readlink("/proc/self", self, sizeof(self) - 1) > 0 &&
	       atoi(self) == getpid();
}

static void expect_changeable(struct ground *ground)
{
	expect_code(mach_vm_protect(ground->task, ground->base + PAGE, PAGE, FALSE, VM_PROT_READ),
		    KERN_SUCCESS);
	expect_code(mach_vm_protect(ground->task, ground->base + PAGE, PAGE, FALSE,
				    VM_PROT_READ | VM_PROT_WRITE),
		    KERN_SUCCESS);
	expect_code(task_suspend(ground->task), KERN_SUCCESS);
	expect_code(task_resume(ground->task), KERN_SUCCESS);
	ground_verify(ground);
}

/* State Z of the first thread is not the death of the process. */
static void victim_whose_leader_left_is_alive_and_reachable(void **state)
{
	for (enum word word = WORD_64; word < word_count(); word++) {
		enum place place = word == WORD_32 ? PLACE_VICTIM_32 : PLACE_VICTIM;

		for (int opened_before = 0; opened_before < 3; opened_before++) {
			struct ground ground;
			char data[300];
			uint64_t at;

			trying("word %d, %s", word,
			       opened_before == 0 ? "opened afterwards"
						  : opened_before == 1 ? "opened before"
								       : "used before");
			ground_open(&ground, place, 8);
			ground_lay(&ground, 1, 6, "rw");
			ground_lay(&ground, 4, 1, "ro");
			if (opened_before == 2)
				task_use_much(ground.task, ground.base + PAGE);
			if (opened_before == 0)
				task_drop(ground.task);
			victim_ask(ground.victim, "leave");
			if (opened_before == 0)
				ground.task = victim_task(ground.victim);
			at = ground.base + 2 * PAGE - 100;
			memset(data, 0x19, sizeof(data));
			for (unsigned i = 0; i < write_call_count; i++)
				expect_code(write_calls[i].run(ground.task, at, data, 300),
					    KERN_SUCCESS);
			memcpy(ground_expect(&ground, at), data, 300);
			ground_verify(&ground);
			for (unsigned i = 0; i < read_call_count; i++) {
				expect_code(read_calls[i].run(ground.task, at, data, 300),
					    KERN_SUCCESS);
				expect_bytes(data, ground_expect(&ground, at), 300);
			}
			expect_code(mach_vm_copy(ground.task, at, 300, at + 5000), KERN_SUCCESS);
			memcpy(ground_expect(&ground, at + 5000), ground_expect(&ground, at), 300);
			ground_verify(&ground);
			/* What is bad is still told apart, and nothing changes. */
			expect_code(machvm_write(ground.task, ground.base + 4 * PAGE - 8, data, 16, 0),
				    KERN_PROTECTION_FAILURE);
			expect_detail(KERN_PROTECTION_FAILURE, ground.base + 4 * PAGE);
			expect_code(machvm_write(ground.task, ground.base + 7 * PAGE - 8, data, 16, 0),
				    KERN_INVALID_ADDRESS);
			expect_detail(KERN_INVALID_ADDRESS, ground.base + 7 * PAGE);
			ground_verify(&ground);
			if (makes_calls())
				expect_changeable(&ground);
			ground_close(&ground);
		}
	}
}

/* To others than root it looks as if it were somebody else's. */
static void victim_that_nobody_has_taken_note_of_is_gone(void **state)
{
	struct ground ground;
	siginfo_t info;

	/* It lets nobody make the process that stops others. */
	if (harness_is_valgrind())
		skip();
	ground_open(&ground, PLACE_VICTIM, 2);
	ground_lay(&ground, 0, 2, "rw");
	kill(ground.victim->pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)ground.victim->pid, &info, WEXITED | WNOWAIT), 0);
	expect_code(task_suspend(ground.task), MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_protect(ground.task, ground.base, PAGE, FALSE, VM_PROT_READ),
		    MACH_SEND_INVALID_DEST);
	expect_code(machvm_write(ground.task, ground.base, "gone", 4, MACHVM_STOP),
		    MACH_SEND_INVALID_DEST);
	ground_close(&ground);
}

static void victim_with_many_threads_is_like_any_other(void **state)
{
	struct ground ground;
	char data[64];

	ground_open(&ground, PLACE_VICTIM, 2);
	ground_lay(&ground, 0, 2, "rw");
	victim_ask(ground.victim, "threads 20");
	memset(data, 0x61, sizeof(data));
	expect_code(machvm_write(ground.task, ground.base + PAGE - 32, data, 64, 0), KERN_SUCCESS);
	memcpy(ground_expect(&ground, ground.base + PAGE - 32), data, 64);
	ground_verify(&ground);
	ground_close(&ground);
}

/* poll(2) asks about no descriptor where none is allowed. */
static void limit_of_no_descriptors_is_no_death(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	struct rlimit before, none;
	kern_return_t alive, dead;
	uint8_t byte = 0;

	/* It has limits of its own, and its own idea of what may be set. */
	if (harness_is_valgrind())
		skip();
	victim_ask(victim, "lay rw 100000000000 1 1");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	alive = machvm_write(task, 0x100000000000u, &byte, 1, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect_code(alive, refused("pidfd") || refused("writev") ? alive : KERN_SUCCESS);
	victim_kill(victim);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	dead = machvm_write(task, 0x100000000000u, &byte, 1, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect_code(dead, MACH_SEND_INVALID_DEST);
}

/* A thread's number is no process. */
static void thread_id_is_no_task(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	uint64_t tid = victim_ask(victim, "leave");
	mach_port_t task = 5;

	expect_code(task_for_pid(mach_task_self(), (int)tid, &task), KERN_FAILURE);
	expect_number(task, MACH_PORT_NULL);
}

static const struct CMUnitTest tests[] = {
	TEST(victim_that_died_is_an_invalid_destination),
	TEST(zombie_is_an_invalid_destination),
	TEST(victim_that_exits_by_itself_is_an_invalid_destination),
	TEST(stopped_victim_is_reachable),
	TEST(exec_keeps_the_task_and_changes_the_memory),
	TEST(write_after_each_of_many_execs_hits_the_new_image),
	TEST(victim_whose_leader_left_is_alive_and_reachable),
	TEST(victim_that_nobody_has_taken_note_of_is_gone),
	TEST(victim_with_many_threads_is_like_any_other),
	TEST(limit_of_no_descriptors_is_no_death),
	TEST(thread_id_is_no_task),
};

HARNESS_MAIN(tests)
