/* SPDX-License-Identifier: MIT */
/*
 * Regions of every kind, as each flavor of each routine describes them. What is
 * right is what was laid; how far a protection can be raised is found by raising
 * it, in the process that owns the memory.
 */
#include "ground.h"
#include "layout.h"
#include "regions.h"

#include <string.h>
#include <sys/mman.h>

#define R VM_PROT_READ
#define W VM_PROT_WRITE
#define X VM_PROT_EXECUTE

/* Three pages of the kind, with holes before and behind. */
#define FIRST 4
#define PAGES 3

enum {
	TOUCHED = 1 << 0, /* its owner has written every page */
	SHARED = 1 << 1,
	FILED = 1 << 2, /* the pages come from a file */
	COPIED = 1 << 3, /* private pages in a mapping of a file */
	SEALED = 1 << 4,
	WIRED = 1 << 5,  /* where the kernel counts it as locked: some do */
	UNCOUNTED = 1 << 6, /* the kernel keeps counts of such pages to itself */
};

static const struct {
	const char *kind;
	vm_prot_t protection;
	unsigned mode;
	unsigned flags;
} wanted[] = {
	{"rw", R | W, SM_PRIVATE, TOUCHED},
	{"ro", R, SM_PRIVATE, TOUCHED},
	{"wo", W, SM_PRIVATE, TOUCHED},
	{"xo", X, SM_PRIVATE, TOUCHED},
	{"rx", R | X, SM_PRIVATE, TOUCHED},
	{"none", 0, SM_PRIVATE, TOUCHED},
	{"fresh", R | W, SM_EMPTY, 0},
	{"devzero", R | W, SM_COW, TOUCHED | FILED | COPIED},
	{"guard", R | W, SM_EMPTY, 0},
	{"file-rw", R | W, SM_COW, FILED},
	{"file-ro", R, SM_COW, FILED},
	{"file-rx", R | X, SM_COW, FILED},
	{"shared-rw", R | W, SM_SHARED, FILED | SHARED},
	{"shared-ro", R, SM_SHARED, FILED | SHARED},
	{"shared-drop", R, SM_SHARED, FILED | SHARED},
	{"eof-private", R | W, SM_COW, FILED},
	{"eof-shared", R | W, SM_SHARED, FILED | SHARED},
	{"eof-memfd", R | W, SM_SHARED, FILED | SHARED},
	{"secret", R | W, SM_SHARED, FILED | SHARED | WIRED | UNCOUNTED},
	{"cow", R | W, SM_COW, TOUCHED},
	{"sealed-rw", R | W, SM_PRIVATE, TOUCHED | SEALED},
	{"sealed-ro", R, SM_PRIVATE, TOUCHED | SEALED},
	{"missing", R | W, SM_EMPTY, 0},
	{"protected", R | W, SM_PRIVATE, TOUCHED},
};

static struct ground ground;

static uint64_t where(unsigned page)
{
	return ground.base + page * PAGE;
}

static bool can_protect(vm_prot_t protection)
{
	if (ground.victim != NULL)
		return victim_try(ground.victim, "protect %llx %zx %x",
				  (unsigned long long)where(FIRST), PAGES * PAGE, protection) == 0;
	return mprotect((void *)(uintptr_t)where(FIRST), PAGES * PAGE, protection) == 0;
}

/* What the owner can raise the protection to, and back to what it was. */
static vm_prot_t find_maximum(vm_prot_t current)
{
	vm_prot_t maximum = 0;

	for (unsigned bit = R; bit <= X; bit <<= 1)
		if (can_protect((vm_prot_t)bit))
			maximum |= (vm_prot_t)bit;
	assert_true(can_protect(current));
	return maximum;
}

static void expect_counts(const struct region *region, unsigned index)
{
	unsigned flags = wanted[index].flags;
	unsigned touched = flags & TOUCHED ? PAGES : 0;

	if (flags & UNCOUNTED)
		return;
	if (region->has & HAS_COUNTS) {
		expect_number(region->resident, touched);
		expect_number(region->copied, flags & COPIED ? PAGES : 0);
		expect_number(region->dirty, touched);
		expect_number(region->swapped, 0);
	}
	if (region->has & HAS_SPLIT) {
		bool cow = strcmp(wanted[index].kind, "cow") == 0;

		expect_number(region->resident_private, cow ? 0 : touched);
		expect_number(region->resident_shared, cow ? touched : 0);
	}
	if (region->has & HAS_USE) {
		unsigned references = wanted[index].mode == SM_EMPTY			 ? 0
				      : strcmp(wanted[index].kind, "cow") == 0 ? 2
									       : 1;

		expect_number(region->references, references);
	}
}

