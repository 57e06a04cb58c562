/* SPDX-License-Identifier: MIT */
/*
 * MACHVM_FORCE: private memory is written whatever its protection, through a
 * copy of the page, so that a mapped file never changes. Shared memory and
 * guards stay refused. Protections are what they were, afterwards.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

static struct ground ground, local;

static char *victim_map(struct victim *victim)
{
	uint64_t size = victim_ask(victim, "maps");
	char *text = calloc(1, size + 1);

	victim_bytes(victim, text, size);
	return text;
}

/* The lines of the ground itself, which a forced write must not change. */
static char *ground_map(void)
{
	char *text = victim_map(ground.victim), *lines = calloc(1, strlen(text) + 1);
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL) {
		uint64_t start = strtoull(line, NULL, 16);

		if (start >= ground.base && start < ground.base + ground.pages * PAGE) {
			strcat(lines, line);
			strcat(lines, "\n");
		}
	}
	free(text);
	return lines;
}

static void try_force(const struct page_kind *kind)
{
	static const struct {
		uint64_t start, size;
	} spans[] = {{2 * PAGE + 100, 8}, {2 * PAGE, PAGE}, {PAGE + 4000, 2 * PAGE}};
	static uint64_t seed;

	for (unsigned i = 0; i < ARRAY_SIZE(spans); i++) {
		uint64_t address = ground.base + spans[i].start, buffer = local.base + PAGE + 9, bad;
		size_t size = spans[i].size;
		uint8_t *data = ground_pointer(&local, buffer);
		kern_return_t want;

		trying("forced read of %zu bytes over %s in %s", size, kind->name, ground.name);
		want = ground_judge(&ground, ACCESS_READ, true, address, size, &bad);
		expect_code(machvm_read(ground.task, address, data, size,
					MACHVM_FORCE | MACHVM_NOWAIT), want);
		if (want == KERN_SUCCESS)
			memcpy(ground_expect(&local, buffer), ground_expect(&ground, address), size);
		else
			expect_detail(want, bad);
		ground_verify(&local);

		trying("forced write of %zu bytes over %s in %s", size, kind->name, ground.name);
		want = ground_judge(&ground, ACCESS_WRITE, true, address, size, &bad);
		pattern_fill(data, address, size, ++seed);
		memcpy(ground_expect(&local, buffer), data, size);
		expect_code(machvm_write(ground.task, address, data, size,
					 MACHVM_FORCE | MACHVM_NOWAIT), want);
		if (want == KERN_SUCCESS)
			memcpy(ground_expect(&ground, address), data, size);
		else
			expect_detail(want, bad);
		ground_verify(&ground);
	}
}

static void try_force_and_map(const struct page_kind *kind)
{
	char *before, *after;

	if (ground.victim == NULL) {
		try_force(kind);
		return;
	}
	before = ground_map();
	try_force(kind);
	after = ground_map();
	trying("the map around %s", kind->name);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void try_kinds(enum place place)
{
	for (unsigned i = 0; i < page_kind_count; i++) {
		ground_open(&ground, place, 8);
		ground_open_local(&local, 8);
		ground_lay(&local, 1, 6, "rw");
		ground_lay(&ground, 0, 8, "rw");
		if (ground_lay(&ground, 2, 1, page_kinds[i].name))
			try_force_and_map(&page_kinds[i]);
		ground_close(&ground);
		ground_close(&local);
	}
}

static void force_in_victim_ignores_protections_of_private_pages_only(void **state)
{
	try_kinds(PLACE_VICTIM);
}

static void force_in_32_bit_victim_ignores_protections_of_private_pages_only(void **state)
{
	try_kinds(PLACE_VICTIM_32);
}

static void force_in_own_task_ignores_protections_of_private_pages_only(void **state)
{
	try_kinds(PLACE_OWN);
}

static void forced_write_leaves_the_mapped_file_alone(void **state)
{
	static const char *const kinds[] = {"file-ro", "file-rx", "file-rw"};
	uint8_t data[PAGE], file[2 * PAGE];

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		trying("%s", kinds[i]);
		ground_open(&ground, PLACE_VICTIM, 2);
		ground_lay(&ground, 0, 2, kinds[i]);
		memset(data, 0xc3, sizeof(data));
		expect_number(victim_ask(ground.victim, "file %llx 2000",
					 (unsigned long long)ground.base), 2 * PAGE);
		victim_bytes(ground.victim, file, 2 * PAGE);
		expect_bytes(file, ground.expect, 2 * PAGE);
		expect_code(machvm_write(ground.task, ground.base + 1000, data, PAGE, MACHVM_FORCE),
			    KERN_SUCCESS);
		expect_number(victim_ask(ground.victim, "file %llx 2000",
					 (unsigned long long)ground.base), 2 * PAGE);
		victim_bytes(ground.victim, file, 2 * PAGE);
		expect_bytes(file, ground.expect, 2 * PAGE);
		memcpy(ground_expect(&ground, ground.base + 1000), data, PAGE);
		ground_verify(&ground);
		ground_close(&ground);
	}
}

