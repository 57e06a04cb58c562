/* SPDX-License-Identifier: MIT */
/*
 * Writes into a target that changes its own map meanwhile: some pages lose and
 * regain their write permission, are unmapped and mapped afresh, replaced,
 * moved away and back, or stored into by the target; all others stand still.
 *
 * The target's own bytes on restless pages have the high bit, ours have not, and
 * each write has a value of its own: whose a byte is can be seen.
 *
 *   MACHVM_TEST_SEED         repeats a run's choices (not its timing)
 *   MACHVM_TEST_OPERATIONS   how many for each kind of unrest (default 3,000)
 */
#include "calls.h"
#include "random.h"
#include "report.h"

#include <string.h>

#define BASE  0x100000000000u
#define PAGES 48u
#define SIZE  (PAGES * PAGE)

struct unrest {
	const char *mode[2]; /* what happens to pages 20 and 21, and to page 36 */
	kern_return_t codes[2]; /* besides success and KERN_ABORTED */
};

static struct victim *victim;
static mach_port_t task;
static uint8_t expect[SIZE], data[SIZE], before[SIZE];
static const uint8_t *now; /* the victim's last report, from BASE on */

static bool restless(const struct unrest *unrest, size_t at)
{
	size_t page = at / PAGE;

	return page == 20 || page == 21 || (page == 36 && unrest->mode[1] != NULL);
}

static void look(void)
{
	victim_ask(victim, "dump %llx %zx", (unsigned long long)BASE, (size_t)SIZE);
	now = victim->mailbox + REPORT_PAGES;
}

static void start_unrest(const struct unrest *unrest)
{
	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	victim_ask(victim, "lay rw %llx %x 1", (unsigned long long)BASE, PAGES);
	memset(expect, 0x7f, SIZE);
	expect_code(machvm_write(task, BASE, expect, SIZE, 0), KERN_SUCCESS);
	victim_ask(victim, "churn %s %llx %zx 99", unrest->mode[0],
		   (unsigned long long)BASE + 20 * PAGE, 2 * PAGE);
	if (unrest->mode[1] != NULL)
		victim_ask(victim, "churn %s %llx %zx 98", unrest->mode[1],
			   (unsigned long long)BASE + 36 * PAGE, PAGE);
}

/* Pages that stand still hold exactly what the model says. */
static void expect_still_pages(const struct unrest *unrest)
{
	for (size_t page = 0; page < PAGES; page++) {
		size_t at = page * PAGE;

		if (!restless(unrest, at))
			expect_bytes(now + at, expect + at, PAGE);
	}
}

/*
 * Bytes of restless pages in the range that are this write's, and not those of
 * the last one with the same value: a page that refuses every write of a while
 * still holds it.
 */
static size_t count_ours(const struct unrest *unrest, size_t start, size_t size, uint8_t value)
{
	size_t count = 0;

	for (size_t at = start; at < start + size; at++)
		count += restless(unrest, at) && now[at] == value && before[at] != value;
	return count;
}

static bool expected_code(const struct unrest *unrest, kern_return_t kr)
{
	return kr == unrest->codes[0] || kr == unrest->codes[1] || kr == KERN_ABORTED;
}

/* Everything came back, or what did not is reported and sits on restless pages only. */
static void judge_transaction(const struct unrest *unrest, kern_return_t kr, size_t start,
			      size_t size, uint8_t value)
{
	uint64_t done = machvm_last_error()->done;
	size_t ours;

	look();
	expect_still_pages(unrest);
	ours = count_ours(unrest, start, size, value);
	if (kr != KERN_ABORTED && done != 0)
		fail_case("%s, and %llu bytes done", code_name(kr), (unsigned long long)done);
	/* What could not be put back can have gone with its page; what is left was reported. */
	if (ours > done)
		fail_case("%s, and %zu bytes of ours are left, %llu reported", code_name(kr), ours,
			  (unsigned long long)done);
}

/* Without a transaction the beginning may have changed: exactly as far as reported. */
static void judge_plain(const struct unrest *unrest, size_t start, size_t size, uint8_t value)
{
	uint64_t done = machvm_last_error()->done;

	if (done > size)
		fail_case("%llu of %zu bytes done", (unsigned long long)done, size);
	memset(expect + start, value, done);
	look();
	expect_still_pages(unrest);
}

