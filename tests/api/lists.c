/* SPDX-License-Identifier: MIT */
/*
 * Lists of ranges against a ground of good and bad pages. What a list must do is
 * worked out entry by entry on a model; the ground's owner reports what happened.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#define PAGES   16u
#define ENTRIES 48u
#define ROOM    (ENTRIES * 3 * PAGE)

static struct ground ground;
static struct machvm_range list[ENTRIES];
static uint8_t *local, *model;
static uint64_t number;

static unsigned below(unsigned limit)
{
	return (unsigned)(pattern_word(4711, ++number) % limit);
}

/* Two grounds in five have nothing bad in them. */
static void lay_pages(void)
{
	static const char *const kinds[] = {"hole", "ro", "guard", "eof-shared", "secret", "none",
					    "fresh", "eof-private"};
	unsigned bad = below(5) < 2 ? 0 : 1 + below(3);

	ground_lay(&ground, 0, PAGES, "rw");
	while (bad--)
		ground_lay(&ground, below(PAGES), 1, kinds[below(ARRAY_SIZE(kinds))]);
}

/* Where an entry's bytes are here: each in a place of its own, or in one that others use too. */
static void make_list(unsigned count, bool own_places)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned size = below(4) ? below(40) : below(2 * PAGE + 1);
		uint64_t at = below((unsigned)(PAGES * PAGE) - size + 1);

		list[i] = (struct machvm_range){
			.address = ground.base + at,
			.data = local + (own_places ? i * 3 * PAGE + below(PAGE / 2)
						    : below(ROOM - size)),
			.size = size,
			.result = 0x5e5e,
		};
	}
	pattern_fill(local, number, ROOM, number);
	memcpy(model, local, ROOM);
}

static uint8_t *modelled(const void *data)
{
	return model + ((const uint8_t *)data - local);
}

static void apply(enum access access, const struct machvm_range *entry)
{
	uint8_t *there = ground_expect(&ground, entry->address);

	if (access == ACCESS_WRITE)
		memcpy(there, modelled(entry->data), (size_t)entry->size);
	else
		memcpy(modelled(entry->data), there, (size_t)entry->size);
}

static kern_return_t run(enum access access, unsigned count, unsigned flags)
{
	return access == ACCESS_WRITE ? machvm_write_list(ground.task, list, count, flags)
				      : machvm_read_list(ground.task, list, count, flags);
}

static void expect_contents(void)
{
	ground_verify(&ground);
	expect_bytes(local, model, ROOM);
}

/* One operation: the lowest bad address decides, and then nothing has changed. */
static void try_whole(enum access access, unsigned count, unsigned flags)
{
	uint64_t lowest = UINT64_MAX;
	kern_return_t want = KERN_SUCCESS;

	for (unsigned i = 0; i < count; i++) {
		uint64_t bad;
		kern_return_t code = ground_judge(&ground, access, flags & MACHVM_FORCE,
						  list[i].address, list[i].size, &bad);

		if (code != KERN_SUCCESS && bad < lowest) {
			lowest = bad;
			want = code;
		}
	}
	expect_code(run(access, count, flags), want);
	if (want != KERN_SUCCESS)
		expect_detail(want, lowest);
	for (unsigned i = 0; i < count; i++) {
		expect_number(list[i].result, 0x5e5e);
		if (want == KERN_SUCCESS)
			apply(access, &list[i]);
	}
	expect_contents();
}

static void try_each(enum access access, unsigned count, unsigned flags)
{
	kern_return_t want = KERN_SUCCESS;
	kern_return_t got = run(access, count, flags | MACHVM_EACH);
	uint64_t first = 0;

	for (unsigned i = 0; i < count; i++) {
		uint64_t bad;
		kern_return_t code = ground_judge(&ground, access, flags & MACHVM_FORCE,
						  list[i].address, list[i].size, &bad);

		trying("entry %u of %u: %llu bytes at +%#llx", i, count,
		       (unsigned long long)list[i].size,
		       (unsigned long long)(list[i].address - ground.base));
		expect_code(list[i].result, code);
		if (code == KERN_SUCCESS)
			apply(access, &list[i]);
		if (want == KERN_SUCCESS && code != KERN_SUCCESS)
			first = bad;
		if (want == KERN_SUCCESS)
			want = code;
	}
	expect_code(got, want);
	if (want != KERN_SUCCESS)
		expect_detail(want, first);
	expect_contents();
}

