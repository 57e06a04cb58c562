/* SPDX-License-Identifier: MIT */
/*
 * MACHVM_FORCE where it takes tracing, or may: by a right that was received, for the program
 * that the right is for, and of a target that stands still already. Where the kernel's policy
 * leaves force to tracers, and the caller is none, nothing moves at all, and the answer
 * names the policy.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"
#include "travel.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define BASE TRAVEL_BASE

static struct ground ground;

static uint64_t sum_of(struct victim *victim, unsigned pages)
{
	return victim_ask(victim, "sum %llx %llx", (unsigned long long)BASE,
			  (unsigned long long)pages * PAGE);
}

/* Whether the right has been used before or not. */
static void exec_ends_force(void **state)
{
	uint8_t data[PAGE];
	uint64_t before;

	memset(data, 0x3c, sizeof(data));
	for (unsigned used = 0; used < 2; used++) {
		struct victim *victim = victim_spawn(WORD_64);
		mach_port_t port = travel_received(victim_task(victim), MACHVM_RIGHT_CONTROL);

		trying("%s", used ? "used before" : "not used before");
		victim_ask(victim, "lay ro %llx 2 3", (unsigned long long)BASE);
		if (used) {
			expect_code(machvm_write(port, BASE, data, PAGE, MACHVM_FORCE), KERN_SUCCESS);
			expect_number(victim_ask(victim, "sum %llx 1000", (unsigned long long)BASE),
				      pattern_sum(data, PAGE, 0));
		}
		victim_ask(victim, "exec ro %llx 2 4", (unsigned long long)BASE);
		before = sum_of(victim, 2);
		expect_code(machvm_write(port, BASE + 5, data, 8, MACHVM_FORCE),
			    MACH_SEND_INVALID_DEST);
		expect_code(machvm_write(port, BASE, data, PAGE, MACHVM_FORCE | MACHVM_NOWAIT),
			    MACH_SEND_INVALID_DEST);
		expect_code(machvm_read(port, BASE, data, PAGE, MACHVM_FORCE),
			    MACH_SEND_INVALID_DEST);
		expect_number(sum_of(victim, 2), before);
		task_drop(port);
	}
}

static void process_whose_leader_has_exited_is_forced(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), port;
	uint8_t data[PAGE], back[PAGE];

	victim_ask(victim, "lay ro %llx 1 3", (unsigned long long)BASE);
	victim_ask(victim, "leave");
	port = travel_received(task, MACHVM_RIGHT_CONTROL);
	memset(data, 0x3c, sizeof(data));
	for (unsigned i = 0; i < 2; i++) {
		mach_port_t by = i ? task : port;

		memset(data, 0x3c + (int)i, sizeof(data));
		expect_code(machvm_write(by, BASE, data, PAGE, MACHVM_FORCE), KERN_SUCCESS);
		expect_number(sum_of(victim, 1), pattern_sum(data, PAGE, 0));
		expect_code(machvm_read(by, BASE, back, PAGE, MACHVM_FORCE), KERN_SUCCESS);
		expect_bytes(back, data, PAGE);
	}
	task_drop(port);
}

static void right_to_read_reads_what_the_target_may_not(void **state)
{
	mach_port_t port;
	uint8_t data[PAGE];

	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 4, "none");
	port = travel_received(ground.task, MACHVM_RIGHT_READ);
	expect_code(machvm_read(port, ground.base + 9, data, PAGE, MACHVM_FORCE), KERN_SUCCESS);
	expect_bytes(data, ground_expect(&ground, ground.base + 9), PAGE);
	expect_code(machvm_write(port, ground.base, data, PAGE, MACHVM_FORCE),
		    KERN_INVALID_ARGUMENT);
	ground_verify(&ground);
	task_drop(port);
	ground_close(&ground);
}

/* A victim that is traced stops at each signal of its own: it is not asked then. */
static bool traced;

/* Refused by the policy, from the page on that does not permit it; nothing has changed. */
static void expect_refused(kern_return_t kr, uint64_t bad)
{
	const struct machvm_error *error = machvm_last_error();

	expect_code(kr, KERN_PROTECTION_FAILURE);
	expect_detail(KERN_PROTECTION_FAILURE, bad);
	expect_number(error->done, 0);
	if (strstr(error->message, "proc_mem.force_override") == NULL)
		fail_case("the policy is not named: %s", error->message);
	if (!traced)
		ground_verify(&ground);
}

/* Page 2 may only be read, and page 3 not at all; the others permit everything. */
static void lay_closed_pages(void)
{
	ground_lay(&ground, 2, 1, "ro");
	ground_lay(&ground, 3, 1, "none");
}