static void write_once(const struct unrest *unrest, unsigned number, uint64_t answers[3])
{
	size_t start = random_below(30 * PAGE), size = 1 + random_below((unsigned)(SIZE - start));
	uint8_t value = (uint8_t)(1 + number % 126);
	bool transaction = random_below(4) != 0;
	kern_return_t kr;

	trying("%s%s%s: write %u, %zu bytes at page %zu + %zu, %s", unrest->mode[0],
	       unrest->mode[1] ? " and " : "", unrest->mode[1] ? unrest->mode[1] : "", number, size,
	       start / PAGE, start % PAGE, transaction ? "TRANSACTION" : "plain");
	memset(data, value, size);
	memcpy(before, expect, SIZE);
	kr = machvm_write(task, BASE + start, data, size, transaction ? MACHVM_TRANSACTION : 0);
	answers[kr == KERN_SUCCESS ? 0 : kr == KERN_ABORTED ? 2 : 1]++;
	if (kr == KERN_SUCCESS) {
		memset(expect + start, value, size);
		look();
		expect_still_pages(unrest);
		return;
	}
	if (!expected_code(unrest, kr))
		expect_code(kr, unrest->codes[0]);
	if (transaction)
		judge_transaction(unrest, kr, start, size, value);
	else
		judge_plain(unrest, start, size, value);
}

/* A read is whole, or has left the buffer alone. */
static void read_once(const struct unrest *unrest)
{
	size_t start = random_below(30 * PAGE), size = 1 + random_below((unsigned)(SIZE - start));
	kern_return_t kr;

	trying("%s: %zu bytes read at page %zu + %zu", unrest->mode[0], size, start / PAGE,
	       start % PAGE);
	memset(data, 0, SIZE);
	kr = machvm_read(task, BASE + start, data, size, MACHVM_TRANSACTION);
	if (kr != KERN_SUCCESS) {
		if (!expected_code(unrest, kr))
			expect_code(kr, unrest->codes[0]);
		memset(before, 0, SIZE);
		expect_bytes(data, before, SIZE);
		return;
	}
	for (size_t at = start; at < start + size; at++)
		if (!restless(unrest, at) && data[at - start] != expect[at])
			fail_case("byte %zu of the read is %#x, expected %#x", at - start,
				  data[at - start], expect[at]);
}

static void run(const struct unrest *unrest)
{
	uint64_t operations = random_setting("MACHVM_TEST_OPERATIONS",
					     harness_is_valgrind() ? 100 : 3000);
	uint64_t answers[3] = {0}, rounds;

	random_start();
	start_unrest(unrest);
	for (unsigned number = 0; number < operations; number++) {
		write_once(unrest, number, answers);
		if (number % 4 == 0)
			read_once(unrest);
	}
	rounds = victim_ask(victim, "churn-stop");
	print_message("%s: %llu whole, %llu refused, %llu aborted, %llu changes of the map\n",
		      unrest->mode[0], (unsigned long long)answers[0],
		      (unsigned long long)answers[1], (unsigned long long)answers[2],
		      (unsigned long long)rounds);
	/* Peace: everything can be written again, and is. */
	memset(data, 0x55, SIZE);
	expect_code(machvm_write(task, BASE, data, SIZE, MACHVM_TRANSACTION), KERN_SUCCESS);
	look();
	expect_bytes(now, data, SIZE);
}

static void protecting_target_is_written_whole_or_taken_back(void **state)
{
	run(&(struct unrest){{"protect"}, {KERN_PROTECTION_FAILURE}});
}

static void unmapping_target_is_written_whole_or_taken_back(void **state)
{
	run(&(struct unrest){{"remap"}, {KERN_INVALID_ADDRESS}});
}

/* The map is never without the pages: there is nothing to refuse. */
static void replacing_target_is_written_whole(void **state)
{
	run(&(struct unrest){{"replace"}, {KERN_ABORTED}});
}

static void moving_target_is_written_whole_or_taken_back(void **state)
{
	run(&(struct unrest){{"move"}, {KERN_INVALID_ADDRESS}});
}

static void replacing_and_protecting_target_is_written_whole_or_taken_back(void **state)
{
	run(&(struct unrest){{"replace", "protect"}, {KERN_PROTECTION_FAILURE}});
}

static void storing_and_protecting_target_is_written_whole_or_taken_back(void **state)
{
	run(&(struct unrest){{"store", "protect"}, {KERN_PROTECTION_FAILURE}});
}

static void storing_and_unmapping_target_is_written_whole_or_taken_back(void **state)
{
	run(&(struct unrest){{"store", "remap"}, {KERN_INVALID_ADDRESS}});
}

static const struct CMUnitTest tests[] = {
	TEST(protecting_target_is_written_whole_or_taken_back),
	TEST(unmapping_target_is_written_whole_or_taken_back),
	TEST(replacing_target_is_written_whole),
	TEST(moving_target_is_written_whole_or_taken_back),
	TEST(replacing_and_protecting_target_is_written_whole_or_taken_back),
	TEST(storing_and_protecting_target_is_written_whole_or_taken_back),
	TEST(storing_and_unmapping_target_is_written_whole_or_taken_back),
};

HARNESS_MAIN(tests)
