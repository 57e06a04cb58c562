/* SPDX-License-Identifier: MIT */
/*
 * Every kind of page against every spelling of every routine, alone, with
 * MACHVM_FORCE, and in pairs, where the lower of two bad pages decides.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

/* The page in question is page 2; the transfer begins before it and ends behind it. */
#define START (PAGE + 4000u)
#define SIZE  (PAGE + 500u)

static struct ground ground, local;

static void open_grounds(enum place place)
{
	ground_open(&ground, place, 16);
	ground_open_local(&local, 8);
	ground_lay(&local, 1, 6, "rw");
}

static void close_grounds(void)
{
	ground_close(&ground);
	ground_close(&local);
}

static void expect_read(const struct call *call, uint64_t address, uint64_t size)
{
	uint64_t to = local.base + PAGE + 77, bad;
	kern_return_t want = ground_judge(&ground, ACCESS_READ, false, address, size, &bad);

	trying("%s in %s, %llu bytes over %s", call->name, ground.name, (unsigned long long)size,
	       ground.kind[2]->name);
	expect_code(call->run(ground.task, address, ground_pointer(&local, to), size), want);
	if (want == KERN_SUCCESS)
		memcpy(ground_expect(&local, to), ground_expect(&ground, address), size);
	else
		expect_detail(want, bad);
	ground_verify(&local);
	ground_verify(&ground);
}

static void expect_write(const struct call *call, uint64_t address, uint64_t size)
{
	static uint64_t seed;
	uint64_t from = local.base + PAGE + 77, bad;
	uint8_t *data = ground_pointer(&local, from);
	kern_return_t want = ground_judge(&ground, ACCESS_WRITE, false, address, size, &bad);

	trying("%s in %s, %llu bytes over %s", call->name, ground.name, (unsigned long long)size,
	       ground.kind[2]->name);
	pattern_fill(data, address, size, ++seed);
	memcpy(ground_expect(&local, from), data, size);
	expect_code(call->run(ground.task, address, data, size), want);
	if (want == KERN_SUCCESS)
		memcpy(ground_expect(&ground, address), data, size);
	else
		expect_detail(want, bad);
	ground_verify(&ground);
}

static void expect_copy(uint64_t source, uint64_t dest, uint64_t size)
{
	uint64_t bad;
	kern_return_t want = ground_judge(&ground, ACCESS_READ, false, source, size, &bad);

	if (want == KERN_SUCCESS)
		want = ground_judge(&ground, ACCESS_WRITE, false, dest, size, &bad);
	for (unsigned i = 0; i < copy_call_count; i++) {
		trying("%s in %s, %llu bytes, %s from page %llu to page %llu", copy_calls[i].name,
		       ground.name, (unsigned long long)size, ground.kind[2]->name,
		       (unsigned long long)((source - ground.base) / PAGE),
		       (unsigned long long)((dest - ground.base) / PAGE));
		expect_code(copy_calls[i].run(ground.task, source, size, dest), want);
		if (want == KERN_SUCCESS)
			memmove(ground_expect(&ground, dest), ground_expect(&ground, source), size);
		else
			expect_detail(want, bad);
		ground_verify(&ground);
	}
}

/* Inside the page, from before it into it, out of it, and over it whole. */
static const struct {
	uint64_t start, size;
} spans[] = {
	{2 * PAGE + 100, 8}, {START, 200}, {2 * PAGE + 4000, 200}, {START, SIZE}, {2 * PAGE, PAGE},
};

static void try_kind(const struct page_kind *kind)
{
	bool waits = kind->flags & KIND_WAITS && kind->read != KERN_SUCCESS;
	bool write_waits = kind->flags & KIND_WAITS;

	for (unsigned span = 0; span < ARRAY_SIZE(spans); span++) {
		uint64_t address = ground.base + spans[span].start, size = spans[span].size;

		for (unsigned i = 0; i < read_call_count; i++)
			if (!waits || read_calls[i].no_wait)
				expect_read(&read_calls[i], address, size);
		for (unsigned i = 0; i < write_call_count; i++)
			if (!write_waits || write_calls[i].no_wait)
				expect_write(&write_calls[i], address, size);
		if (waits || write_waits)
			continue;
		expect_copy(address, ground.base + 8 * PAGE + 10, size);
		expect_copy(ground.base + 8 * PAGE + 10, address, size);
	}
}

static void try_kinds(enum place place)
{
	for (unsigned i = 0; i < page_kind_count; i++) {
		open_grounds(place);
		ground_lay(&ground, 0, 16, "rw");
		if (ground_lay(&ground, 2, 1, page_kinds[i].name))
			try_kind(&page_kinds[i]);
		else
			print_message("no %s pages in %s here\n", page_kinds[i].name, ground.name);
		close_grounds();
	}
}

static void each_kind_in_own_task_answers_as_promised(void **state)
{
	try_kinds(PLACE_OWN);
}

static void each_kind_in_victim_answers_as_promised(void **state)
{
	try_kinds(PLACE_VICTIM);
}

static void each_kind_in_32_bit_victim_answers_as_promised(void **state)
{
	try_kinds(PLACE_VICTIM_32);
}

/* Pages of which the file has only the first half, in one mapping. */
static void try_half_files(enum place place)
{
	static const char *const halves[] = {"half-private", "half-shared"};

	open_grounds(place);
	for (unsigned half = 0; half < ARRAY_SIZE(halves); half++) {
		ground_lay(&ground, 0, 16, "rw");
		ground_lay_half(&ground, 1, 4, halves[half]);
		for (uint64_t start = 0; start < 5 * PAGE; start += 1365) {
			for (unsigned i = 0; i < read_call_count; i++)
				expect_read(&read_calls[i], ground.base + start, PAGE + 1);
			for (unsigned i = 0; i < write_call_count; i++)
				expect_write(&write_calls[i], ground.base + start, PAGE + 1);
			expect_copy(ground.base + start, ground.base + 8 * PAGE, PAGE + 1);
			expect_copy(ground.base + 8 * PAGE, ground.base + start, PAGE + 1);
		}
	}
	close_grounds();
}

