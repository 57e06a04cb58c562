/* SPDX-License-Identifier: MIT */
/* Who does what: every item once, a lane one thing at a time, nobody with nothing to do. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spread.h"

#define ITEMS 1000u
#define LANES 64u

struct record {
	size_t count;
	size_t bad;  /* the item that fails */
	size_t held; /* the one that ends when all others have been done */
	sem_t others_done;
	_Atomic size_t sum;
	_Atomic unsigned done[ITEMS];
	_Atomic bool busy[LANES];
	_Atomic bool two_at_once;
};

static bool note(void *context, unsigned lane, size_t i)
{
	struct record *record = context;

	if (atomic_exchange(&record->busy[lane], true))
		record->two_at_once = true;
	if (i == record->held)
		sem_wait(&record->others_done);
	atomic_fetch_add(&record->done[i], 1);
	if (atomic_fetch_add(&record->sum, 1) + 2 == record->count)
		sem_post(&record->others_done);
	atomic_store(&record->busy[lane], false);
	return i != record->bad;
}

static void spread(struct record *record, unsigned lanes, size_t count, size_t bad, size_t held)
{
	*record = (struct record){.count = count, .bad = bad, .held = held};
	assert_int_equal(sem_init(&record->others_done, 0, 0), 0);
	machvm__spread(lanes, count, 0, note, record);
	assert_int_equal(sem_destroy(&record->others_done), 0);
	assert_false(record->two_at_once);
}

static void any_number_of_items_and_lanes_does_each_once(void **state)
{
	static const unsigned lanes[] = {1, 2, 3, 8, LANES};
	static const size_t counts[] = {0, 1, 2, 3, 7, 63, 64, 65, ITEMS};
	struct record record;

	for (size_t l = 0; l < sizeof lanes / sizeof *lanes; l++)
		for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
			spread(&record, lanes[l], counts[c], SIZE_MAX, SIZE_MAX);
			for (size_t i = 0; i < ITEMS; i++)
				assert_int_equal(record.done[i], i < counts[c]);
		}
}

/* Whatever is left of its stretch, also right after it. */
static void lane_held_up_has_the_rest_done_by_another(void **state)
{
	struct record record;

	for (size_t held = 0; held < ITEMS; held += 37) {
		spread(&record, 2, ITEMS, SIZE_MAX, held);
		for (size_t i = 0; i < ITEMS; i++)
			assert_int_equal(record.done[i], 1);
	}
}

static void failure_ends_one_lane_at_once(void **state)
{
	struct record record;

	for (size_t bad = 0; bad < ITEMS; bad += 37) {
		spread(&record, 1, ITEMS, bad, SIZE_MAX);
		for (size_t i = 0; i < ITEMS; i++)
			assert_int_equal(record.done[i], i <= bad);
	}
}

static void failure_in_several_lanes_does_nothing_twice(void **state)
{
	struct record record;

	for (size_t bad = 0; bad < ITEMS; bad += 37) {
		spread(&record, 4, ITEMS, bad, SIZE_MAX);
		for (size_t i = 0; i < ITEMS; i++)
			assert_true(record.done[i] <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_items_and_lanes_does_each_once),
		cmocka_unit_test(lane_held_up_has_the_rest_done_by_another),
		cmocka_unit_test(failure_ends_one_lane_at_once),
		cmocka_unit_test(failure_in_several_lanes_does_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
