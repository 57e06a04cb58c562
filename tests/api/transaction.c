/* SPDX-License-Identifier: MIT */
/*
 * What a failing write leaves when the target's map changes in the middle of
 * it. A page near the end of a long range is write-protected by a userfaultfd:
 * the write stops there, with its beginning in place, until the target has done
 * what the case says and the page has become bad for good.
 *
 * With MACHVM_TRANSACTION, what is still ours is put back, what the target has
 * changed is left alone, and what cannot be put back is reported. Without it
 * what has been changed is at least reported.
 */
#include "calls.h"
#include "job.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#define BASE   0x100000000000u
#define PAGES  1536u /* more than the kernel copies in one round (1024 pages) */
#define HELD   1500u /* where the write is stopped */
#define SIZE   (PAGES * PAGE)

/* The page of the beginning that a case plays with. */
#define PLAYED 5u
#define FRESH  0x7777u

static struct victim *victim;
static mach_port_t task;
static uint8_t *old, *new, *now;

static void lay(void)
{
	static uint64_t seed = 100;

	victim_ask(victim, "lay rw %llx %x %llx", (unsigned long long)BASE, PAGES,
		   (unsigned long long)++seed);
	pattern_fill(old, BASE, SIZE, seed);
	/* No byte of ours is what the target has, puts there or leaves: ours can be counted. */
	pattern_fill(now, BASE, SIZE, FRESH);
	for (size_t i = 0; i < SIZE; i++) {
		new[i] = (uint8_t)~old[i];
		for (uint8_t change = 0x55; new[i] == now[i] || new[i] == 0; change = 0xaa)
			new[i] = old[i] ^ change;
	}
	victim_ask(victim, "lay protected %llx 1 %llx", (unsigned long long)BASE + HELD * PAGE,
		   (unsigned long long)seed);
}

static void open_region(void)
{
	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	old = malloc(SIZE);
	new = malloc(SIZE);
	now = malloc(SIZE);
	lay();
}

static void close_region(void)
{
	victim_kill(victim);
	free(old);
	free(new);
	free(now);
}

/* The victim's own view of pages, a few at a time. */
static void look(unsigned page, unsigned count)
{
	while (count > 0) {
		unsigned some = count < 32 ? count : 32;

		victim_ask(victim, "dump %llx %zx", (unsigned long long)BASE + page * PAGE,
			   some * PAGE);
		memcpy(now + page * PAGE, victim->mailbox + 4096, some * PAGE);
		page += some;
		count -= some;
	}
}

/* The write has stopped at the held page, and the first pages are in place. */
static void wait_until_held(void)
{
	unsigned tries = 0;

	victim_ask(victim, "fault-wait");
	do {
		look(0, 16);
		if (++tries == 100000)
			fail_case("the write waits, and its first pages are not written");
	} while (memcmp(now, new, 16 * PAGE) != 0);
}

static void release(const char *kind)
{
	unsigned long long held = BASE + HELD * PAGE;

	victim_ask(victim, "lay %s %llx 1 %x", kind, held, FRESH);
	victim_ask(victim, "fault-wake %llx %zx", held, PAGE);
}

static void play(const char *how)
{
	unsigned long long played = BASE + PLAYED * PAGE;

	if (strcmp(how, "forbids") == 0)
		victim_ask(victim, "protect %llx %zx 1", played, PAGE);
	else if (strcmp(how, "replaces") == 0)
		victim_ask(victim, "lay rw %llx 1 %x", played, FRESH);
	else if (strcmp(how, "moves") == 0)
		victim_ask(victim, "move %llx %zx %llx", played, PAGE, played + 2 * SIZE);
	else if (strcmp(how, "unmaps") == 0)
		victim_ask(victim, "unmap %llx %zx", played, PAGE);
	else if (strcmp(how, "stores into") == 0)
		victim_ask(victim, "fill %llx 40 %x", played + 64, FRESH);
}

/* Bytes of the pages outside [skip, skip + 1) that are still what we wrote. */
static size_t count_ours(void)
{
	size_t count = 0;

	for (size_t i = 0; i < SIZE; i++)
		count += i / PAGE != HELD && i / PAGE != PLAYED && now[i] == new[i];
	return count;
}

