/* SPDX-License-Identifier: MIT */
/*
 * Searching a target's memory. Where the matches are is worked out byte by byte
 * from what the test knows to be in the pages.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#define PAGES 15u
#define BASE  0x100000000000u
#define ROOM  ((size_t)72 << 20) /* more than the library looks at in one go */

static struct ground ground;
static uint64_t number;

static unsigned below(unsigned limit)
{
	return (unsigned)(pattern_word(1147, ++number) % limit);
}

struct matches {
	uint64_t *at;
	size_t count, room, limit;
	uint64_t passed;
};

static int on_match(void *context, mach_vm_address_t address)
{
	struct matches *matches = context;

	if (matches->count < matches->room)
		matches->at[matches->count] = address;
	return ++matches->count == matches->limit;
}

static int on_progress(void *context, mach_vm_size_t passed)
{
	((struct matches *)context)->passed += passed;
	return 0;
}

static bool readable(unsigned page, bool force)
{
	const struct page_kind *kind = ground.kind[page];

	return (force ? kind->forced_read : kind->read) == KERN_SUCCESS;
}

/* Does it lie at this place of the ground, whole and in pages that can be read? */
static bool lies_at(size_t at, const uint8_t *bytes, const uint8_t *mask, size_t size, bool force)
{
	if (at + size > PAGES * PAGE)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!readable((unsigned)((at + i) / PAGE), force))
			return false;
		if ((ground.expect[at + i] ^ bytes[i]) & (mask ? mask[i] : 0xff))
			return false;
	}
	return true;
}

static void compare(struct machvm_find *find, struct matches *matches)
{
	/* Nobody traces himself, where that is what force takes. */
	bool force = find->flags & MACHVM_FORCE && (ground.victim != NULL || harness_forces());
	size_t alignment = find->alignment ? find->alignment : 1, n = 0;
	struct machvm_range range = {.address = ground.base, .size = PAGES * PAGE};

	*matches = (struct matches){.at = matches->at, .room = matches->room};
	find->ranges = &range;
	find->range_count = 1;
	find->match = on_match;
	find->progress = on_progress;
	find->context = matches;
	expect_code(machvm_find(ground.task, find), KERN_SUCCESS);
	for (size_t at = 0; at < PAGES * PAGE; at++) {
		if ((ground.base + at) % alignment ||
		    !lies_at(at, find->bytes, find->mask, find->size, force))
			continue;
		if (n >= matches->count)
			fail_case("the match at +%#zx was not found, nor any behind it", at);
		if (n < matches->room)
			expect_number(matches->at[n] - ground.base, at);
		n++;
	}
	expect_number(matches->count, n);
}

static void lay_pages(void)
{
	static const char *const kinds[] = {"hole", "guard", "eof-shared", "none", "fresh", "fresh",
					    "shared-rw", "file-rw"};

	ground_lay(&ground, 0, PAGES, "rw");
	for (unsigned i = below(6); i > 0; i--)
		ground_lay(&ground, below(PAGES), 1 + below(2), kinds[below(ARRAY_SIZE(kinds))]);
}

static void search_grounds(unsigned flags)
{
	static uint64_t places[PAGES * PAGE];

	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, PAGES + 1);
		ground.pages = PAGES;
		for (unsigned round = 0; round < 120; round++) {
			size_t size = round % 5 ? 1 + below(20) : 1 + below(2 * PAGE);
			size_t at = below((unsigned)(PAGES * PAGE - size));
			uint8_t mask[2 * PAGE + 1];
			struct machvm_find find = {.bytes = ground.expect + at, .size = size,
						   .flags = flags, .alignment = below(3) ? 0 : 1u << below(4)};
			struct matches matches = {.at = places, .room = PAGES * PAGE};

			lay_pages();
			for (size_t i = 0; i < size; i++)
				mask[i] = (uint8_t)(below(4) ? 0xff : below(256));
			find.mask = round % 3 ? NULL : mask;
			/* Numbers at their own size. */
			if (round % 7 == 0)
				find = (struct machvm_find){.bytes = ground.expect + at / 8 * 8,
							    .size = 2u << below(3), .flags = flags};
			if (round % 7 == 0)
				find.alignment = find.size;
			trying("%zu bytes of +%#zx in %s, round %u", find.size, at, ground.name, round);
			compare(&find, &matches);
		}
		ground.pages = PAGES + 1;
		ground_close(&ground);
	}
}

static void every_match_is_found_in_its_order(void **state)
{
	machvm_set_threads(3);
	search_grounds(0);
}

static void search_that_does_not_wait_finds_the_same(void **state)
{
	search_grounds(MACHVM_NOWAIT);
}

static void search_by_force_finds_what_the_target_may_not_read(void **state)
{
	search_grounds(MACHVM_FORCE);
	machvm_set_threads(0);
}