/* The program text of the victim, as a debugger that sets a breakpoint changes it. */
static void forced_write_reaches_program_text_and_can_be_taken_back(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	char *map = victim_map(victim), *line, *rest = map;
	uint64_t text = 0, before;
	uint8_t old[8], trap[8], now[8];

	while (text == 0 && (line = strsep(&rest, "\n")) != NULL)
		if (strstr(line, " r-xp ") != NULL && strstr(line, "/victim") != NULL)
			text = strtoull(line, NULL, 16);
	assert_int_not_equal(text, 0);
	before = victim_ask(victim, "sum %llx 1000", (unsigned long long)text);
	expect_code(machvm_read(task, text + 16, old, 8, 0), KERN_SUCCESS);
	memset(trap, 0xcc, sizeof(trap));
	expect_code(machvm_write(task, text + 16, trap, 8, 0), KERN_PROTECTION_FAILURE);
	expect_detail(KERN_PROTECTION_FAILURE, text + 16);
	expect_number(victim_ask(victim, "sum %llx 1000", (unsigned long long)text), before);
	/* The first bytes of the text are startup code: nobody comes there again. */
	expect_code(machvm_write(task, text + 16, trap, 8, MACHVM_FORCE), KERN_SUCCESS);
	expect_code(machvm_read(task, text + 16, now, 8, 0), KERN_SUCCESS);
	expect_bytes(now, trap, 8);
	assert_int_not_equal(victim_ask(victim, "sum %llx 1000", (unsigned long long)text), before);
	expect_code(machvm_write(task, text + 16, old, 8, MACHVM_FORCE), KERN_SUCCESS);
	expect_number(victim_ask(victim, "sum %llx 1000", (unsigned long long)text), before);
	free(map);
}

/* Larger than any piece, with one page in the middle that cannot be forced. */
static void large_forced_write_is_whole_or_nothing(void **state)
{
	const uint64_t base = 0x100000000000u, size = 5 << 20;
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint8_t *data = malloc(size);
	uint64_t before, bad = base + size - 3 * PAGE;

	victim_ask(victim, "lay ro %llx %llx 1", (unsigned long long)base,
		   (unsigned long long)(size / PAGE));
	victim_ask(victim, "lay shared-ro %llx 1 2", (unsigned long long)bad);
	before = victim_ask(victim, "sum %llx %llx", (unsigned long long)base,
			    (unsigned long long)size);
	pattern_fill(data, base, size, 3);
	expect_code(machvm_write(task, base + 1, data, size - 1, MACHVM_FORCE),
		    KERN_PROTECTION_FAILURE);
	expect_detail(KERN_PROTECTION_FAILURE, bad);
	expect_number(victim_ask(victim, "sum %llx %llx", (unsigned long long)base,
				 (unsigned long long)size), before);
	victim_ask(victim, "lay ro %llx 1 2", (unsigned long long)bad);
	expect_code(machvm_write(task, base, data, size, MACHVM_FORCE), KERN_SUCCESS);
	expect_number(victim_ask(victim, "sum %llx %llx", (unsigned long long)base,
				 (unsigned long long)size), pattern_sum(data, size, 0));
	free(data);
}

/* The old bytes are kept, although the target itself could not read them. */
static void transaction_takes_no_permission_to_read(void **state)
{
	static uint8_t bytes[2 * 4096];

	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 2, "shared-rw");
	ground_lay(&ground, 2, 2, "rw");
	victim_ask(ground.victim, "protect %llx 4000 2", (unsigned long long)ground.base);
	for (unsigned page = 0; page < 4; page += 2) {
		uint64_t address = ground.base + page * PAGE;

		pattern_fill(bytes, address, sizeof(bytes), 77);
		expect_code(machvm_write(ground.task, address, bytes, sizeof(bytes),
					 MACHVM_TRANSACTION),
			    KERN_SUCCESS);
		memcpy(ground_expect(&ground, address), bytes, sizeof(bytes));
	}
	victim_ask(ground.victim, "protect %llx 4000 3", (unsigned long long)ground.base);
	ground_verify(&ground);
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(transaction_takes_no_permission_to_read),
	TEST(force_in_victim_ignores_protections_of_private_pages_only),
	TEST(force_in_32_bit_victim_ignores_protections_of_private_pages_only),
	TEST(force_in_own_task_ignores_protections_of_private_pages_only),
	TEST(forced_write_leaves_the_mapped_file_alone),
	TEST(forced_write_reaches_program_text_and_can_be_taken_back),
	TEST(large_forced_write_is_whole_or_nothing),
};

HARNESS_MAIN(tests)
