/* SPDX-License-Identifier: MIT */
/*
 * The pid changes hands between the library's last look at the process and the
 * kernel's: at each system call of each routine, every time.
 */
#include "calls.h"
#include "ground.h"
#include "intercept.h"
#include "pattern.h"
#include "processes.h"
#include "refuse.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#define BASE 0x100000000000u

static struct victim *first;
static struct ground second;

/* Ends the first victim; another process with the same memory gets its pid. */
static void reuse_pid(void)
{
	pid_t pid = first->pid;
	struct victim *next;

	victim_kill(first);
	next = victim_spawn_with_pid(WORD_64, pid);
	if (next == NULL)
		fail_case("pid %d is not free", pid);
	ground_open_in(&second, next, BASE, 4);
	ground_lay(&second, 0, 4, "rw");
}

static void end_first(void)
{
	victim_kill(first);
}

static mach_port_t open_first(bool used)
{
	mach_port_t task;

	first = victim_spawn(WORD_64);
	victim_ask(first, "lay rw %llx 4 1", (unsigned long long)BASE);
	task = victim_task(first);
	if (used)
		task_use_much(task, BASE);
	return task;
}

static uint64_t count_hits(void)
{
	uint64_t hits = 0;

	victim_ask(second.victim, "dump %llx %zx", (unsigned long long)BASE, 4 * PAGE);
	for (size_t i = 0; i < 4 * PAGE; i++)
		hits += second.victim->mailbox[4096 + i] != second.expect[i];
	return hits;
}

static const struct {
	uint64_t offset, size;
} spans[] = {{64, 8}, {PAGE - 4, 8}, {100, 2 * PAGE}};

/* One call, of which the pid is taken away at one point. */
struct attempt {
	const struct call *call;
	const struct copy_call *copy;
	unsigned span, point;
	bool used;
	mach_port_t task;
	kern_return_t code;
	uint64_t done;
};

static uint8_t data[4 * PAGE];

static void make_call(void *context)
{
	struct attempt *attempt = context;
	uint64_t address = BASE + spans[attempt->span].offset, size = spans[attempt->span].size;

	if (attempt->call != NULL)
		attempt->code = attempt->call->run(attempt->task, address, data, size);
	else
		attempt->code = attempt->copy->run(attempt->task, address, size, address + PAGE);
	attempt->done = attempt->code == KERN_SUCCESS ? 0 : machvm_last_error()->done;
}

/* True when there was a `point`-th system call to act before. */
static bool attempt_run(struct attempt *attempt, void (*action)(void), const char *what)
{
	attempt->task = open_first(attempt->used);
	trying("%s, %llu bytes at +%llu, %s before system call %u, port %s",
	       attempt->call != NULL ? attempt->call->name : attempt->copy->name,
	       (unsigned long long)spans[attempt->span].size,
	       (unsigned long long)spans[attempt->span].offset, what, attempt->point,
	       attempt->used ? "used" : "fresh");
	memset(data, 0xdd, sizeof(data));
	return intercept_run(attempt->point, action, make_call, attempt);
}

static void attempt_end(const struct attempt *attempt)
{
	task_drop(attempt->task);
	if (first->pid != 0)
		victim_kill(first);
}

/* Each way to make a call has its turn. */
static bool skipped(void)
{
	static unsigned position;

	return position++ % harness_share() != 0;
}

/*
 * Tries every system call of a call in turn until there are no more of them.
 * `judge` looks at what the call answered; `ran` says whether the pid was taken.
 */
static void try_points(struct attempt attempt, void (*action)(void), const char *what,
		       void (*judge)(const struct attempt *attempt, bool ran))
{
	for (attempt.span = 0; attempt.span < ARRAY_SIZE(spans); attempt.span++) {
		for (int used = 0; used < 2; used++) {
			bool ran = true;

			if (skipped())
				continue;
			attempt.used = used;
			for (attempt.point = 1; ran; attempt.point++) {
				ran = attempt_run(&attempt, action, what);
				judge(&attempt, ran);
				attempt_end(&attempt);
			}
			/* There is a copy in every call, so there was something to act before. */
			assert_true(attempt.point > 2);
		}
	}
}

static void judge_write(const struct attempt *attempt, bool ran)
{
	uint64_t hits;

	if (!ran) {
		expect_code(attempt->code, KERN_SUCCESS);
		return;
	}
	hits = count_hits();
	expect_code(attempt->code, MACH_SEND_INVALID_DEST);
	/* What could not be prevented is reported. */
	if (hits > attempt->done)
		fail_case("%llu bytes of the new process changed, %llu reported",
			  (unsigned long long)hits, (unsigned long long)attempt->done);
	victim_kill(second.victim);
}

static void write_into_the_next_owner_of_a_pid_is_reported(void **state)
{
	for (unsigned i = 0; i < write_call_count; i++)
		try_points((struct attempt){.call = &write_calls[i]}, reuse_pid, "reuse",
			   judge_write);
}

static void copy_into_the_next_owner_of_a_pid_is_reported(void **state)
{
	for (unsigned i = 0; i < copy_call_count; i++)
		try_points((struct attempt){.copy = &copy_calls[i]}, reuse_pid, "reuse",
			   judge_write);
}