static void expect_region(const struct region *region, unsigned index, vm_prot_t maximum)
{
	unsigned flags = wanted[index].flags;

	expect_number(region->address, where(FIRST));
	expect_number(region->size, PAGES * PAGE);
	if (region->has & HAS_PROTECTION)
		expect_number(region->protection, wanted[index].protection);
	if (region->has & HAS_RULES) {
		/* A sealed one cannot be raised, yet the kernel's maximum is what it was. */
		expect_number(region->maximum, flags & SEALED ? R | W | X : maximum);
		expect_number(region->inheritance, flags & SHARED ? VM_INHERIT_SHARE : VM_INHERIT_COPY);
		expect_number(region->offset, 0);
		expect_number(region->behavior, VM_BEHAVIOR_DEFAULT);
	}
	if (region->has & HAS_LIVE_RULES)
		expect_number(region->wired, flags & WIRED && layout_has_flag(&ground, where(FIRST), "lo"));
	if (region->has & HAS_SHARED)
		expect_number(region->shared, !!(flags & SHARED));
	if (region->has & HAS_SOURCE) {
		expect_number(region->tag, 0);
		expect_number(region->external, !!(flags & FILED));
	}
	if (region->has & HAS_USE)
		expect_number(region->mode, wanted[index].mode);
	if (region->has & HAS_OBJECT)
		expect_number(region->object != 0, !!(flags & SHARED));
	expect_counts(region, index);
}

/* Some kinds stay where they were laid. */
static void try_kinds(enum place place)
{
	ground_open(&ground, place, 16);
	for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct region region;
		vm_prot_t maximum;

		if (!ground_lay(&ground, FIRST, PAGES, wanted[i].kind)) {
			print_message("no %s pages in %s here\n", wanted[i].kind, ground.name);
			continue;
		}
		maximum = wanted[i].flags & SEALED ? 0 : find_maximum(wanted[i].protection);
		for (unsigned call = 0; call < region_call_count; call++) {
			trying("%s of %s in %s", region_calls[call].name, wanted[i].kind, ground.name);
			expect_code(region_ask(&region_calls[call], ground.task, where(FIRST), &region),
				    KERN_SUCCESS);
			expect_region(&region, i, maximum);
		}
		if (page_kind(wanted[i].kind)->flags & KIND_LASTS) {
			ground_close(&ground);
			ground_open(&ground, place, 16);
		} else {
			ground_lay(&ground, FIRST, PAGES, "hole");
		}
	}
	ground_close(&ground);
}

static void every_kind_in_own_task_is_described_as_it_was_laid(void **state)
{
	try_kinds(PLACE_OWN);
}

static void every_kind_in_victim_is_described_as_it_was_laid(void **state)
{
	try_kinds(PLACE_VICTIM);
}

static void every_kind_in_32_bit_victim_is_described_as_it_was_laid(void **state)
{
	try_kinds(PLACE_VICTIM_32);
}

static void every_address_finds_its_region_or_the_next_above(void **state)
{
	static const struct {
		uint64_t from;
		unsigned page, pages; /* that must be found */
	} cases[] = {
		{1 * PAGE, 2, 2},	 {2 * PAGE - 1, 2, 2}, {2 * PAGE, 2, 2}, {2 * PAGE + 1, 2, 2},
		{3 * PAGE + 4095, 2, 2}, {4 * PAGE, 4, 1},     {5 * PAGE, 7, 3}, {6 * PAGE + 77, 7, 3},
		{7 * PAGE, 7, 3},	 {9 * PAGE + 4095, 7, 3},
	};
	struct region region;

	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, 16);
		ground_lay(&ground, 0, 16, "hole");
		ground_lay(&ground, 2, 2, "rw");
		ground_lay(&ground, 4, 1, "ro");
		ground_lay(&ground, 7, 3, "shared-rw");
		for (unsigned call = 0; call < region_call_count; call++) {
			for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
				trying("%s in %s from %#llx on", region_calls[call].name, ground.name,
				       (unsigned long long)cases[i].from);
				expect_code(region_ask(&region_calls[call], ground.task,
						       ground.base + cases[i].from, &region),
					    KERN_SUCCESS);
				expect_number(region.address, where(cases[i].page));
				expect_number(region.size, cases[i].pages * PAGE);
			}
		}
		ground_close(&ground);
	}
}