static void try_many(enum place place, enum access access, unsigned flags,
		     void (*attempt)(enum access, unsigned, unsigned))
{
	local = malloc(ROOM);
	model = malloc(ROOM);
	ground_open(&ground, place, PAGES);
	for (unsigned round = 0; round < 250 / harness_share(); round++) {
		unsigned count = round % 7 ? 1 + below(ENTRIES) : below(3);

		lay_pages();
		make_list(count, round % 3);
		trying("round %u in %s: %s, flags %#x", round, ground.name,
		       access == ACCESS_WRITE ? "write" : "read", flags);
		attempt(access, count, flags);
	}
	ground_close(&ground);
	free(local);
	free(model);
}

static void try_places(unsigned flags, void (*attempt)(enum access, unsigned, unsigned))
{
	for (enum place place = 0; place < place_count(); place++) {
		try_many(place, ACCESS_WRITE, flags, attempt);
		try_many(place, ACCESS_READ, flags, attempt);
	}
}

static void list_is_done_whole_or_not_at_all(void **state)
{
	try_places(0, try_whole);
}

static void list_in_transaction_is_done_whole_or_not_at_all(void **state)
{
	try_places(MACHVM_TRANSACTION, try_whole);
}

static void list_that_waits_for_nothing_is_done_whole_or_not_at_all(void **state)
{
	try_places(MACHVM_NOWAIT, try_whole);
}

static void list_by_force_is_done_whole_or_not_at_all(void **state)
{
	try_places(MACHVM_FORCE, try_whole);
}

static void each_entry_by_force_gets_its_own_answer(void **state)
{
	try_places(MACHVM_FORCE, try_each);
}

static void each_entry_gets_its_own_answer(void **state)
{
	try_places(0, try_each);
}

static void each_entry_in_transaction_gets_its_own_answer(void **state)
{
	try_places(MACHVM_TRANSACTION, try_each);
}

/* Buffers of ours that are bad come before anything that is wrong in the target. */
static void bad_buffer_moves_nothing_or_only_its_own_entry(void **state)
{
	static struct ground buffers;
	static const char *const kinds[] = {"hole", "none", "guard"};

	ground_open(&ground, PLACE_VICTIM, PAGES);
	ground_open_local(&buffers, 8);
	for (unsigned round = 0; round < 60; round++) {
		unsigned bad = 1 + below(20), count = bad + 1 + below(20);
		bool each = round % 2;

		ground_lay(&ground, 0, PAGES, "rw");
		ground_lay(&buffers, 0, 8, "rw");
		ground_lay(&buffers, 5, 1, kinds[round % 3]);
		for (unsigned i = 0; i < count; i++)
			list[i] = (struct machvm_range){
				.address = ground.base + (i * 7 % 40) * 128,
				.data = ground_pointer(&buffers, buffers.base + i * 64),
				.size = 8};
		list[bad].data = ground_pointer(&buffers, buffers.base + 5 * PAGE - 4);
		trying("entry %u of %u has a bad buffer: %s", bad, count, each ? "each" : "whole");
		if (!each)
			ground_lay(&ground, 0, 1, "hole");
		expect_code(machvm_write_list(ground.task, list, count, each ? MACHVM_EACH : 0),
			    MACH_SEND_INVALID_MEMORY);
		expect_detail(MACH_SEND_INVALID_MEMORY, 0);
		for (unsigned i = 0; each && i < count; i++) {
			expect_code(list[i].result,
				    i == bad ? MACH_SEND_INVALID_MEMORY : KERN_SUCCESS);
			if (i != bad)
				memcpy(ground_expect(&ground, list[i].address),
				       ground_expect(&buffers, buffers.base + i * 64), 8);
		}
		ground_verify(&ground);
	}
	ground_close(&ground);
	ground_close(&buffers);
}

static void list_without_entries_or_bytes_succeeds(void **state)
{
	ground_open(&ground, PLACE_VICTIM, PAGES);
	ground_lay(&ground, 0, PAGES, "rw");
	expect_code(machvm_write_list(ground.task, NULL, 0, 0), KERN_SUCCESS);
	expect_code(machvm_read_list(ground.task, NULL, 0, MACHVM_EACH), KERN_SUCCESS);
	for (unsigned i = 0; i < 4; i++)
		list[i] = (struct machvm_range){.address = i << 20, .result = 1};
	expect_code(machvm_write_list(ground.task, list, 4, MACHVM_EACH), KERN_SUCCESS);
	for (unsigned i = 0; i < 4; i++)
		expect_code(list[i].result, KERN_SUCCESS);
	ground_verify(&ground);
	ground_close(&ground);
}

