/* SPDX-License-Identifier: MIT */
/*
 * Pages that a user-space server has to supply. A call waits for them as the
 * target itself would, and ends as things then are; MACHVM_NOWAIT does not wait.
 * The unserved pages themselves, with NOWAIT, are in kinds.c.
 */
#include "calls.h"
#include "ground.h"
#include "job.h"
#include "pattern.h"

#include <string.h>

#define SIZE (PAGE + 300)

static struct ground ground, local;
static uint64_t address; /* SIZE bytes from here reach over page 2, which has to be supplied */
static uint64_t buffer;

static void open_grounds(const char *kind)
{
	ground_open(&ground, PLACE_VICTIM, 8);
	ground_open_local(&local, 8);
	ground_lay(&ground, 0, 8, "rw");
	ground_lay(&local, 1, 6, "rw");
	if (!ground_lay(&ground, 2, 1, kind))
		harness_skip("no userfaultfd here");
	address = ground.base + 2 * PAGE - 100;
	buffer = local.base + PAGE + 55;
}

static void close_grounds(void)
{
	ground_close(&ground);
	ground_close(&local);
}

static void *local_bytes(void)
{
	return ground_pointer(&local, buffer);
}

static void wait_for_waiter(void)
{
	victim_ask(ground.victim, "fault-wait");
}

/* The page is there from now on, with a pattern of its own. */
static void serve(void)
{
	victim_ask(ground.victim, "fault-serve %llx %zx 9999",
		   (unsigned long long)ground.base + 2 * PAGE, PAGE);
	ground.kind[2] = page_kind("rw");
	pattern_fill(ground.expect + 2 * PAGE, ground.base + 2 * PAGE, PAGE, 0x9999);
}

static void served_write_completes(void **state)
{
	for (unsigned i = 0; i < write_call_count; i++) {
		struct job *job;

		if (write_calls[i].no_wait)
			continue;
		trying("%s", write_calls[i].name);
		open_grounds("missing");
		job = job_start(&write_calls[i], ground.task, address, local_bytes(), SIZE);
		wait_for_waiter();
		serve();
		expect_code(job_join(job, NULL), KERN_SUCCESS);
		memcpy(ground_expect(&ground, address), local_bytes(), SIZE);
		ground_verify(&ground);
		close_grounds();
	}
}

static void served_read_completes(void **state)
{
	for (unsigned i = 0; i < read_call_count; i++) {
		struct job *job;

		if (read_calls[i].no_wait)
			continue;
		trying("%s", read_calls[i].name);
		open_grounds("missing");
		job = job_start(&read_calls[i], ground.task, address, local_bytes(), SIZE);
		wait_for_waiter();
		serve();
		expect_code(job_join(job, NULL), KERN_SUCCESS);
		memcpy(ground_expect(&local, buffer), ground_expect(&ground, address), SIZE);
		ground_verify(&local);
		ground_verify(&ground);
		close_grounds();
	}
}

static void served_copy_completes(void **state)
{
	for (unsigned i = 0; i < 2 * copy_call_count; i++) {
		bool out = i % 2 == 0;
		uint64_t source, dest;
		struct job *job;

		trying("%s %s the missing page", copy_calls[i / 2].name, out ? "from" : "to");
		open_grounds("missing");
		source = out ? address : address + 3 * PAGE;
		dest = out ? address + 3 * PAGE : address;
		job = job_start_copy(&copy_calls[i / 2], ground.task, source, SIZE, dest);
		wait_for_waiter();
		serve();
		expect_code(job_join(job, NULL), KERN_SUCCESS);
		memcpy(ground_expect(&ground, dest), ground_expect(&ground, source), SIZE);
		ground_verify(&ground);
		close_grounds();
	}
}

static void write_to_protected_page_waits_for_permission(void **state)
{
	for (unsigned i = 0; i < write_call_count; i++) {
		struct job *job;

		if (write_calls[i].no_wait)
			continue;
		trying("%s", write_calls[i].name);
		open_grounds("protected");
		job = job_start(&write_calls[i], ground.task, address, local_bytes(), SIZE);
		wait_for_waiter();
		victim_ask(ground.victim, "fault-unprotect %llx %zx",
			   (unsigned long long)ground.base + 2 * PAGE, PAGE);
		expect_code(job_join(job, NULL), KERN_SUCCESS);
		memcpy(ground_expect(&ground, address), local_bytes(), SIZE);
		ground_verify(&ground);
		close_grounds();
	}
}

/* What the target does to the page while a call waits for it. */
static const struct {
	const char *what, *kind;
	kern_return_t code;
} ends[] = {
	{"unmaps", "hole", KERN_INVALID_ADDRESS},
	{"forbids", "none", KERN_PROTECTION_FAILURE},
};

static void end_wait(const char *kind)
{
	ground_lay(&ground, 2, 1, kind);
	victim_ask(ground.victim, "fault-wake %llx %zx",
		   (unsigned long long)ground.base + 2 * PAGE, PAGE);
}