static size_t count_ours_played(void)
{
	size_t count = 0;

	for (size_t i = PLAYED * PAGE; i < (PLAYED + 1) * PAGE; i++)
		count += now[i] == new[i];
	return count;
}

static kern_return_t run(const char *how, const char *end, unsigned flags,
			 struct machvm_error *detail)
{
	const struct call *call = NULL;
	struct job *job;

	for (unsigned i = 0; i < write_call_count; i++)
		if (strcmp(write_calls[i].name,
			   flags ? "machvm_write(TRANSACTION)" : "machvm_write") == 0)
			call = &write_calls[i];
	trying("%s; the target %s page %u, then page %u becomes %s", call->name, how, PLAYED, HELD,
	       end);
	job = job_start(call, task, BASE, new, SIZE);
	wait_until_held();
	play(how);
	release(end);
	return job_join(job, detail);
}

/* Outside of the two pages in question everything is as it was. */
static void expect_old_elsewhere(void)
{
	look(0, PAGES);
	expect_bytes(now, old, PLAYED * PAGE);
	expect_bytes(now + (PLAYED + 1) * PAGE, old + (PLAYED + 1) * PAGE,
		     (HELD - PLAYED - 1) * PAGE);
	expect_bytes(now + (HELD + 1) * PAGE, old + (HELD + 1) * PAGE, (PAGES - HELD - 1) * PAGE);
}

static const struct {
	const char *kind;
	kern_return_t code;
} ends[] = {
	{"ro", KERN_PROTECTION_FAILURE},
	{"none", KERN_PROTECTION_FAILURE},
	{"hole", KERN_INVALID_ADDRESS},
	{"eof-shared", KERN_MEMORY_ERROR},
};

static void transaction_over_page_that_turns_bad_is_taken_back_whole(void **state)
{
	open_region();
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		struct machvm_error detail;

		lay();
		expect_code(run("leaves alone", ends[i].kind, MACHVM_TRANSACTION, &detail),
			    ends[i].code);
		expect_number(detail.address, BASE + HELD * PAGE);
		expect_number(detail.done, 0);
		expect_old_elsewhere();
		expect_bytes(now + PLAYED * PAGE, old + PLAYED * PAGE, PAGE);
	}
	close_region();
}

/* Our bytes sit where we may not write any more: put back all the same, or reported to the byte. */
static void bytes_that_cannot_be_put_back_are_reported(void **state)
{
	open_region();
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		struct machvm_error detail;
		kern_return_t code;
		size_t ours;

		lay();
		code = run("forbids", ends[i].kind, MACHVM_TRANSACTION, &detail);
		expect_old_elsewhere();
		ours = count_ours_played();
		expect_number(detail.done, ours);
		if (ours == 0) {
			expect_code(code, ends[i].code);
			expect_bytes(now + PLAYED * PAGE, old + PLAYED * PAGE, PAGE);
		} else {
			expect_code(code, KERN_ABORTED);
			expect_number(ours, PAGE);
		}
	}
	close_region();
}

static void page_that_the_target_replaced_is_left_alone(void **state)
{
	uint8_t fresh[PAGE];

	pattern_fill(fresh, BASE + PLAYED * PAGE, PAGE, FRESH);
	open_region();
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		struct machvm_error detail;
		kern_return_t code;

		lay();
		code = run("replaces", ends[i].kind, MACHVM_TRANSACTION, &detail);
		expect_old_elsewhere();
		expect_bytes(now + PLAYED * PAGE, fresh, PAGE);
		/* Nothing of ours is left anywhere: nothing to report. */
		expect_code(code, ends[i].code);
		expect_number(detail.done, 0);
	}
	close_region();
}

static void page_that_the_target_unmapped_is_left_unmapped(void **state)
{
	open_region();
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		struct machvm_error detail;
		kern_return_t code;

		lay();
		code = run("unmaps", ends[i].kind, MACHVM_TRANSACTION, &detail);
		expect_old_elsewhere();
		expect_number(count_ours_played(), 0);
		/* The bytes are gone with the page: neither changed nor put back. */
		if (code != KERN_ABORTED)
			expect_code(code, ends[i].code);
		expect_number(detail.done > 0, code == KERN_ABORTED);
	}
	close_region();
}

