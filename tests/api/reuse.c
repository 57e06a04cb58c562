/* SPDX-License-Identifier: MIT */
/*
 * A pid comes back within 100 us. A port names the process that had it when the
 * port was opened, and never the next owner.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"
#include "processes.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define BASE 0x100000000000u

static struct ground second;

/* Ends the victim of a ground and gives its pid to a new one with the same memory. */
static void reuse_pid(struct victim *first)
{
	pid_t pid = first->pid;
	struct victim *next;

	victim_kill(first);
	next = victim_spawn_with_pid(WORD_64, pid);
	if (next == NULL)
		fail_case("pid %d is not free", pid);
	expect_number(next->pid, pid);
	ground_open_in(&second, next, BASE, 4);
	ground_lay(&second, 0, 4, "rw");
}

static void expect_gone_and_untouched(mach_port_t task)
{
	uint8_t data[600];

	memset(data, 0xdd, sizeof(data));
	for (uint64_t at = BASE + 100; at < BASE + 2 * PAGE; at += PAGE - 200) {
		for (unsigned i = 0; i < write_call_count; i++) {
			trying("%s at +%#llx", write_calls[i].name, (unsigned long long)(at - BASE));
			expect_code(write_calls[i].run(task, at, data, sizeof(data)),
				    MACH_SEND_INVALID_DEST);
			expect_detail(MACH_SEND_INVALID_DEST, 0);
			ground_verify(&second);
		}
		for (unsigned i = 0; i < read_call_count; i++) {
			trying("%s at +%#llx", read_calls[i].name, (unsigned long long)(at - BASE));
			expect_code(read_calls[i].run(task, at, data, sizeof(data)),
				    MACH_SEND_INVALID_DEST);
			for (size_t j = 0; j < sizeof(data); j++)
				expect_number(data[j], 0xdd);
		}
		for (unsigned i = 0; i < copy_call_count; i++) {
			expect_code(copy_calls[i].run(task, at, 64, at + PAGE),
				    MACH_SEND_INVALID_DEST);
			ground_verify(&second);
		}
	}
}

static void reused_pid_is_never_touched_through_the_old_port(void **state)
{
	for (int used = 0; used < 3; used++) {
		struct victim *first = victim_spawn(WORD_64);
		mach_port_t task = victim_task(first), again;
		uint8_t data[64];
		int pid = 5;

		trying("port %s", used == 0 ? "fresh" : used == 1 ? "used" : "used a lot");
		victim_ask(first, "lay rw %llx 4 1", (unsigned long long)BASE);
		if (used == 2)
			task_use_much(task, BASE);
		for (int i = 0; i < (used == 0 ? 0 : used == 1 ? 1 : 100); i++) {
			expect_code(machvm_read(task, BASE + i, data, 64, 0), KERN_SUCCESS);
			expect_code(machvm_write(task, BASE + PAGE - 32, data, 64, 0),
				    KERN_SUCCESS);
		}
		reuse_pid(first);
		expect_gone_and_untouched(task);
		expect_code(pid_for_task(task, &pid), KERN_FAILURE);
		/* The new owner has a name of its own. */
		again = victim_task(second.victim);
		assert_int_not_equal(again, task);
		expect_code(machvm_write(again, BASE + 8, data, 64, 0), KERN_SUCCESS);
		memcpy(ground_expect(&second, BASE + 8), data, 64);
		ground_verify(&second);
		expect_code(machvm_write(task, BASE + 8, data, 64, 0), MACH_SEND_INVALID_DEST);
		task_drop(task);
		task_drop(again);
		victim_kill(second.victim);
	}
}

/* The weaker ports as well. */
static void reused_pid_is_never_named_by_an_old_port(void **state)
{
	struct victim *first = victim_spawn(WORD_64);
	mach_port_t ports[3];
	uint8_t byte;
	int pid = 5;

	expect_number(task_read_for_pid(mach_task_self(), first->pid, &ports[0]), 0);
	expect_number(task_inspect_for_pid(mach_task_self(), first->pid, &ports[1]), 0);
	expect_code(task_name_for_pid(mach_task_self(), first->pid, &ports[2]), KERN_SUCCESS);
	reuse_pid(first);
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
		trying("port %u", i);
		expect_code(pid_for_task(ports[i], &pid), KERN_FAILURE);
		expect_code(machvm_read(ports[i], BASE, &byte, 1, 0), MACH_SEND_INVALID_DEST);
	}
}

/*
 * Behind a leader that has exited a thread is named instead; its number can be
 * another process's while the process itself lives on. Opens `first` for such a
 * process and `second` for the one that has the number now, memory alike.
 */
static void give_thread_away(struct ground *first, bool used)
{
	struct victim *next;
	uint8_t byte;
	pid_t thread;

	ground_open(first, PLACE_VICTIM, 4);
	ground_lay(first, 0, 4, "rw");
	if (used)
		task_use_much(first->task, first->base);
	thread = (pid_t)victim_ask(first->victim, "leave");
	expect_code(machvm_read(first->task, first->base, &byte, 1, 0), KERN_SUCCESS);
	if (used)
		task_use_much(first->task, first->base);
	/* The thread that was named goes. Nobody is told when its number is free. */
	victim_ask(first->victim, "leave");
	while ((next = victim_spawn_with_pid(WORD_64, thread)) == NULL)
		sched_yield();
	ground_open_in(&second, next, first->base, 4);
	ground_lay(&second, 0, 4, "rw");
}

