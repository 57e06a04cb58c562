/* SPDX-License-Identifier: MIT */
/*
 * A region that goes, and comes back, between the system calls of one routine: it is told as
 * one of the two, there or not there, and never as memory whose contents somebody withholds.
 */
#include "calls.h"
#include "intercept.h"

#include <stdio.h>

#define BASE  0x100000000000u
#define PAGES 4

/* How often it changes in one call: more often than a target does that is not after us. */
enum { CHANGES = 6 };

static struct victim *victim;
static mach_port_t task;
static bool there;

static void lay(void)
{
	victim_ask(victim, "lay fresh %llx %x 1", (unsigned long long)BASE, PAGES);
	there = true;
}

static void go(void)
{
	victim_ask(victim, "unmap %llx %zx", (unsigned long long)BASE, PAGES * PAGE);
	there = false;
}

/* Each state lasts for so many system calls. */
static unsigned lasts, passed;

static void come_or_go(void)
{
	if (passed++ % lasts != 0)
		return;
	if (there)
		go();
	else
		lay();
}

static kern_return_t write_forced(mach_port_t to, uint64_t address, void *local, uint64_t size)
{
	return machvm_write(to, address, local, size, MACHVM_FORCE);
}

static kern_return_t write_forced_no_wait(mach_port_t to, uint64_t address, void *local,
					  uint64_t size)
{
	return machvm_write(to, address, local, size, MACHVM_FORCE | MACHVM_NOWAIT);
}

static kern_return_t read_forced(mach_port_t from, uint64_t address, void *local, uint64_t size)
{
	return machvm_read(from, address, local, size, MACHVM_FORCE);
}

static kern_return_t read_forced_no_wait(mach_port_t from, uint64_t address, void *local,
					 uint64_t size)
{
	return machvm_read(from, address, local, size, MACHVM_FORCE | MACHVM_NOWAIT);
}

static const struct call forced_calls[] = {
	{"machvm_write(FORCE)", write_forced, false, false},
	{"machvm_write(FORCE | NOWAIT)", write_forced_no_wait, true, false},
	{"machvm_read(FORCE)", read_forced, false, false},
	{"machvm_read(FORCE | NOWAIT)", read_forced_no_wait, true, false},
};

struct attempt {
	const struct call *call;
	uint64_t offset, size;
	kern_return_t code;
	char message[256];
};

static void make_call(void *context)
{
	struct attempt *attempt = context;
	static uint8_t data[PAGES * PAGE];

	attempt->code = attempt->call->run(task, BASE + attempt->offset, data, attempt->size);
	snprintf(attempt->message, sizeof(attempt->message), "%s",
		 attempt->code == KERN_SUCCESS ? "" : machvm_last_error()->message);
}

static bool may_be(kern_return_t code)
{
	return code == KERN_SUCCESS || code == KERN_INVALID_ADDRESS || code == KERN_ABORTED;
}

/* From each system call of the routine on, until there are no more of them. */
static void try_points(struct attempt attempt, unsigned changes, void (*action)(void))
{
	bool ran = true;

	for (unsigned point = 1; ran; point++) {
		lay();
		passed = 0;
		trying("%s of %llu bytes, %u changes from system call %u on", attempt.call->name,
		       (unsigned long long)attempt.size, changes, point);
		ran = intercept_run_from(point, changes, action, make_call, &attempt);
		if (!may_be(attempt.code))
			fail_case("%s: %s", code_name(attempt.code), attempt.message);
		if (!ran)
			expect_code(attempt.code, KERN_SUCCESS);
	}
}

static void try_calls(const struct call *calls, unsigned count, unsigned changes,
		      void (*action)(void))
{
	for (unsigned i = 0; i < count; i++) {
		try_points((struct attempt){.call = &calls[i], .offset = 64, .size = 8}, changes,
			   action);
		try_points((struct attempt){.call = &calls[i], .offset = 100, .size = 2 * PAGE},
			   changes, action);
	}
}

static void try_transfers(unsigned changes, void (*action)(void))
{
	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	try_calls(write_calls, write_call_count, changes, action);
	try_calls(read_calls, read_call_count, changes, action);
	try_calls(forced_calls, ARRAY_SIZE(forced_calls), changes, action);
	task_drop(task);
	victim_kill(victim);
}

static void region_that_goes_is_no_address(void **state)
{
	try_transfers(1, go);
}

static void region_that_comes_and_goes_is_there_or_not(void **state)
{
	for (lasts = 1; lasts <= 3; lasts++)
		try_transfers(CHANGES * lasts, come_or_go);
}

static const struct CMUnitTest tests[] = {
	TEST(region_that_goes_is_no_address),
	TEST(region_that_comes_and_goes_is_there_or_not),
};

HARNESS_MAIN_IF(tests, {
	if (!intercept_possible())
		harness_skip("cannot intercept system calls here");
})