/* A read that had everything before may be whole; never with the next owner's bytes. */
static void judge_read(const struct attempt *attempt, bool ran)
{
	static uint8_t want[4 * PAGE];

	if (!ran || attempt->code == KERN_SUCCESS) {
		expect_code(attempt->code, KERN_SUCCESS);
		pattern_fill(want, BASE, sizeof(want), 1);
		expect_bytes(data, want + spans[attempt->span].offset, spans[attempt->span].size);
	} else {
		expect_code(attempt->code, MACH_SEND_INVALID_DEST);
	}
	if (ran)
		victim_kill(second.victim);
}

static void bytes_of_the_next_owner_of_a_pid_are_never_the_answer(void **state)
{
	for (unsigned i = 0; i < read_call_count; i++)
		try_points((struct attempt){.call = &read_calls[i]}, reuse_pid, "reuse",
			   judge_read);
}

/* The same instant without a next owner. */
static void judge_death(const struct attempt *attempt, bool ran)
{
	bool read = attempt->call >= read_calls && attempt->call < read_calls + read_call_count;

	if (!ran || (read && attempt->code == KERN_SUCCESS))
		expect_code(attempt->code, KERN_SUCCESS);
	else
		expect_code(attempt->code, MACH_SEND_INVALID_DEST);
}

static void death_at_any_system_call_is_an_invalid_destination(void **state)
{
	for (unsigned i = 0; i < write_call_count; i++)
		try_points((struct attempt){.call = &write_calls[i]}, end_first, "death",
			   judge_death);
	for (unsigned i = 0; i < read_call_count; i++)
		try_points((struct attempt){.call = &read_calls[i]}, end_first, "death",
			   judge_death);
	for (unsigned i = 0; i < copy_call_count; i++)
		try_points((struct attempt){.copy = &copy_calls[i]}, end_first, "death",
			   judge_death);
}

/*
 * The same for the number of a thread: the leader of `first` has exited, and the
 * thread that is named in its place goes while the process lives on.
 */
static pid_t named_thread;

static void give_thread_away(void)
{
	struct victim *next;

	victim_ask(first, "leave");
	while ((next = victim_spawn_with_pid(WORD_64, named_thread)) == NULL)
		sched_yield();
	ground_open_in(&second, next, BASE, 4);
	ground_lay(&second, 0, 4, "rw");
}

static mach_port_t open_behind_leader(void)
{
	mach_port_t task = open_first(false);
	uint8_t byte;

	named_thread = (pid_t)victim_ask(first, "leave");
	expect_code(machvm_read(task, BASE, &byte, 1, 0), KERN_SUCCESS);
	return task;
}

static void write_a_list(void *context)
{
	struct attempt *attempt = context;
	struct machvm_range list[] = {
		{BASE + 64, data, 8, 77},
		{BASE + 3 * PAGE - 50, data, 100, 77},
	};

	attempt->code = machvm_write_list(attempt->task, list, 2, 0);
	attempt->done = attempt->code == KERN_SUCCESS ? 0 : machvm_last_error()->done;
}

/* Nothing in silence, whichever of the two the bytes are in. */
static void judge_thread(const struct attempt *attempt, bool ran)
{
	uint64_t hits = ran ? count_hits() : 0;

	if (hits > attempt->done)
		fail_case("%llu bytes of the other process changed, %llu reported",
			  (unsigned long long)hits, (unsigned long long)attempt->done);
	if (!ran || attempt->code == KERN_SUCCESS)
		expect_code(attempt->code, KERN_SUCCESS);
	else if (refused("procmap") && attempt->code == KERN_ABORTED)
		/* The text of the map ends with the thread: what was written cannot be found again. */
		assert_true(attempt->done > 0);
	else
		expect_code(attempt->code, MACH_SEND_INVALID_DEST);
	if (ran)
		victim_kill(second.victim);
}

static void write_by_the_number_of_a_thread_that_is_gone_is_reported(void **state)
{
	for (unsigned i = 0; i <= write_call_count; i++) {
		for (unsigned span = 0; span < ARRAY_SIZE(spans); span++) {
			bool ran = !skipped();

			for (unsigned point = 1; ran; point++) {
				struct attempt attempt = {
					.call = i < write_call_count ? &write_calls[i] : NULL,
					.span = span,
					.task = open_behind_leader(),
				};

				trying("%s, span %u, before system call %u",
				       attempt.call ? attempt.call->name : "list", span, point);
				memset(data, 0xdd, sizeof(data));
				ran = intercept_run(point, give_thread_away,
						    attempt.call ? make_call : write_a_list, &attempt);
				judge_thread(&attempt, ran);
				attempt_end(&attempt);
			}
		}
	}
}

static const struct CMUnitTest tests[] = {
	TEST(write_into_the_next_owner_of_a_pid_is_reported),
	TEST(copy_into_the_next_owner_of_a_pid_is_reported),
	TEST(bytes_of_the_next_owner_of_a_pid_are_never_the_answer),
	TEST(death_at_any_system_call_is_an_invalid_destination),
	TEST(write_by_the_number_of_a_thread_that_is_gone_is_reported),
};

HARNESS_MAIN_IF(tests, {
	if (!victim_pid_can_be_chosen())
		harness_skip("may not choose pids here");
	if (!intercept_possible())
		harness_skip("cannot intercept system calls here");
})
