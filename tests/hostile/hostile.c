/* SPDX-License-Identifier: MIT */
/*
 * A process that forks, executes, exits, remaps, changes its credentials and floods itself
 * with signals, while eight threads write, read, protect and ask: no success is wrong,
 * nothing leaks, and it takes no harm.
 *
 *   MACHVM_TEST_OPERATIONS   of each thread in each siege (default 300)
 */
#include "siege.h"

#include "random.h"

#include <malloc.h>

static uint64_t operations;

static void lay_siege(const char *name, unsigned modes, bool signals, unsigned room)
{
	siege_run(&(struct siege){.name = name,
				  .modes = modes,
				  .operations = operations,
				  .signals = signals,
				  .room = room});
}

#define MODE(name) (1u << MISCHIEF_##name)
#define ALL        ((1u << MISCHIEF_COUNT) - 1)

static void forking_victim_is_served_and_its_children_left_alone(void **state)
{
	lay_siege("forks", MODE(FORK), false, 0);
}

static void executing_victim_takes_no_harm(void **state)
{
	lay_siege("executes", MODE(EXEC), false, 0);
}

static void next_owner_of_a_number_is_left_alone(void **state)
{
	lay_siege("exits", MODE(EXIT), false, 0);
}

static void remapping_victim_takes_no_harm(void **state)
{
	lay_siege("remaps", MODE(REMAP), false, 0);
}

static void victim_that_changes_credentials_takes_no_harm(void **state)
{
	lay_siege("changes credentials", MODE(CREDENTIALS), false, 0);
}

static void victim_under_signals_loses_none(void **state)
{
	lay_siege("signals", MODE(SIGNALS), false, 0);
}

static void victim_that_does_everything_takes_no_harm(void **state)
{
	lay_siege("everything", ALL, false, 0);
}

static void interrupted_caller_does_no_harm(void **state)
{
	lay_siege("everything, and signals of the caller", ALL, true, 0);
	/* Calls are longer where they succeed. */
	lay_siege("much, and signals of the caller", ALL & ~(MODE(EXIT) | MODE(EXEC)), true, 0);
}

static void caller_short_of_descriptors_does_no_harm(void **state)
{
	for (unsigned room = 4; room <= 20; room += 8)
		lay_siege("everything, and few descriptors", ALL, false, room);
}

/* What is made once in a program's life is there afterwards. */
static int settle(void **state)
{
	static bool settled;

	if (settled)
		return 0;
	settled = true;
	siege_run(&(struct siege){.name = "warming up",
				  .modes = ALL & ~(MODE(EXIT) | MODE(EXEC)),
				  .operations = 1500,
				  .settles = true});
	siege_totals = (struct siege_totals){0};
	operations = random_setting("MACHVM_TEST_OPERATIONS", 300);
	return 0;
}

static void totals_are_told(void **state)
{
	const struct siege_totals *t = &siege_totals;

	print_message(
		"%llu operations: %llu succeeded, %llu were refused, %llu of them for lack of "
		"time; %llu generations, %llu forks, %llu execs, %llu exits, %llu remaps, %llu "
		"changes of credentials, %llu floods, %llu interruptions\n",
		(unsigned long long)t->operations, (unsigned long long)t->successes,
		(unsigned long long)t->refusals, (unsigned long long)t->timeouts,
		(unsigned long long)t->generations, (unsigned long long)t->rounds[MISCHIEF_FORK],
		(unsigned long long)t->rounds[MISCHIEF_EXEC],
		(unsigned long long)t->rounds[MISCHIEF_EXIT],
		(unsigned long long)t->rounds[MISCHIEF_REMAP],
		(unsigned long long)t->rounds[MISCHIEF_CREDENTIALS],
		(unsigned long long)t->rounds[MISCHIEF_SIGNALS], (unsigned long long)t->rings);
	assert_true(t->successes > t->operations / 20);
}

static int end(void **state)
{
	siege_end();
	return harness_teardown(state);
}

#define SIEGE(function) cmocka_unit_test_setup_teardown(function, settle, end)

static const struct CMUnitTest tests[] = {
	SIEGE(forking_victim_is_served_and_its_children_left_alone),
	SIEGE(executing_victim_takes_no_harm),
	SIEGE(next_owner_of_a_number_is_left_alone),
	SIEGE(remapping_victim_takes_no_harm),
	SIEGE(victim_that_changes_credentials_takes_no_harm),
	SIEGE(victim_under_signals_loses_none),
	SIEGE(victim_that_does_everything_takes_no_harm),
	SIEGE(interrupted_caller_does_no_harm),
	SIEGE(caller_short_of_descriptors_does_no_harm),
	SIEGE(totals_are_told),
};

HARNESS_MAIN_IF(tests, mallopt(M_ARENA_MAX, 1);)
