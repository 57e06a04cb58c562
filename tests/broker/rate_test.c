/* SPDX-License-Identifier: MIT */
/* How often a user may ask, by a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rate.h"

static struct {
	unsigned lines;
	uid_t uid;
	pid_t pid;
	unsigned long excess;
} told;

static void tell(uid_t uid, pid_t pid, unsigned long excess)
{
	told.lines++;
	told.uid = uid;
	told.pid = pid;
	told.excess = excess;
}

static struct rate rate;

static void start(unsigned a_second)
{
	rate = (struct rate){.a_second = a_second, .now = 5 * (uint64_t)RATE_SECOND, .tell = tell};
	told.lines = 0;
}

/* How many of these requests, made at once, are served. */
static unsigned ask(uid_t uid, unsigned requests)
{
	unsigned served = 0;

	for (unsigned i = 0; i < requests; i++)
		served += rate_take(&rate, uid, 77);
	return served;
}

static void burst_of_ten_seconds_is_served_and_no_more(void **state)
{
	static const unsigned rates[] = {1, 3, 7, 100, 999, 1000000};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		start(rates[i]);
		assert_int_equal(ask(1000, 10 * rates[i]), 10 * rates[i]);
		assert_int_equal(ask(1000, 5), 0);
	}
}

static void second_later_a_second_s_worth_is_served(void **state)
{
	start(100);
	ask(1000, 5000);
	for (int second = 0; second < 30; second++) {
		rate.now += RATE_SECOND;
		assert_int_equal(ask(1000, 5000), 100);
	}
	rate.now += 4 * (uint64_t)RATE_SECOND;
	assert_int_equal(ask(1000, 5000), 400);
	/* Longer silence makes no larger a burst. */
	rate.now += 4000 * (uint64_t)RATE_SECOND;
	assert_int_equal(ask(1000, 5000), 1000);
}

static void even_pace_is_always_served(void **state)
{
	start(100);
	for (unsigned i = 0; i < 100000; i++) {
		assert_int_equal(ask(1000, 1), 1);
		rate.now += RATE_SECOND / 100;
	}
}

static void users_do_not_take_from_each_other(void **state)
{
	start(10);
	assert_int_equal(ask(1000, 500), 100);
	assert_int_equal(ask(1001, 50), 50);
	assert_int_equal(ask(0, 500), 100);
	assert_int_equal(ask(1001, 500), 50);
	assert_int_equal(ask(1000, 1), 0);
}

static void what_was_refused_is_told_once_with_its_number(void **state)
{
	start(10);
	ask(1000, 100);
	rate_report(&rate);
	assert_int_equal(told.lines, 0);
	ask(1000, 4711);
	rate_report(&rate);
	assert_int_equal(told.lines, 1);
	assert_int_equal(told.uid, 1000);
	assert_int_equal(told.pid, 77);
	assert_int_equal(told.excess, 4711);
	rate_report(&rate);
	assert_int_equal(told.lines, 1);
}

/* Whoever has more numbers than there are places loses no line, and takes no other's allowance. */
static void more_users_than_places_are_served_and_told_of(void **state)
{
	start(10);
	assert_int_equal(ask(1, 101), 100);
	for (uid_t uid = 2; uid < 3 * RATE_USERS; uid++)
		assert_int_equal(ask(uid, 1), 1);
	assert_true(rate.count <= RATE_USERS);
	/* The one who has asked most is remembered. */
	assert_int_equal(ask(1, 1), 0);
	rate_report(&rate);
	assert_int_equal(told.lines, 1);
	assert_int_equal(told.excess, 2);
}

static void line_is_told_before_its_place_is_another_s(void **state)
{
	start(10);
	for (uid_t uid = 1; uid <= RATE_USERS; uid++)
		ask(uid, 101);
	assert_int_equal(told.lines, 0);
	assert_int_equal(ask(RATE_USERS + 1, 1), 1);
	assert_int_equal(told.lines, 1);
	assert_int_equal(told.excess, 1);
}

static void place_of_who_is_silent_is_used_again(void **state)
{
	start(10);
	for (uid_t uid = 1; uid <= 100; uid++) {
		ask(uid, 1);
		rate.now += RATE_SECOND;
	}
	assert_int_equal(rate.count, 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(burst_of_ten_seconds_is_served_and_no_more),
	cmocka_unit_test(second_later_a_second_s_worth_is_served),
	cmocka_unit_test(even_pace_is_always_served),
	cmocka_unit_test(users_do_not_take_from_each_other),
	cmocka_unit_test(what_was_refused_is_told_once_with_its_number),
	cmocka_unit_test(more_users_than_places_are_served_and_told_of),
	cmocka_unit_test(line_is_told_before_its_place_is_another_s),
	cmocka_unit_test(place_of_who_is_silent_is_used_again),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