static void try_refused(mach_port_t port)
{
	static const unsigned flags[] = {0, MACHVM_NOWAIT, MACHVM_TRANSACTION};
	uint64_t shut = ground.base + 2 * PAGE, closed = ground.base + 3 * PAGE;
	uint8_t data[4 * PAGE];

	memset(data, 0x3c, sizeof(data));
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		struct machvm_range list[] = {{ground.base + 5 * PAGE, data, 100, 0},
					      {shut + 9, data, 100, 0}};

		trying("flags %#x", flags[i]);
		expect_refused(machvm_write(port, shut + 9, data, 8, MACHVM_FORCE | flags[i]), shut + 9);
		/* The pages before it would have let it in. */
		expect_refused(machvm_write(port, ground.base + 10, data, sizeof(data),
					    MACHVM_FORCE | flags[i]),
			       shut);
		expect_refused(machvm_read(port, ground.base + 10, data, sizeof(data),
					   MACHVM_FORCE | flags[i]),
			       closed);
		if (flags[i] == 0)
			expect_refused(machvm_write_list(port, list, 2, MACHVM_FORCE), shut + 9);
	}
	/* What is permitted needs no force. */
	expect_code(machvm_write(port, ground.base, data, PAGE, MACHVM_FORCE), KERN_SUCCESS);
	memcpy(ground_expect(&ground, ground.base), data, PAGE);
	expect_code(machvm_read(port, shut, data, PAGE, MACHVM_FORCE), KERN_SUCCESS);
}

static void receiver_who_may_not_trace_is_refused_with_the_policy(void **state)
{
	mach_port_t port;
	uint64_t at = 0;
	vm_prot_t current, maximum;

	if (harness_forces())
		skip();
	port = travel_receive_locked(&ground, MACHVM_RIGHT_CONTROL);
	lay_closed_pages();
	try_refused(port);
	ground_verify(&ground);
	expect_refused(mach_vm_remap(mach_task_self(), &at, 4 * PAGE, 0, VM_FLAGS_ANYWHERE, port,
				     ground.base, 1, &current, &maximum, 1),
		       ground.base + 3 * PAGE);
	task_drop(port);
	ground_close(&ground);
}

/* Another tracer: a thread is one of its own. */
struct tracer {
	pid_t pid;
	sem_t attached, enough; /* zeroed, they are shut */
	long result;
};

static void *trace(void *context)
{
	struct tracer *tracer = context;

	tracer->result = ptrace(PTRACE_SEIZE, tracer->pid, NULL, NULL);
	sem_post(&tracer->attached);
	while (sem_wait(&tracer->enough) != 0)
		;
	if (tracer->result == 0)
		tracer->result = ptrace(PTRACE_INTERRUPT, tracer->pid, NULL, NULL) |
				 (waitpid(tracer->pid, NULL, __WALL) != tracer->pid) |
				 ptrace(PTRACE_DETACH, tracer->pid, NULL, NULL);
	return NULL;
}

static void target_that_is_traced_is_refused_with_the_policy(void **state)
{
	struct tracer tracer = {0};
	mach_port_t port;
	pthread_t thread;

	if (harness_forces())
		skip();
	ground_open(&ground, PLACE_VICTIM, 8);
	ground_lay(&ground, 0, 8, "rw");
	lay_closed_pages();
	port = travel_received(ground.task, MACHVM_RIGHT_CONTROL);
	tracer.pid = ground.victim->pid;
	assert_int_equal(pthread_create(&thread, NULL, trace, &tracer), 0);
	while (sem_wait(&tracer.attached) != 0)
		;
	assert_int_equal(tracer.result, 0);
	traced = true;
	try_refused(port);
	try_refused(ground.task);
	traced = false;
	sem_post(&tracer.enough);
	pthread_join(thread, NULL);
	assert_int_equal(tracer.result, 0);
	ground_verify(&ground);
	task_drop(port);
	ground_close(&ground);
}

static void write_and_read_read_only_page(unsigned flags, int seed)
{
	uint64_t address = ground.base + PAGE - 100;
	uint8_t data[300], back[300];

	pattern_fill(data, address, sizeof(data), (uint64_t)seed);
	expect_code(machvm_write(ground.task, address, data, sizeof(data), MACHVM_FORCE | flags),
		    KERN_SUCCESS);
	memcpy(ground_expect(&ground, address), data, sizeof(data));
	expect_code(machvm_read(ground.task, address, back, sizeof(back), MACHVM_FORCE | flags),
		    KERN_SUCCESS);
	expect_bytes(back, data, sizeof(data));
}

/* Whoever would have to trace for it does so already. */
static void force_reaches_a_target_that_stands_still(void **state)
{
	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 1, "ro");
	ground_lay(&ground, 1, 1, "none");
	write_and_read_read_only_page(MACHVM_STOP, 5);
	if (task_suspend(ground.task) == KERN_SUCCESS) {
		write_and_read_read_only_page(0, 6);
		write_and_read_read_only_page(MACHVM_STOP, 7);
		expect_code(task_resume(ground.task), KERN_SUCCESS);
	}
	ground_verify(&ground);
	ground_close(&ground);
}

/* Its debugger has stopped it, and is the calling thread. */
static void debugger_forces_what_it_has_stopped(void **state)
{
	pid_t pid;

	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 1, "ro");
	ground_lay(&ground, 1, 1, "none");
	pid = ground.victim->pid;
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
	write_and_read_read_only_page(0, 8);
	assert_int_equal(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
	ground_verify(&ground);
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(debugger_forces_what_it_has_stopped),
	TEST(force_reaches_a_target_that_stands_still),
	TEST(exec_ends_force),
	TEST(process_whose_leader_has_exited_is_forced),
	TEST(right_to_read_reads_what_the_target_may_not),
	TEST(receiver_who_may_not_trace_is_refused_with_the_policy),
	TEST(target_that_is_traced_is_refused_with_the_policy),
};

HARNESS_MAIN_IF(tests, {
	travel_require();
	travel_become_ordinary();
})
