/* SPDX-License-Identifier: MIT */
/*
 * From how much on work is spread. The clock is the test's own, and so is the place where
 * threads are started: nothing here depends on how long anything takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spread.h"
#include "text.h"
#include "threads.h"

#define LEAST  MACHVM__SPREAD_LEAST
#define MS     ((uint64_t)1000000)
#define SECOND (1000 * MS)
#define ITEMS  8u

static uint64_t now, wait_at_end;
static unsigned processors = 2;
static bool helps, fails;

uint64_t __wrap_machvm__text_now(void);
unsigned __wrap_machvm__threads_processors(void);
void __wrap_machvm__threads_run(unsigned lanes, void (*body)(void *context, unsigned lane),
				void *context);

uint64_t __wrap_machvm__text_now(void)
{
	return now;
}

unsigned __wrap_machvm__threads_processors(void)
{
	return processors;
}

static void (*lane_body)(void *context, unsigned lane);
static void *lane_context;

/* The second lane runs beside the first item of the first one, or comes when all is done. */
void __wrap_machvm__threads_run(unsigned lanes, void (*body)(void *context, unsigned lane),
				void *context)
{
	lane_body = body;
	lane_context = context;
	body(context, 0);
	body(context, 1);
	now += wait_at_end;
}

/* A millisecond of the caller's. */
static bool work(void *context, unsigned lane, size_t i)
{
	if (lane)
		return true;
	if (helps && i == 0)
		lane_body(lane_context, 1);
	now += MS;
	return !fails;
}

static void spread(size_t weight, bool with_help, uint64_t wait)
{
	helps = with_help;
	wait_at_end = wait;
	machvm__spread(2, ITEMS, weight, work, NULL);
}

static void spread_often(size_t weight, bool with_help, uint64_t wait)
{
	for (int i = 0; i < 100; i++)
		spread(weight, with_help, wait);
}

static int begin(void **state)
{
	now += 2 * SECOND;
	fails = false;
	processors = 2;
	machvm__spread_set(0);
	return 0;
}

static void nothing_seen_takes_the_least(void **state)
{
	assert_true(machvm__spread_pays(LEAST));
	assert_false(machvm__spread_pays(LEAST - 1));
	processors = 1;
	assert_false(machvm__spread_pays(SIZE_MAX));
}

static void threads_that_come_too_late_raise_it(void **state)
{
	spread_often(LEAST, false, MS);
	assert_false(machvm__spread_pays(LEAST));
	assert_true(machvm__spread_pays(2 * LEAST));
	spread_often(LEAST, false, 8 * MS);
	assert_false(machvm__spread_pays(2 * LEAST));
	assert_true(machvm__spread_pays(3 * LEAST));
}

static void four_times_the_least_is_spread_whatever_was_seen(void **state)
{
	spread_often(2 * LEAST, false, 500 * MS);
	assert_false(machvm__spread_pays(3 * LEAST));
	assert_true(machvm__spread_pays(4 * LEAST));
}

static void threads_that_help_lower_it_to_the_least(void **state)
{
	spread_often(LEAST, false, MS);
	assert_false(machvm__spread_pays(LEAST));
	spread_often(4 * LEAST, true, 0);
	assert_true(machvm__spread_pays(LEAST));
	assert_false(machvm__spread_pays(LEAST - 1));
}

static void what_was_seen_is_forgotten_after_a_second(void **state)
{
	spread_often(LEAST, false, MS);
	now += SECOND - 1;
	assert_false(machvm__spread_pays(LEAST));
	now++;
	assert_true(machvm__spread_pays(LEAST));
}

static void single_bad_luck_does_not_count_for_much(void **state)
{
	spread(LEAST, false, 500 * MS);
	assert_true(machvm__spread_pays(LEAST));
	spread_often(LEAST, true, 0);
	spread(LEAST, false, 500 * MS);
	assert_true(machvm__spread_pays(LEAST));
}

static void threads_asked_for_are_not_doubted(void **state)
{
	spread_often(LEAST, false, MS);
	assert_false(machvm__spread_pays(LEAST));
	machvm__spread_set(2);
	assert_true(machvm__spread_pays(LEAST));
	machvm__spread_set(1);
	assert_false(machvm__spread_pays(SIZE_MAX));
	machvm__spread_set(0);
	setenv("MACHVM_THREADS", "2", 1);
	assert_true(machvm__spread_pays(LEAST));
	unsetenv("MACHVM_THREADS");
	assert_false(machvm__spread_pays(LEAST));
}

static void failure_and_work_of_another_kind_teach_nothing(void **state)
{
	spread_often(0, false, MS);
	assert_true(machvm__spread_pays(LEAST));
	fails = true;
	spread_often(LEAST, false, MS);
	assert_true(machvm__spread_pays(LEAST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_seen_takes_the_least, begin),
		cmocka_unit_test_setup(threads_that_come_too_late_raise_it, begin),
		cmocka_unit_test_setup(four_times_the_least_is_spread_whatever_was_seen, begin),
		cmocka_unit_test_setup(threads_that_help_lower_it_to_the_least, begin),
		cmocka_unit_test_setup(what_was_seen_is_forgotten_after_a_second, begin),
		cmocka_unit_test_setup(single_bad_luck_does_not_count_for_much, begin),
		cmocka_unit_test_setup(threads_asked_for_are_not_doubted, begin),
		cmocka_unit_test_setup(failure_and_work_of_another_kind_teach_nothing, begin),
	};

	unsetenv("MACHVM_THREADS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