/* Our bytes live on where nobody looks for them: that is no clean failure. */
static void page_that_the_target_moved_is_reported(void **state)
{
	open_region();
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		struct machvm_error detail;

		lay();
		expect_code(run("moves", ends[i].kind, MACHVM_TRANSACTION, &detail), KERN_ABORTED);
		expect_number(detail.done, PAGE);
		expect_old_elsewhere();
		expect_number(count_ours_played(), 0);
	}
	close_region();
}

/* A store of the target over our bytes: kept or lost, but never our bytes unreported. */
static void page_that_the_target_stored_into_holds_nothing_of_ours_unreported(void **state)
{
	uint8_t stored[64];

	pattern_fill(stored, BASE + PLAYED * PAGE + 64, sizeof(stored), FRESH);
	open_region();
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		struct machvm_error detail;
		kern_return_t code;
		size_t at = PLAYED * PAGE + 64, ours;

		lay();
		code = run("stores into", ends[i].kind, MACHVM_TRANSACTION, &detail);
		expect_old_elsewhere();
		if (memcmp(now + at, stored, 64) != 0 && memcmp(now + at, old + at, 64) != 0)
			fail_case("the 64 stored bytes are neither the target's nor the old ones");
		ours = count_ours_played();
		if (code == KERN_ABORTED) {
			if (detail.done < ours)
				fail_case("%zu bytes of ours are left, %llu reported", ours,
					  (unsigned long long)detail.done);
		} else {
			expect_code(code, ends[i].code);
			expect_number(ours, 0);
			expect_number(detail.done, 0);
		}
	}
	close_region();
}

/* Without the flag nothing is taken back, and nothing is hidden. */
static void plain_write_over_page_that_turns_bad_reports_what_it_changed(void **state)
{
	open_region();
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		struct machvm_error detail;
		kern_return_t code;

		lay();
		code = run("leaves alone", ends[i].kind, 0, &detail);
		look(0, PAGES);
		if (code == KERN_SUCCESS)
			fail_case("a short transfer is called a success");
		if (code != ends[i].code && code != KERN_ABORTED)
			expect_code(code, ends[i].code);
		expect_number(detail.address, BASE + HELD * PAGE);
		expect_number(detail.done, count_ours() + count_ours_played());
	}
	close_region();
}

/*
 * Without the flag a read may leave the beginning of what it read; with it, not a
 * byte. The look before a read waits for the first page that is missing, and the
 * read itself for the second.
 */
static void read_over_page_that_turns_bad_leaves_the_buffer_alone(void **state)
{
	const unsigned long long held = BASE + HELD * PAGE, next = held + PAGE;
	const struct call *call = NULL;

	for (unsigned i = 0; i < read_call_count; i++)
		if (strcmp(read_calls[i].name, "machvm_read(TRANSACTION)") == 0)
			call = &read_calls[i];
	open_region();
	/* Not the first: what is mapped for reading is no reason to fail. */
	for (unsigned i = 1; i < ARRAY_SIZE(ends); i++) {
		struct machvm_error detail;
		struct job *job;

		lay();
		victim_ask(victim, "lay missing %llx 2 0", held);
		memset(now, 0x5c, SIZE);
		memcpy(new, now, SIZE);
		trying("page %u becomes %s", HELD + 1, ends[i].kind);
		job = job_start(call, task, BASE, now, SIZE);
		victim_ask(victim, "fault-wait");
		victim_ask(victim, "fault-serve %llx %zx %x", held, PAGE, FRESH);
		victim_ask(victim, "fault-wait");
		victim_ask(victim, "lay %s %llx 1 %x", ends[i].kind, next, FRESH);
		victim_ask(victim, "fault-wake %llx %zx", next, PAGE);
		expect_code(job_join(job, &detail), ends[i].code);
		expect_number(detail.address, next);
		expect_number(detail.done, 0);
		expect_bytes(now, new, SIZE);
	}
	close_region();
}