/* The map is asked anew each time: what has just changed is never told as it was. */
static void change_between_two_calls_is_seen(void **state)
{
	struct region region;

	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, 16);
		ground_lay(&ground, 0, 16, "hole");
		for (unsigned call = 0; call < region_call_count; call++) {
			for (unsigned round = 0; round < 20; round++) {
				trying("%s in %s, round %u", region_calls[call].name, ground.name, round);
				ground_lay(&ground, 2, 1, "rw");
				ground_lay(&ground, 3, 1, "hole");
				ground_lay(&ground, 4, 1, "ro");
				expect_code(region_ask(&region_calls[call], ground.task, where(2),
						       &region),
					    KERN_SUCCESS);
				ground_lay(&ground, 3, 1, round % 2 ? "rx" : "hole");
				ground_lay(&ground, 4, 2, "none");
				expect_code(region_ask(&region_calls[call], ground.task,
						       region.address + region.size, &region),
					    KERN_SUCCESS);
				expect_number(region.address, where(round % 2 ? 3 : 4));
				expect_number(region.size, (round % 2 ? 1 : 2) * PAGE);
				if (region.has & HAS_PROTECTION)
					expect_number(region.protection, round % 2 ? R | X : 0);
				ground_lay(&ground, 2, 4, "hole");
			}
		}
		ground_close(&ground);
	}
}

static void offset_is_that_of_the_first_page_in_its_file(void **state)
{
	struct region region;

	ground_open(&ground, PLACE_VICTIM, 16);
	ground_lay(&ground, 0, 16, "hole");
	ground_lay(&ground, 4, 8, "shared-rw");
	ground_lay(&ground, 6, 1, "hole");
	for (unsigned call = 0; call < region_call_count; call++) {
		trying("%s", region_calls[call].name);
		expect_code(region_ask(&region_calls[call], ground.task, where(6), &region),
			    KERN_SUCCESS);
		expect_number(region.address, where(7));
		if (region.has & HAS_RULES)
			expect_number(region.offset, 3 * PAGE);
	}
	ground_close(&ground);
}

/* Two mappings of one file are one object, whatever else they share an object is another. */
static void one_object_has_one_identity(void **state)
{
	struct region first, second, other;
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint64_t base = 0x100000000000;

	for (unsigned page = 0; page < 4; page += 2)
		victim_ask(victim, "map /proc/self/exe %llx 1000 1 1 0 0",
			   (unsigned long long)(base + page * PAGE));
	victim_ask(victim, "lay shared-rw %llx 1 0", (unsigned long long)(base + 4 * PAGE));
	for (unsigned call = 0; call < region_call_count; call++) {
		trying("%s", region_calls[call].name);
		expect_code(region_ask(&region_calls[call], task, base, &first), KERN_SUCCESS);
		expect_code(region_ask(&region_calls[call], task, base + 2 * PAGE, &second),
			    KERN_SUCCESS);
		expect_code(region_ask(&region_calls[call], task, base + 4 * PAGE, &other),
			    KERN_SUCCESS);
		if (!(first.has & HAS_OBJECT))
			continue;
		expect_number(first.object, second.object);
		assert_int_not_equal(first.object, other.object);
	}
}

