/* SPDX-License-Identifier: MIT */
/*
 * Random writes, reads and copies against a map of good and bad pages that
 * changes now and then, mirrored in a model that knows what each must answer
 * and leave.
 *
 *   MACHVM_TEST_SEED         repeats a run
 *   MACHVM_TEST_OPERATIONS   how many on each ground (default 100,000)
 *   MACHVM_TEST_EVERY        how many between two full comparisons (default 16)
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"
#include "random.h"

#include <string.h>

#define PAGES       GROUND_PAGES
#define LOCAL_PAGES 12u

struct model {
	struct ground ground, local;
	uint64_t operation, since_check, every;
	uint8_t data[LOCAL_PAGES * 4096];
	uint64_t answers[2]; /* failures, successes */
};

static struct model model;

/* Two good pages for each bad one. */
static const char *random_kind(const struct ground *ground)
{
	unsigned unfit = KIND_WAITS | KIND_LASTS;

	/* Whether the processor lets the caller itself read these is the machine's business. */
	if (ground == &model.local)
		unfit |= KIND_UNREADABLE;
	for (;;) {
		const struct page_kind *kind = &page_kinds[random_below(page_kind_count)];

		if (random_below(3) != 0)
			return random_below(4) ? "rw" : "shared-rw";
		if (!(kind->flags & unfit))
			return kind->name;
	}
}

static void lay_some(struct ground *ground)
{
	unsigned page = random_below(ground->pages);
	unsigned count = 1 + random_below(3);

	if (page + count > ground->pages)
		count = ground->pages - page;
	trying("seed %#llx, operation %llu: lay", (unsigned long long)random_state,
	       (unsigned long long)model.operation);
	ground_lay(ground, page, count, random_kind(ground));
}

/* Half of all transfers are small, most of the rest are a few pages. */
static uint64_t random_size(void)
{
	switch (random_below(8)) {
	case 0:
		return random_below(3);
	case 1:
	case 2:
	case 3:
		return 1 + random_below(64);
	case 4:
		return PAGE - 8 + random_below(17);
	case 5:
		return random_below(2) * PAGE + PAGE;
	default:
		return random_below((LOCAL_PAGES - 2) * PAGE);
	}
}

/* Rarely a little outside of the ground, where holes are. */
static uint64_t random_address(const struct ground *ground, uint64_t size)
{
	uint64_t room = ground->pages * PAGE;

	if (random_below(16) == 0)
		return ground->base - PAGE / 2 + random_below((unsigned)(room + PAGE));
	if (size > room)
		return ground->base;
	if (random_below(3) == 0)
		return ground->base + (random_word() % (room - size + 1) & ~(PAGE - 1));
	return ground->base + random_word() % (room - size + 1);
}

static bool inside(const struct ground *ground, uint64_t address, uint64_t size)
{
	return address >= ground->base && address + size <= ground->base + ground->pages * PAGE;
}

static void check(void)
{
	ground_verify(&model.ground);
	ground_verify(&model.local);
	model.since_check = 0;
}

/* The kinds of the pages that [address, address + size) touches, for a failure's text. */
static void list_kinds(const struct ground *ground, uint64_t address, uint64_t size, char *text,
		       size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint64_t at = address; at < address + size; at = (at | (PAGE - 1)) + 1) {
		uint64_t page = (at - ground->base) / PAGE;
		const char *name = page < ground->pages ? ground->kind[page]->name : "outside";
		size_t length = strlen(name);

		if (used + length + 2 > room)
			return;
		text[used++] = ' ';
		memcpy(text + used, name, length + 1);
		used += length;
	}
}

static void describe(const char *call, uint64_t address, uint64_t size, uint64_t other)
{
	bool inner = strstr(call, "copy") != NULL;
	char kinds[160], others[160];

	list_kinds(&model.ground, address, size, kinds, sizeof(kinds));
	list_kinds(inner ? &model.ground : &model.local, other, size, others, sizeof(others));
	trying("operation %llu in %s: %s, %llu bytes at page %lld + %llu:%s; other side %#llx:%s; "
	       "last comparison %llu operations ago",
	       (unsigned long long)model.operation, model.ground.name, call,
	       (unsigned long long)size,
	       (long long)((int64_t)(address - model.ground.base) >> 12),
	       (unsigned long long)(address % PAGE), kinds, (unsigned long long)other, others,
	       (unsigned long long)model.since_check);
}

static void expect_answer(kern_return_t got, kern_return_t want, uint64_t bad)
{
	model.answers[want == KERN_SUCCESS]++;
	expect_code(got, want);
	if (want == MACH_SEND_INVALID_MEMORY)
		expect_detail(want, 0);
	else if (want != KERN_SUCCESS)
		expect_detail(want, bad);
}

/* The buffer is judged first. */
static kern_return_t judge(enum access access, bool force, uint64_t address, uint64_t buffer,
			   uint64_t size, uint64_t *bad)
{
	enum access here = access == ACCESS_WRITE ? ACCESS_READ : ACCESS_WRITE;

	if (ground_judge(&model.local, here, false, buffer, size, bad) != KERN_SUCCESS)
		return MACH_SEND_INVALID_MEMORY;
	return ground_judge(&model.ground, access, force, address, size, bad);
}