/* And where the page turns good again, the write is as whole as any. */
static void write_that_was_held_and_let_go_is_whole(void **state)
{
	open_region();
	for (unsigned i = 0; i < write_call_count; i++) {
		struct job *job;

		if (write_calls[i].no_wait)
			continue;
		lay();
		trying("%s", write_calls[i].name);
		job = job_start(&write_calls[i], task, BASE, new, SIZE);
		wait_until_held();
		victim_ask(victim, "fault-unprotect %llx %zx",
			   (unsigned long long)BASE + HELD * PAGE, PAGE);
		expect_code(job_join(job, NULL), KERN_SUCCESS);
		look(0, PAGES);
		expect_bytes(now, new, SIZE);
	}
	close_region();
}

/*
 * The target becomes another program in the middle. The new one has memory at
 * the same addresses; not one byte of it may change unreported.
 */
static void exec_in_the_middle_is_never_a_silent_write_into_the_new_image(void **state)
{
	for (unsigned i = 0; i < write_call_count; i++) {
		struct machvm_error detail = {0};
		kern_return_t code;
		struct job *job;

		if (write_calls[i].no_wait)
			continue;
		trying("%s", write_calls[i].name);
		open_region();
		job = job_start(&write_calls[i], task, BASE, new, SIZE);
		wait_until_held();
		victim_ask(victim, "exec rw %llx %x %x", (unsigned long long)BASE, PAGES, FRESH);
		code = job_join(job, &detail);
		look(0, PAGES);
		pattern_fill(old, BASE, SIZE, FRESH);
		if (memcmp(now, old, SIZE) != 0) {
			expect_code(code, KERN_ABORTED);
			assert_true(detail.done > 0);
		} else if (code != KERN_SUCCESS) {
			/* Everything went into the old image, or the change was noticed. */
			expect_code(code, KERN_ABORTED);
		}
		close_region();
	}
}

/*
 * What is written is zeros, which is also what the new program has there: they look
 * like ours, and the old program's bytes are not to be put there all the same. Two
 * threads wait, and much is left to do after both of them.
 */
static void exec_in_the_middle_puts_nothing_back_into_the_new_image(void **state)
{
	uint8_t *zeros = calloc(2, SIZE);

	for (unsigned i = 0; i < write_call_count; i++) {
		kern_return_t code;
		struct job *job;

		if (write_calls[i].no_wait)
			continue;
		trying("%s", write_calls[i].name);
		open_region();
		victim_ask(victim, "lay rw %llx %x 1", (unsigned long long)BASE, 2 * PAGES);
		for (unsigned page = 700; page < PAGES; page += 400)
			victim_ask(victim, "lay protected %llx 1 1",
				   (unsigned long long)BASE + page * PAGE);
		job = job_start(&write_calls[i], task, BASE, zeros, 2 * SIZE);
		victim_ask(victim, "fault-wait");
		victim_ask(victim, "exec fresh %llx %x 0", (unsigned long long)BASE, 2 * PAGES);
		code = job_join(job, NULL);
		if (code != KERN_SUCCESS)
			expect_code(code, KERN_ABORTED);
		expect_number(victim_ask(victim, "sum %llx %zx", (unsigned long long)BASE, 2 * SIZE),
			      pattern_sum(zeros, 2 * SIZE, 0));
		close_region();
	}
	free(zeros);
}

static const struct CMUnitTest tests[] = {
	TEST(transaction_over_page_that_turns_bad_is_taken_back_whole),
	TEST(bytes_that_cannot_be_put_back_are_reported),
	TEST(page_that_the_target_replaced_is_left_alone),
	TEST(page_that_the_target_unmapped_is_left_unmapped),
	TEST(page_that_the_target_moved_is_reported),
	TEST(page_that_the_target_stored_into_holds_nothing_of_ours_unreported),
	TEST(plain_write_over_page_that_turns_bad_reports_what_it_changed),
	TEST(read_over_page_that_turns_bad_leaves_the_buffer_alone),
	TEST(write_that_was_held_and_let_go_is_whole),
	TEST(exec_in_the_middle_is_never_a_silent_write_into_the_new_image),
	TEST(exec_in_the_middle_puts_nothing_back_into_the_new_image),
};

HARNESS_MAIN_IF(tests, harness_require_waiting();)