/* What the target tells the kernel about a region: the counted answers have it. */
static void advice_locks_and_tags_of_the_target_are_told(void **state)
{
	static const struct {
		const char *command;
		vm_behavior_t behavior;
		vm_inherit_t inheritance;
		unsigned wired;
	} cases[] = {
		{"advise %llx 3000 1", VM_BEHAVIOR_RANDOM, VM_INHERIT_COPY, 0},
		{"advise %llx 3000 2", VM_BEHAVIOR_SEQUENTIAL, VM_INHERIT_COPY, 0},
		{"advise %llx 3000 a", VM_BEHAVIOR_DEFAULT, VM_INHERIT_NONE, 0},
		{"lock %llx 3000", VM_BEHAVIOR_DEFAULT, VM_INHERIT_COPY, 1},
	};
	struct region region;

	for (enum place place = PLACE_VICTIM; place < place_count(); place++) {
		ground_open(&ground, place, 16);
		for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
			ground_lay(&ground, 0, 16, "hole");
			ground_lay(&ground, FIRST, PAGES, "rw");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			victim_ask(ground.victim, cases[i].command, (unsigned long long)where(FIRST));
#pragma GCC diagnostic pop
			for (unsigned call = 0; call < region_call_count; call++) {
				trying("%s after %s", region_calls[call].name, cases[i].command);
				expect_code(region_ask(&region_calls[call], ground.task, where(FIRST),
						       &region),
					    KERN_SUCCESS);
				if (!(region.has & HAS_LIVE_RULES))
					continue;
				expect_number(region.behavior, cases[i].behavior);
				expect_number(region.inheritance, cases[i].inheritance);
				expect_number(region.wired, cases[i].wired);
			}
		}
		ground_close(&ground);
	}
}

static void tag_in_the_name_of_a_region_is_told(void **state)
{
	struct region region;

	ground_open(&ground, PLACE_VICTIM, 16);
	ground_lay(&ground, 0, 16, "hole");
	ground_lay(&ground, FIRST, PAGES, "rw");
	if (victim_try(ground.victim, "tag %llx 3000 49", (unsigned long long)where(FIRST)) != 0) {
		print_message("this kernel has no names for anonymous memory\n");
		ground_close(&ground);
		skip();
	}
	for (unsigned call = 0; call < region_call_count; call++) {
		trying("%s", region_calls[call].name);
		expect_code(region_ask(&region_calls[call], ground.task, where(FIRST), &region),
			    KERN_SUCCESS);
		if (region.has & HAS_SOURCE)
			expect_number(region.tag, 0x49);
		if (region.has & HAS_RULES)
			expect_number(region.maximum, R | W | X);
	}
	ground_close(&ground);
}

static void pages_are_counted_as_they_are_touched(void **state)
{
	static const char *const kinds[] = {"fresh", "file-rw", "shared-rw"};
	struct region region;

	for (enum place place = PLACE_VICTIM; place < place_count(); place++) {
		ground_open(&ground, place, 16);
		for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
			ground_lay(&ground, 0, 16, "hole");
			ground_lay(&ground, FIRST, 8, kinds[kind]);
			for (unsigned touched = 1; touched <= 8; touched++) {
				victim_ask(ground.victim, "fill %llx 1000 5",
					   (unsigned long long)where(FIRST + touched - 1));
				for (unsigned call = 0; call < region_call_count; call++) {
					trying("%s of %s, %u touched", region_calls[call].name,
					       kinds[kind], touched);
					expect_code(region_ask(&region_calls[call], ground.task,
							       where(FIRST), &region),
						    KERN_SUCCESS);
					if (region.has & HAS_COUNTS && kind != 2) {
						expect_number(region.resident, touched);
						expect_number(region.dirty, touched);
						expect_number(region.copied, kind == 1 ? touched : 0);
					}
					if (region.has & HAS_SPLIT && kind != 2) {
						expect_number(region.resident_private, touched);
						expect_number(region.resident_shared, 0);
					}
					/* The kernel may map pages of a file around the one touched. */
					if (region.has & HAS_COUNTS && kind == 2) {
						assert_true(region.resident >= touched &&
							    region.resident <= 8);
						assert_true(region.dirty >= touched);
					}
					if (region.has & HAS_USE)
						expect_number(region.mode, kind == 0   ? SM_PRIVATE
									   : kind == 1 ? SM_COW
										       : SM_SHARED);
				}
			}
		}
		ground_close(&ground);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(every_kind_in_own_task_is_described_as_it_was_laid),
	TEST(every_kind_in_victim_is_described_as_it_was_laid),
	TEST(every_kind_in_32_bit_victim_is_described_as_it_was_laid),
	TEST(every_address_finds_its_region_or_the_next_above),
	TEST(change_between_two_calls_is_seen),
	TEST(offset_is_that_of_the_first_page_in_its_file),
	TEST(one_object_has_one_identity),
	TEST(advice_locks_and_tags_of_the_target_are_told),
	TEST(tag_in_the_name_of_a_region_is_told),
	TEST(pages_are_counted_as_they_are_touched),
};

HARNESS_MAIN(tests)
