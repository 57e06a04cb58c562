/* SPDX-License-Identifier: MIT */
/*
 * Searching a buffer, compared with a search that tries every place: by the
 * loops for this CPU, and by those for any.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "needle.h"
#include "needle_cpu.h"

#define ROOM 8192u
#define MOST 24u

static uint64_t seed;
static uint8_t *room; /* a page that cannot be touched follows */

static unsigned below(unsigned limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 32) % limit;
}

static const uint8_t *find_slowly(const struct machvm__needle *needle, const uint8_t *at,
				  const uint8_t *end, size_t alignment)
{
	for (; at < end; at++) {
		size_t i = 0;

		if ((uintptr_t)at % alignment)
			continue;
		while (i < needle->size && !((at[i] ^ needle->bytes[i]) &
					     (needle->mask ? needle->mask[i] : 0xff)))
			i++;
		if (i == needle->size)
			return at;
	}
	return NULL;
}

/* The first that a caller who wants multiples takes. */
static const uint8_t *find_aligned(const struct machvm__needle *needle, const uint8_t *at,
				   const uint8_t *end, size_t alignment)
{
	while ((at = machvm__needle_find(needle, at, end)) && (uintptr_t)at % alignment)
		at++;
	return at;
}

static void compare_all(const struct machvm__needle *needle, const uint8_t *at, const uint8_t *end,
			size_t alignment)
{
	for (;; at++) {
		const uint8_t *hit = find_aligned(needle, at, end, alignment);

		assert_ptr_equal(hit, find_slowly(needle, at, end, alignment));
		if (!hit)
			return;
		at = hit;
	}
}

static void random_needles_are_found_where_they_are(void **state)
{
	for (unsigned round = 0; round < 20000; round++) {
		size_t size = 1 + below(MOST), length = 1 + below(600), alignment = 1u << below(4);
		uint8_t *text = room + ROOM - MACHVM__NEEDLE_SLACK - MOST - length;
		uint8_t bytes[MOST], mask[MOST];
		struct machvm__needle needle;

		if (round % 3 == 0)
			size = 1u << below(4);
		/* Few letters make many near misses. */
		for (size_t i = 0; i < length + MOST; i++)
			text[i] = (uint8_t)(below(8) ? 0 : below(2));
		for (size_t i = 0; i < size; i++) {
			bytes[i] = (uint8_t)(below(8) ? 0 : below(2));
			mask[i] = (uint8_t)(below(3) ? 0xff : below(256));
		}
		machvm__needle_init(&needle, bytes, round % 2 ? mask : NULL, size, alignment);
		compare_all(&needle, text, text + length, alignment);
	}
}

static void needle_at_every_place_of_a_turn_is_found(void **state)
{
	static const uint8_t bytes[16] = "needle in a hay";

	for (size_t size = 1; size <= 16; size++) {
		for (size_t place = 0; place < 300; place++) {
			uint8_t *text = room + 64, *end = text + 300;
			struct machvm__needle needle;

			memset(room, 0, 1024);
			memcpy(text + place, bytes, size);
			machvm__needle_init(&needle, bytes, NULL, size, 1);
			assert_ptr_equal(machvm__needle_find(&needle, text, end), text + place);
			/* One that begins behind the end is none. */
			assert_null(machvm__needle_find(&needle, text, text + place));
		}
	}
}

static void plain_loops_find_what_the_cpu_s_own_find(void **state)
{
	const struct machvm__needle_loops *own = machvm__needle_loops();

	for (unsigned round = 0; round < 20000; round++) {
		size_t length = below(400), distance = below(MOST);
		uint8_t *text = room + below(64), value[8];
		unsigned width = 2u << below(3);
		const uint8_t *aligned = room + 64, *end = text + length;

		for (size_t i = 0; i < 600; i++)
			room[i] = (uint8_t)(below(6) ? 0 : 1);
		for (unsigned i = 0; i < width; i++)
			value[i] = (uint8_t)(below(6) ? 0 : 1);
		assert_ptr_equal(own->pair(text, end, distance, 1, 1),
				 machvm__needle_plain.pair(text, end, distance, 1, 1));
		assert_ptr_equal(own->word(aligned, aligned + length, width, value),
				 machvm__needle_plain.word(aligned, aligned + length, width, value));
	}
}

static void zeros_are_told_from_other_needles(void **state)
{
	static const uint8_t bytes[4] = {0, 1, 0, 0}, mask[4] = {0xff, 0xfe, 0xff, 0xff};
	struct machvm__needle needle;

	machvm__needle_init(&needle, bytes, NULL, 4, 1);
	assert_false(machvm__needle_fits_zeros(&needle));
	machvm__needle_init(&needle, bytes, mask, 4, 1);
	assert_true(machvm__needle_fits_zeros(&needle));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_needles_are_found_where_they_are),
		cmocka_unit_test(needle_at_every_place_of_a_turn_is_found),
		cmocka_unit_test(plain_loops_find_what_the_cpu_s_own_find),
		cmocka_unit_test(zeros_are_told_from_other_needles),
	};
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 0) : 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
	printf("SEED=0x%llx\n", (unsigned long long)seed);
	room = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED || mprotect(room + ROOM, 4096, PROT_NONE))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
