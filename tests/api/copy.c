/* SPDX-License-Identifier: MIT */
/* Copies inside one task: overlap is memmove, in both directions, at every distance. */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

static struct ground ground;

static void copy_once(unsigned number, uint64_t source, uint64_t dest, uint64_t size)
{
	const struct copy_call *call = &copy_calls[number % copy_call_count];

	trying("%s in %s: %llu bytes from %#llx to %+lld", call->name, ground.name,
	       (unsigned long long)size, (unsigned long long)(source - ground.base),
	       (long long)(dest - source));
	expect_code(call->run(ground.task, source, size, dest), KERN_SUCCESS);
	memmove(ground_expect(&ground, dest), ground_expect(&ground, source), size);
	ground_verify(&ground);
}

static void overlapping_copy_is_memmove(void **state)
{
	static const uint64_t sizes[] = {1, 8, 9, 100, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 4 * PAGE + 3};
	static const int64_t distances[] = {
		0, 1, 7, 8, 9, 64, 99, 100, 4095, 4096, 4097, 8192, 12287, 12288, 20483,
	};
	unsigned number = 0;

	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, 16);
		ground_lay(&ground, 0, 16, "rw");
		for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (unsigned j = 0; j < ARRAY_SIZE(distances); j++) {
				uint64_t middle = ground.base + 6 * PAGE + number % 17;

				copy_once(number++, middle, middle + distances[j], sizes[i]);
				copy_once(number++, middle, middle - distances[j], sizes[i]);
				/* Each copy makes the ground more uniform: fresh contents now and then. */
				if (number % 32 == 0)
					ground_lay(&ground, 0, 16, "rw");
			}
		}
		ground_close(&ground);
	}
}

/* Larger than whatever piece the library moves at a time: the victim compares by checksum. */
static void large_copy_is_memmove(void **state)
{
	enum { MEGABYTES = 30 };
	/* The last ones do not overlap any more, which is what several threads are for. */
	static const int64_t distances[] = {1,       -1,       4096,    -4096,    1048579, -1048579,
					    8388608, -8388608, 8389385, -8389385, 9999999, -9999999};
	static const char *const threads[] = {"1", "2", "5"};
	const uint64_t base = 0x100000000000u, room = (uint64_t)MEGABYTES << 20;
	const uint64_t source = base + (10 << 20) + 5, size = (8 << 20) + 777;
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint8_t *model = malloc(room);

	for (unsigned i = 0; i < ARRAY_SIZE(distances); i++) {
		uint64_t dest = source + (uint64_t)distances[i];

		setenv("MACHVM_THREADS", threads[i % ARRAY_SIZE(threads)], 1);
		victim_ask(victim, "lay rw %llx %llx %x", (unsigned long long)base,
			   (unsigned long long)(room / PAGE), i + 1);
		pattern_fill(model, base, room, i + 1);
		memmove(model + (dest - base), model + (source - base), size);
		trying("%llu bytes, distance %+lld", (unsigned long long)size,
		       (long long)distances[i]);
		expect_code(copy_calls[i % copy_call_count].run(task, source, size, dest),
			    KERN_SUCCESS);
		expect_number(victim_ask(victim, "sum %llx %llx", (unsigned long long)base,
					 (unsigned long long)room), pattern_sum(model, room, 0));
	}
	unsetenv("MACHVM_THREADS");
	free(model);
}

/* The end of a large destination is a hole: not one byte of its beginning has changed. */
static void large_copy_into_hole_changes_nothing(void **state)
{
	const uint64_t base = 0x100000000000u, size = 12 << 20;
	static const char *const kinds[] = {"hole", "ro", "guard", "secret", "eof-shared"};
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	unsigned answers[] = {KERN_INVALID_ADDRESS, KERN_PROTECTION_FAILURE, KERN_PROTECTION_FAILURE,
			      KERN_NO_ACCESS, KERN_MEMORY_ERROR};

	victim_ask(victim, "lay rw %llx %llx 7", (unsigned long long)base,
		   (unsigned long long)(2 * size / PAGE));
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t before, bad = base + 2 * size - PAGE;

		if (victim_try(victim, "lay %s %llx 1 9", kinds[i], (unsigned long long)bad) != 0)
			continue;
		before = victim_ask(victim, "sum %llx %llx", (unsigned long long)base,
				    (unsigned long long)(2 * size - PAGE));
		trying("12 MiB onto %s", kinds[i]);
		expect_code(mach_vm_copy(task, base, size, base + size), (kern_return_t)answers[i]);
		expect_detail((kern_return_t)answers[i], bad);
		expect_number(victim_ask(victim, "sum %llx %llx", (unsigned long long)base,
					 (unsigned long long)(2 * size - PAGE)), before);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(overlapping_copy_is_memmove),
	TEST(large_copy_is_memmove),
	TEST(large_copy_into_hole_changes_nothing),
};

HARNESS_MAIN(tests)
