/* SPDX-License-Identifier: MIT */
/*
 * One program after another in the same process, at the system calls of one routine: the task
 * is the process, and lives. What the routine looks at is whatever program it finds.
 */
#include "calls.h"
#include "intercept.h"
#include "pattern.h"
#include "regions.h"

#include <mach/vm_page_query.h>

#define BASE  0x100000000000u
#define PAGES 4

enum { PROGRAMS = 5 };

static struct victim *victim;
static mach_port_t task;

/* The new program has the same memory; its bytes are of another seed. */
static void execute(void)
{
	static unsigned seed = 1;

	victim_ask(victim, "exec rw %llx %x %x", (unsigned long long)BASE, PAGES, ++seed);
}

struct look {
	const char *name;
	kern_return_t (*run)(void);
};

static kern_return_t query_page(void)
{
	integer_t disposition, references;

	return mach_vm_page_query(task, BASE, &disposition, &references);
}

static kern_return_t info_of_page(void)
{
	mach_msg_type_number_t count = VM_PAGE_INFO_BASIC_COUNT;
	struct vm_page_info_basic info;

	return mach_vm_page_info(task, BASE, VM_PAGE_INFO_BASIC, (vm_page_info_t)&info, &count);
}

static kern_return_t query_range(void)
{
	integer_t dispositions[PAGES];
	mach_vm_size_t pages = PAGES;
	kern_return_t kr = mach_vm_page_range_query(task, BASE, PAGES * PAGE, (uintptr_t)dispositions,
						    &pages);

	if (kr == KERN_SUCCESS)
		expect_number(pages, PAGES);
	return kr;
}

static int count_region(const struct machvm_region *region, void *context)
{
	++*(unsigned *)context;
	return 0;
}

static kern_return_t walk(void)
{
	unsigned seen = 0;
	kern_return_t kr = machvm_region_walk(task, 0, ~0ull, count_region, &seen);

	if (kr == KERN_SUCCESS)
		assert_true(seen > 0);
	return kr;
}

static const struct look looks[] = {
	{"mach_vm_page_query", query_page},
	{"mach_vm_page_info", info_of_page},
	{"mach_vm_page_range_query", query_range},
	{"machvm_region_walk", walk},
};

struct attempt {
	const struct look *look;
	const struct region_call *region;
	const struct call *call;
	kern_return_t code;
};

static void make_call(void *context)
{
	struct attempt *attempt = context;
	static uint8_t data[2 * PAGE];
	struct region region;

	if (attempt->look != NULL)
		attempt->code = attempt->look->run();
	else if (attempt->region != NULL)
		attempt->code = region_ask(attempt->region, task, BASE, &region);
	else
		attempt->code = attempt->call->run(task, BASE + 100, data, sizeof(data));
}

/* From each system call of the routine on, until there are no more of them. */
static void try_points(struct attempt attempt, const char *name,
		       void (*judge)(const struct attempt *attempt))
{
	bool ran = true;

	for (unsigned point = 1; ran; point++) {
		trying("%s, %d programs from system call %u on", name, PROGRAMS, point);
		ran = intercept_run_from(point, PROGRAMS, execute, make_call, &attempt);
		judge(&attempt);
	}
}

static void expect_success(const struct attempt *attempt)
{
	expect_code(attempt->code, KERN_SUCCESS);
}

static void begin(void)
{
	victim = victim_spawn(WORD_64);
	victim_ask(victim, "lay rw %llx %x 1", (unsigned long long)BASE, PAGES);
	task = victim_task(victim);
}

static void end(void)
{
	task_drop(task);
	victim_kill(victim);
}

static void look_finds_one_of_the_programs(void **state)
{
	begin();
	for (unsigned i = 0; i < ARRAY_SIZE(looks); i++)
		try_points((struct attempt){.look = &looks[i]}, looks[i].name, expect_success);
	end();
}

static void region_is_that_of_one_of_the_programs(void **state)
{
	begin();
	for (unsigned i = 0; i < region_call_count; i++)
		try_points((struct attempt){.region = &region_calls[i]}, region_calls[i].name,
			   expect_success);
	end();
}

/* A transfer is with one program, or is ended; the process is never gone. */
static void expect_one_program(const struct attempt *attempt)
{
	if (attempt->code != KERN_ABORTED)
		expect_code(attempt->code, KERN_SUCCESS);
}

static void transfer_is_with_one_of_the_programs(void **state)
{
	begin();
	for (unsigned i = 0; i < write_call_count; i++)
		try_points((struct attempt){.call = &write_calls[i]}, write_calls[i].name,
			   expect_one_program);
	for (unsigned i = 0; i < read_call_count; i++)
		try_points((struct attempt){.call = &read_calls[i]}, read_calls[i].name,
			   expect_one_program);
	end();
}

static const struct CMUnitTest tests[] = {
	TEST(look_finds_one_of_the_programs),
	TEST(region_is_that_of_one_of_the_programs),
	TEST(transfer_is_with_one_of_the_programs),
};

HARNESS_MAIN_IF(tests, {
	if (!intercept_possible())
		harness_skip("cannot intercept system calls here");
})