static void random_write(void)
{
	const struct call *call = &write_calls[random_below(write_call_count)];
	uint64_t size = random_size(), address = random_address(&model.ground, size), bad = 0;
	uint64_t buffer = random_address(&model.local, size);
	bool force = random_below(8) == 0;
	kern_return_t want = judge(ACCESS_WRITE, force, address, buffer, size, &bad), got;
	void *from = (void *)(uintptr_t)buffer;

	/* Fresh bytes where the buffer can be filled; what it holds elsewhere. */
	if (inside(&model.local, buffer, size) &&
	    ground_judge(&model.local, ACCESS_WRITE, false, buffer, size, &bad) == KERN_SUCCESS) {
		pattern_fill(from, address, size, random_word());
		memcpy(ground_expect(&model.local, buffer), from, size);
	}
	judge(ACCESS_WRITE, force, address, buffer, size, &bad);
	describe(force ? "forced write" : call->name, address, size, buffer);
	got = force ? machvm_write(model.ground.task, address, from, size, MACHVM_FORCE)
		    : call->run(model.ground.task, address, from, size);
	expect_answer(got, want, bad);
	if (got == KERN_SUCCESS && size > 0)
		memcpy(ground_expect(&model.ground, address), from, size);
}

static void random_read(void)
{
	const struct call *call = &read_calls[random_below(read_call_count)];
	uint64_t size = random_size(), address = random_address(&model.ground, size), bad = 0;
	uint64_t buffer = random_address(&model.local, size);
	bool force = random_below(8) == 0, aside = call->fresh_memory && !force;
	kern_return_t want, got;
	void *to = aside ? model.data : (void *)(uintptr_t)buffer;

	want = aside ? ground_judge(&model.ground, ACCESS_READ, false, address, size, &bad)
		     : judge(ACCESS_READ, force, address, buffer, size, &bad);
	describe(force ? "forced read" : call->name, address, size, buffer);
	got = force ? machvm_read(model.ground.task, address, to, size, MACHVM_FORCE)
		    : call->run(model.ground.task, address, to, size);
	expect_answer(got, want, bad);
	if (got != KERN_SUCCESS || size == 0)
		return;
	expect_bytes(to, ground_expect(&model.ground, address), size);
	if (!aside)
		memcpy(ground_expect(&model.local, buffer), to, size);
}

static void random_copy(void)
{
	const struct copy_call *call = &copy_calls[random_below(copy_call_count)];
	uint64_t size = random_size(), bad = 0;
	uint64_t source = random_address(&model.ground, size);
	uint64_t dest = random_address(&model.ground, size);
	kern_return_t want = ground_judge(&model.ground, ACCESS_READ, false, source, size, &bad);

	if (want == KERN_SUCCESS)
		want = ground_judge(&model.ground, ACCESS_WRITE, false, dest, size, &bad);
	describe(call->name, source, size, dest);
	expect_answer(call->run(model.ground.task, source, size, dest), want, bad);
	if (want == KERN_SUCCESS && size > 0)
		memmove(ground_expect(&model.ground, dest), ground_expect(&model.ground, source),
			size);
}

static void run(enum place place)
{
	uint64_t operations = random_setting("MACHVM_TEST_OPERATIONS",
					     harness_is_valgrind() ? 2000 : 100000 / harness_share());

	random_start();
	memset(&model, 0, sizeof(model));
	model.every = random_setting("MACHVM_TEST_EVERY", 16);
	ground_open(&model.ground, place, PAGES);
	ground_open_local(&model.local, LOCAL_PAGES);
	ground_lay(&model.ground, 0, PAGES, "rw");
	ground_lay(&model.local, 0, LOCAL_PAGES, "rw");
	for (model.operation = 0; model.operation < operations; model.operation++) {
		unsigned what = random_below(100);

		if (what == 0 || model.operation < 20) {
			check();
			lay_some(&model.ground);
		} else if (what == 1 && random_below(2) == 0) {
			lay_some(&model.local);
		} else if (what < 45) {
			random_write();
		} else if (what < 80) {
			random_read();
		} else {
			random_copy();
		}
		if (++model.since_check >= model.every)
			check();
	}
	check();
	print_message("%s: %llu operations, %llu succeeded, %llu failed as they had to\n",
		      model.ground.name, (unsigned long long)operations,
		      (unsigned long long)model.answers[1], (unsigned long long)model.answers[0]);
	ground_close(&model.ground);
	ground_close(&model.local);
}

static void random_operations_on_own_task_match_the_model(void **state)
{
	run(PLACE_OWN);
}

static void random_operations_on_victim_match_the_model(void **state)
{
	run(PLACE_VICTIM);
}

static void random_operations_on_32_bit_victim_match_the_model(void **state)
{
	run(PLACE_VICTIM_32);
}

static const struct CMUnitTest tests[] = {
	TEST(random_operations_on_own_task_match_the_model),
	TEST(random_operations_on_victim_match_the_model),
	TEST(random_operations_on_32_bit_victim_match_the_model),
};

HARNESS_MAIN(tests)