/* One page, so that nothing can have moved: the answer is what the target itself would get. */
static void page_taken_away_while_a_call_waits_answers_as_it_is_then(void **state)
{
	for (unsigned end = 0; end < ARRAY_SIZE(ends); end++) {
		for (unsigned i = 0; i < write_call_count + read_call_count; i++) {
			const struct call *call = i < write_call_count
							  ? &write_calls[i]
							  : &read_calls[i - write_call_count];
			struct machvm_error detail;
			struct job *job;

			if (call->no_wait)
				continue;
			trying("%s, and the target %s the page", call->name, ends[end].what);
			open_grounds("missing");
			job = job_start(call, ground.task, ground.base + 2 * PAGE + 8, local_bytes(),
					64);
			wait_for_waiter();
			end_wait(ends[end].kind);
			expect_code(job_join(job, &detail), ends[end].code);
			expect_number(detail.address, ground.base + 2 * PAGE + 8);
			expect_number(detail.done, 0);
			ground_verify(&local);
			ground_verify(&ground);
			close_grounds();
		}
	}
}

/*
 * The death of the target closes its userfaultfd, which lets the call go on a
 * moment before the death is on record: it may still be whole, in memory that
 * nobody sees any more.
 */
static void target_that_dies_while_a_call_waits_ends_the_wait(void **state)
{
	for (unsigned i = 0; i < write_call_count + read_call_count; i++) {
		const struct call *call = i < write_call_count ? &write_calls[i]
							       : &read_calls[i - write_call_count];
		kern_return_t code;
		struct job *job;

		if (call->no_wait)
			continue;
		trying("%s", call->name);
		open_grounds("missing");
		job = job_start(call, ground.task, ground.base + 2 * PAGE + 8, local_bytes(), 64);
		wait_for_waiter();
		victim_kill(ground.victim);
		code = job_join(job, NULL);
		if (code != KERN_SUCCESS)
			expect_code(code, MACH_SEND_INVALID_DEST);
		/* The map changed, so that only a transaction promises what is in the buffer. */
		if (code != KERN_SUCCESS && strstr(call->name, "TRANSACTION") != NULL)
			ground_verify(&local);
		close_grounds();
	}
}

/* A waiting call holds nothing that others need. */
static void other_calls_go_on_while_one_waits(void **state)
{
	struct job *job;
	uint8_t data[200];

	open_grounds("missing");
	job = job_start(&write_calls[0], ground.task, address, local_bytes(), SIZE);
	wait_for_waiter();
	memset(data, 0x21, sizeof(data));
	for (unsigned i = 0; i < write_call_count; i++) {
		uint64_t at = ground.base + 5 * PAGE - 100 + i;

		trying("%s beside a waiting call", write_calls[i].name);
		expect_code(write_calls[i].run(ground.task, at, data, sizeof(data)), KERN_SUCCESS);
		memcpy(ground_expect(&ground, at), data, sizeof(data));
	}
	expect_code(machvm_write(ground.task, address, data, 200, MACHVM_NOWAIT),
		    KERN_MEMORY_ERROR);
	expect_detail(KERN_MEMORY_ERROR, ground.base + 2 * PAGE);
	serve();
	expect_code(job_join(job, NULL), KERN_SUCCESS);
	memcpy(ground_expect(&ground, address), local_bytes(), SIZE);
	ground_verify(&ground);
	close_grounds();
}

/* Far into a long range, behind pages that could all be moved. */
static void no_wait_finds_an_unserved_page_far_into_a_long_range(void **state)
{
	const uint64_t base = 0x100000000000u, size = 6 << 20;
	static const char *const kinds[] = {"missing", "protected"};
	static uint8_t data[6 << 20];
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t bad = base + size - 2 * PAGE, sum;

		trying("%s", kinds[i]);
		victim_ask(victim, "lay rw %llx %llx 3", (unsigned long long)base,
			   (unsigned long long)(size / PAGE));
		sum = victim_ask(victim, "sum %llx %llx", (unsigned long long)base,
				 (unsigned long long)(bad - base));
		victim_ask(victim, "lay %s %llx 1 4", kinds[i], (unsigned long long)bad);
		memset(data, 0x99, sizeof(data));
		expect_code(machvm_write(task, base, data, size, MACHVM_NOWAIT), KERN_MEMORY_ERROR);
		expect_detail(KERN_MEMORY_ERROR, bad);
		expect_number(victim_ask(victim, "sum %llx %llx", (unsigned long long)base,
					 (unsigned long long)(bad - base)), sum);
		expect_code(machvm_read(task, base, data, size, MACHVM_NOWAIT),
			    i == 0 ? KERN_MEMORY_ERROR : KERN_SUCCESS);
		expect_number(data[0] == 0x99, i == 0);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(served_write_completes),
	TEST(served_read_completes),
	TEST(served_copy_completes),
	TEST(write_to_protected_page_waits_for_permission),
	TEST(page_taken_away_while_a_call_waits_answers_as_it_is_then),
	TEST(target_that_dies_while_a_call_waits_ends_the_wait),
	TEST(other_calls_go_on_while_one_waits),
	TEST(no_wait_finds_an_unserved_page_far_into_a_long_range),
};

HARNESS_MAIN_IF(tests, harness_require_waiting();)
