/* SPDX-License-Identifier: MIT */
/* Patterns, compared with a search that tries every place. */
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "pattern.h"

static uint64_t seed;

static unsigned next_random(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 32) % below;
}

static const unsigned char *find_slowly(const unsigned char *data, const unsigned char *mask,
					size_t size, const unsigned char *from,
					const unsigned char *end)
{
	for (; (size_t)(end - from) >= size; from++) {
		size_t i = 0;

		while (i < size && !((from[i] ^ data[i]) & mask[i]))
			i++;
		if (i == size)
			return from;
	}
	return NULL;
}

/* The text ends at a page that cannot be touched: one byte too far is a crash. */
static void random_patterns_are_found_where_they_are(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *room =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const unsigned char *end = room + page;

	assert_true(room != MAP_FAILED);
	assert_int_equal(mprotect(room + page, page, PROT_NONE), 0);
	for (unsigned round = 0; round < 20000; round++) {
		size_t length = next_random(64), size = 1 + next_random(6), i;
		unsigned char data[6], mask[6];
		unsigned char *text = room + page - length;
		struct pattern pattern;

		/* Few letters make many near misses. */
		for (i = 0; i < length; i++)
			text[i] = (unsigned char)next_random(2);
		for (i = 0; i < size; i++) {
			data[i] = (unsigned char)next_random(2);
			mask[i] = next_random(3) ? 0xff : 0;
		}
		if (pattern_init(&pattern, data, mask, size)) {
			for (i = 0; i < size; i++)
				assert_int_equal(mask[i], 0);
			continue;
		}
		for (const unsigned char *at = text;; at++) {
			const unsigned char *hit = pattern_find(&pattern, at, end);

			assert_ptr_equal(hit, find_slowly(data, mask, size, at, end));
			if (!hit)
				break;
			at = hit;
		}
	}
	munmap(room, 2 * page);
}

static void pattern_longest_fixed_run_is_the_anchor(void **state)
{
	struct pattern pattern;
	static const unsigned char data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	static const unsigned char mask[8] = {0, 0xff, 0, 0xff, 0xff, 0xff, 0, 0xff};

	assert_int_equal(pattern_init(&pattern, data, mask, 8), 0);
	assert_int_equal(pattern.anchor, 3);
	assert_int_equal(pattern.anchor_size, 3);
	assert_int_equal(pattern_init(&pattern, data, mask, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_patterns_are_found_where_they_are),
		cmocka_unit_test(pattern_longest_fixed_run_is_the_anchor),
	};
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 0) : 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
	printf("SEED=0x%llx\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