/* Over the borders of whatever the library reads at once, by one thread or several. */
static void match_anywhere_in_a_large_region_is_found(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint8_t *model = malloc(ROOM);

	victim_ask(victim, "lay rw %llx %zx 77", (unsigned long long)BASE, ROOM / PAGE);
	pattern_fill(model, BASE, ROOM, 0x77);
	for (unsigned i = 0; i < 40; i++) {
		size_t size = 16 + below(5000), at = below((unsigned)(ROOM - size));
		uint64_t place = 0;
		struct matches matches = {.at = &place, .room = 1};
		struct machvm_find find = {.bytes = model + at, .size = size, .match = on_match,
					   .context = &matches, .progress = on_progress};

		/* Across a multiple of 128 KiB or of 32 MiB, which are good sizes for pieces. */
		if (i % 2)
			at = (at >> (i % 4 == 1 ? 17 : 25) << (i % 4 == 1 ? 17 : 25)) - size / 2;
		if (at > ROOM - size)
			at = ROOM - size;
		find.bytes = model + at;
		machvm_set_threads(1 + i % 4);
		trying("%zu bytes at +%#zx", size, at);
		expect_code(machvm_find(task, &find), KERN_SUCCESS);
		expect_number(matches.count, 1);
		expect_number(place, BASE + at);
	}
	machvm_set_threads(0);
	free(model);
}

/* More matches than anybody wants to keep: still every one, and in order. */
static void dense_matches_are_all_told(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	struct machvm_range range = {.address = BASE, .size = 1 << 20};
	uint64_t *places = calloc(1 << 20, sizeof *places);
	struct matches matches = {.at = places, .room = 1 << 20};
	struct machvm_find find = {.bytes = "", .size = 1, .match = on_match, .context = &matches,
				   .ranges = &range, .range_count = 1};

	victim_ask(victim, "lay fresh %llx 100 0", (unsigned long long)BASE);
	expect_code(machvm_find(task, &find), KERN_SUCCESS);
	expect_number(matches.count, 1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		if (places[i] != BASE + i)
			fail_case("match %zu is told at %#llx", i, (unsigned long long)places[i]);
	/* And whoever has enough ends it. */
	matches = (struct matches){.at = places, .room = 1 << 20, .limit = 5000};
	expect_code(machvm_find(task, &find), KERN_SUCCESS);
	expect_number(matches.count, 5000);
	free(places);
}

/* Looking for something other than zeros makes no page of the target exist. */
static void memory_that_was_never_touched_stays_untouched(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	struct machvm_range range = {.address = BASE, .size = 64 * PAGE};
	struct matches matches = {.room = 0};
	struct machvm_find find = {.bytes = "\1\2\3", .size = 3, .match = on_match,
				   .context = &matches, .ranges = &range, .range_count = 1,
				   .progress = on_progress};

	victim_ask(victim, "lay fresh %llx 40 0", (unsigned long long)BASE);
	expect_code(machvm_find(task, &find), KERN_SUCCESS);
	expect_number(matches.passed, 64 * PAGE);
	for (unsigned i = 0; i < 64; i++) {
		integer_t disposition, references;

		expect_code(mach_vm_page_query(task, BASE + i * PAGE, &disposition, &references),
			    KERN_SUCCESS);
		expect_number(disposition & VM_PAGE_QUERY_PAGE_PRESENT, 0);
	}
}

static void wrong_request_is_refused(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), name;
	struct machvm_range ranges[2] = {{.address = 8192, .size = 4096}, {.address = 4096, .size = 4096}};
	struct matches matches = {.room = 0};
	const struct machvm_find good = {.bytes = "x", .size = 1, .match = on_match, .context = &matches};
	struct machvm_find find = good;

	find.size = 0;
	expect_code(machvm_find(task, &find), KERN_INVALID_ARGUMENT);
	find.size = MACHVM_FIND_SIZE + 1;
	expect_code(machvm_find(task, &find), KERN_INVALID_ARGUMENT);
	find = good;
	find.match = NULL;
	expect_code(machvm_find(task, &find), KERN_INVALID_ARGUMENT);
	find = good;
	find.flags = MACHVM_EACH;
	expect_code(machvm_find(task, &find), KERN_INVALID_ARGUMENT);
	find = good;
	find.ranges = ranges;
	find.range_count = 2;
	expect_code(machvm_find(task, &find), KERN_INVALID_ARGUMENT);
	find = good;
	find.bytes = (const void *)(uintptr_t)1;
	expect_code(machvm_find(task, &find), MACH_SEND_INVALID_MEMORY);
	find = good;
	expect_code(task_inspect_for_pid(mach_task_self(), victim->pid, &name), KERN_SUCCESS);
	expect_code(machvm_find(name, &find), KERN_INVALID_ARGUMENT);
	expect_code(machvm_find(MACH_PORT_NULL, &find), MACH_SEND_INVALID_DEST);
	victim_kill(victim);
	expect_code(machvm_find(task, &find), MACH_SEND_INVALID_DEST);
	expect_number(matches.count, 0);
}

static const struct CMUnitTest tests[] = {
	TEST(every_match_is_found_in_its_order),
	TEST(search_that_does_not_wait_finds_the_same),
	TEST(search_by_force_finds_what_the_target_may_not_read),
	TEST(match_anywhere_in_a_large_region_is_found),
	TEST(dense_matches_are_all_told),
	TEST(memory_that_was_never_touched_stays_untouched),
	TEST(wrong_request_is_refused),
};

HARNESS_MAIN(tests)