static void list_that_cannot_be_read_is_invalid_memory(void **state)
{
	static struct ground lists;
	struct machvm_range *here;

	ground_open(&ground, PLACE_VICTIM, PAGES);
	ground_open_local(&lists, 4);
	ground_lay(&ground, 0, PAGES, "rw");
	ground_lay(&lists, 0, 2, "rw");
	here = ground_pointer(&lists, lists.base + 2 * PAGE - sizeof *here);
	expect_code(machvm_write_list(ground.task, here, 2, 0), MACH_SEND_INVALID_MEMORY);
	expect_code(machvm_read_list(ground.task, NULL, 1, 0), MACH_SEND_INVALID_MEMORY);
	expect_code(machvm_read_list(ground.task, here, SIZE_MAX / 8, 0), MACH_SEND_INVALID_MEMORY);
	/* Its results cannot be written. */
	memset(here, 0, sizeof *here);
	memcpy(ground_expect(&lists, (uintptr_t)here), here, sizeof *here);
	ground_lay(&lists, 1, 1, "ro");
	expect_code(machvm_write_list(ground.task, here, 1, MACHVM_EACH), MACH_SEND_INVALID_MEMORY);
	ground_verify(&ground);
	ground_close(&ground);
	ground_close(&lists);
}

static void wrong_task_or_flag_leaves_results_alone(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), reader;
	uint64_t word = 1;

	list[0] = (struct machvm_range){.address = 4096, .data = &word, .size = 8, .result = 77};
	expect_code(task_read_for_pid(mach_task_self(), victim->pid, &reader), KERN_SUCCESS);
	expect_code(machvm_write_list(reader, list, 1, MACHVM_EACH), KERN_INVALID_ARGUMENT);
	expect_code(machvm_write_list(MACH_PORT_NULL, list, 1, MACHVM_EACH), MACH_SEND_INVALID_DEST);
	expect_code(machvm_write_list(mach_host_self(), list, 1, MACHVM_EACH),
		    KERN_INVALID_ARGUMENT);
	expect_code(machvm_write_list(task, list, 1, 1u << 20), KERN_INVALID_ARGUMENT);
	victim_kill(victim);
	expect_code(machvm_write_list(task, list, 1, MACHVM_EACH), MACH_SEND_INVALID_DEST);
	expect_code(machvm_read_list(task, list, 0, 0), MACH_SEND_INVALID_DEST);
	expect_number(list[0].result, 77);
}

static void range_that_wraps_is_an_invalid_address(void **state)
{
	uint64_t words[2] = {1, 2};

	ground_open(&ground, PLACE_VICTIM, PAGES);
	ground_lay(&ground, 0, PAGES, "rw");
	for (unsigned flags = 0; flags <= MACHVM_EACH; flags += MACHVM_EACH) {
		list[0] = (struct machvm_range){ground.base, &words[0], flags ? 0 : 8, 0};
		list[1] = (struct machvm_range){UINT64_MAX - 3, &words[1], 8, 0};
		expect_code(machvm_write_list(ground.task, list, 2, flags), KERN_INVALID_ADDRESS);
		expect_detail(KERN_INVALID_ADDRESS, UINT64_MAX - 3);
	}
	ground_verify(&ground);
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(list_is_done_whole_or_not_at_all),
	TEST(list_in_transaction_is_done_whole_or_not_at_all),
	TEST(list_that_waits_for_nothing_is_done_whole_or_not_at_all),
	TEST(list_by_force_is_done_whole_or_not_at_all),
	TEST(each_entry_by_force_gets_its_own_answer),
	TEST(each_entry_gets_its_own_answer),
	TEST(each_entry_in_transaction_gets_its_own_answer),
	TEST(bad_buffer_moves_nothing_or_only_its_own_entry),
	TEST(list_without_entries_or_bytes_succeeds),
	TEST(list_that_cannot_be_read_is_invalid_memory),
	TEST(wrong_task_or_flag_leaves_results_alone),
	TEST(range_that_wraps_is_an_invalid_address),
};

HARNESS_MAIN(tests)