static void number_of_a_thread_is_never_taken_for_its_process(void **state)
{
	for (int used = 0; used < 2; used++) {
		struct ground first;
		uint8_t data[64];

		give_thread_away(&first, used);
		memset(data, 0xdd, sizeof(data));
		for (unsigned i = 0; i < write_call_count; i++) {
			uint64_t at = first.base + PAGE - 32 * (i % 3);

			trying("%s, port %s", write_calls[i].name, used ? "used a lot" : "used");
			expect_code(write_calls[i].run(first.task, at, data, 32), KERN_SUCCESS);
			memcpy(ground_expect(&first, at), data, 32);
			ground_verify(&second);
			ground_verify(&first);
		}
		for (unsigned i = 0; i < read_call_count; i++) {
			memset(data, 0, sizeof(data));
			expect_code(read_calls[i].run(first.task, first.base + PAGE - 32, data, 64),
				    KERN_SUCCESS);
			expect_bytes(data, ground_expect(&first, first.base + PAGE - 32), 64);
		}
		ground_close(&first);
		victim_kill(second.victim);
	}
}

static void number_of_a_thread_is_never_taken_for_its_process_by_a_list(void **state)
{
	static const unsigned all_flags[] = {0, MACHVM_EACH, MACHVM_TRANSACTION};

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(all_flags); i++) {
		unsigned flags = all_flags[i / 2];
		struct ground first;
		uint8_t data[2][40];

		trying("%s, flags %#x", i % 2 ? "write" : "read", flags);
		give_thread_away(&first, false);
		struct machvm_range list[] = {
			{first.base + PAGE - 8, data[0], 40, 77},
			{first.base + 3 * PAGE + 5, data[1], 40, 77},
		};
		memset(data, 0xdd, sizeof(data));
		if (i % 2) {
			expect_code(machvm_write_list(first.task, list, 2, flags), KERN_SUCCESS);
			memcpy(ground_expect(&first, list[0].address), data[0], 40);
			memcpy(ground_expect(&first, list[1].address), data[1], 40);
		} else {
			expect_code(machvm_read_list(first.task, list, 2, flags), KERN_SUCCESS);
			expect_bytes(data[0], ground_expect(&first, list[0].address), 40);
			expect_bytes(data[1], ground_expect(&first, list[1].address), 40);
		}
		ground_verify(&second);
		ground_verify(&first);
		ground_close(&first);
		victim_kill(second.victim);
	}
}

/* A writer that never stops, while pids change hands under it. */
struct writer {
	_Atomic mach_port_t task;
	_Atomic bool end;
	_Atomic uint64_t reported; /* bytes that failing writes owned up to, for this owner */
	_Atomic uint64_t writes;   /* that have returned */
	uint64_t size;
};

static void *writer_run(void *argument)
{
	struct writer *writer = argument;
	static uint8_t data[3 * PAGE];

	memset(data, 0xdd, sizeof(data));
	while (!atomic_load(&writer->end)) {
		mach_port_t task = atomic_load(&writer->task);

		if (machvm_write(task, BASE + 64, data, writer->size, 0) != KERN_SUCCESS)
			writer->reported += machvm_last_error()->done;
		writer->writes++;
	}
	return NULL;
}

/* Whatever was under way when the pid changed hands has returned and said what it did. */
static void wait_for_return(const struct writer *writer)
{
	uint64_t before = writer->writes;

	while (writer->writes < before + 2)
		sched_yield();
}

static uint64_t count_hits(void)
{
	uint64_t hits = 0;

	victim_ask(second.victim, "dump %llx %zx", (unsigned long long)BASE, 4 * PAGE);
	for (size_t i = 0; i < 4 * PAGE; i++)
		hits += second.victim->mailbox[4096 + i] == 0xdd && second.expect[i] != 0xdd;
	return hits;
}

/*
 * The kernel's calls take a number, so a write can hit the next owner in the
 * instant between; it must then be reported, not called a success.
 */
static void write_racing_with_pid_reuse_never_hits_in_silence(void **state)
{
	static const uint64_t sizes[] = {8, 64, 2 * PAGE + 100};
	unsigned rounds = harness_is_valgrind() ? 3 : 60;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		static struct writer writer;
		pthread_t thread;
		struct victim *victim = victim_spawn(WORD_64);

		trying("%llu bytes", (unsigned long long)sizes[i]);
		writer = (struct writer){.size = sizes[i]};
		victim_ask(victim, "lay rw %llx 4 1", (unsigned long long)BASE);
		writer.task = victim_task(victim);
		assert_int_equal(pthread_create(&thread, NULL, writer_run, &writer), 0);
		for (unsigned round = 0; round < rounds; round++) {
			mach_port_t old = writer.task;

			/* Every other one is well known to the library by then. */
			if (round % 2)
				task_use_much(old, BASE);
			writer.reported = 0;
			reuse_pid(victim);
			victim = second.victim;
			wait_for_return(&writer);
			if (count_hits() > 0 && writer.reported == 0) {
				writer.end = true;
				pthread_join(thread, NULL);
				fail_case("round %u: %llu bytes of the new process changed in silence",
					  round, (unsigned long long)count_hits());
			}
			writer.task = victim_task(victim);
			task_drop(old);
		}
		writer.end = true;
		pthread_join(thread, NULL);
		task_drop(writer.task);
		victim_kill(victim);
		assert_true(writer.writes > 0);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(reused_pid_is_never_touched_through_the_old_port),
	TEST(reused_pid_is_never_named_by_an_old_port),
	TEST(number_of_a_thread_is_never_taken_for_its_process),
	TEST(number_of_a_thread_is_never_taken_for_its_process_by_a_list),
	TEST(write_racing_with_pid_reuse_never_hits_in_silence),
};

/* Root, or root of a user and pid namespace of one's own. */
HARNESS_MAIN_IF(tests, {
	if (!victim_pid_can_be_chosen())
		harness_skip("may not choose pids here");
})