static void file_that_ends_inside_its_mapping_fails_from_there_on(void **state)
{
	for (enum place place = 0; place < place_count(); place++)
		try_half_files(place);
}

static bool pairs_well(const struct page_kind *kind)
{
	return !(kind->flags & (KIND_WAITS | KIND_LASTS));
}

/* Two kinds side by side, and with a good page between them. */
static void try_pairs(enum place place)
{
	unsigned number = 0;

	open_grounds(place);
	ground_lay(&ground, 0, 16, "rw");
	for (unsigned i = 0; i < page_kind_count; i++) {
		if (!pairs_well(&page_kinds[i]) ||
		    !ground_lay(&ground, 2, 1, page_kinds[i].name))
			continue;
		for (unsigned j = 0; j < page_kind_count; j++) {
			unsigned where = 3 + (i + j) % 2;

			if (!pairs_well(&page_kinds[j]) ||
			    !ground_lay(&ground, where, 1, page_kinds[j].name))
				continue;
			expect_read(&read_calls[number % read_call_count], ground.base + START,
				    3 * PAGE + 200);
			expect_write(&write_calls[number % write_call_count], ground.base + START,
				     3 * PAGE + 200);
			expect_copy(ground.base + START, ground.base + 8 * PAGE + 3, 3 * PAGE);
			expect_copy(ground.base + 8 * PAGE + 3, ground.base + START, 3 * PAGE);
			/* One is the source and one the destination: the source is judged first. */
			expect_copy(ground.base + 2 * PAGE + 10, ground.base + where * PAGE + 20,
				    1000);
			expect_copy(ground.base + where * PAGE + 20, ground.base + 2 * PAGE + 10,
				    1000);
			ground_lay(&ground, where, 1, "rw");
			number++;
		}
	}
	close_grounds();
}

static void lower_of_two_bad_pages_in_own_task_decides(void **state)
{
	try_pairs(PLACE_OWN);
}

static void lower_of_two_bad_pages_in_victim_decides(void **state)
{
	try_pairs(PLACE_VICTIM);
}

static void lower_of_two_bad_pages_in_32_bit_victim_decides(void **state)
{
	try_pairs(PLACE_VICTIM_32);
}

/* Memory that the kernel made: its code can be read, its clock page by nobody else. */
static void kernel_made_pages_answer_as_promised(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint64_t size = victim_ask(victim, "maps");
	char *text = calloc(1, size + 1), *line, *rest = text;
	char buffer[64];

	victim_bytes(victim, text, size);
	while ((line = strsep(&rest, "\n")) != NULL) {
		uint64_t address = strtoull(line, NULL, 16);

		trying("%s", line);
		if (strstr(line, "[vdso]") != NULL) {
			expect_code(machvm_read(task, address, buffer, 64, 0), KERN_SUCCESS);
			assert_memory_equal(buffer, "\177ELF", 4);
			expect_code(machvm_write(task, address, buffer, 64, 0),
				    KERN_PROTECTION_FAILURE);
		} else if (strstr(line, "[vvar]") != NULL) {
			expect_code(machvm_read(task, address, buffer, 64, 0), KERN_NO_ACCESS);
			expect_detail(KERN_NO_ACCESS, address);
			expect_code(machvm_write(task, address, buffer, 64, 0),
				    KERN_PROTECTION_FAILURE);
		}
	}
	free(text);
}

/* Stack that is mapped and not in use can be written; what is below it is not allocated. */
static void unused_stack_is_memory_and_room_to_grow_is_not(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	struct ground stack;
	uint64_t size, low = 0;
	char *text, *line, *rest;
	char buffer[300];

	ground_open_in(&stack, victim, victim_ask(victim, "stack 4 1234"), 4);
	stack.task = victim_task(victim);
	for (unsigned i = 0; i < 4; i++) {
		stack.kind[i] = page_kind("rw");
		pattern_fill(stack.expect + i * PAGE, stack.base + i * PAGE, PAGE, 0x1234);
	}
	memset(buffer, 0x77, sizeof(buffer));
	expect_code(machvm_write(stack.task, stack.base + PAGE - 100, buffer, 300, 0), KERN_SUCCESS);
	memset(stack.expect + PAGE - 100, 0x77, 300);
	ground_verify(&stack);
	size = victim_ask(victim, "maps");
	rest = text = calloc(1, size + 1);
	victim_bytes(victim, text, size);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strstr(line, "[stack]") != NULL)
			low = strtoull(line, NULL, 16);
	expect_code(machvm_write(stack.task, low - 8, buffer, 16, 0), KERN_INVALID_ADDRESS);
	expect_detail(KERN_INVALID_ADDRESS, low - 8);
	ground_verify(&stack);
	free(text);
}

static const struct CMUnitTest tests[] = {
	TEST(each_kind_in_own_task_answers_as_promised),
	TEST(each_kind_in_victim_answers_as_promised),
	TEST(each_kind_in_32_bit_victim_answers_as_promised),
	TEST(file_that_ends_inside_its_mapping_fails_from_there_on),
	TEST(lower_of_two_bad_pages_in_own_task_decides),
	TEST(lower_of_two_bad_pages_in_victim_decides),
	TEST(lower_of_two_bad_pages_in_32_bit_victim_decides),
	TEST(kernel_made_pages_answer_as_promised),
	TEST(unused_stack_is_memory_and_room_to_grow_is_not),
};

HARNESS_MAIN(tests)
