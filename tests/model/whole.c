/* SPDX-License-Identifier: MIT */
/*
 * The whole interface against a model: random sequences over every family of routines, on a
 * victim and the child that it forks, with each answer and each effect predicted by
 * the model (world.h). After every few steps both report their memory and their maps.
 *
 *   MACHVM_TEST_SEED    repeats a run
 *   MACHVM_TEST_STEPS   how many steps in each kind of victim (default 20,000)
 *   MACHVM_TEST_EVERY   how many between two reports (default 4)
 *
 * A failure shows the last steps.
 */
#include "random.h"
#include "world.h"

#include <string.h>

#define LOG_STEPS  60
#define LOG_LENGTH 160

static char notes[LOG_STEPS][LOG_LENGTH];
static uint64_t noted;
static bool under_way;

void step_note(const char *format, ...)
{
	char *note = notes[noted++ % LOG_STEPS];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(note, LOG_LENGTH, format, arguments);
	va_end(arguments);
	trying("step %llu: %s", (unsigned long long)world.step, note);
}

void step_add(const char *text)
{
	char *note = notes[(noted - 1) % LOG_STEPS];
	size_t length = strlen(note);

	if (noted > 0)
		snprintf(note + length, LOG_LENGTH - length, "%s", text);
}

void step_tell(void)
{
	uint64_t first = noted > LOG_STEPS ? noted - LOG_STEPS : 0;

	for (uint64_t i = first; i < noted; i++)
		print_message("%llu. %s\n", (unsigned long long)i, notes[i % LOG_STEPS]);
}

static const struct {
	void (*take)(void);
	unsigned often;
} steps[] = {
	{step_write, 20},  {step_read, 12},    {step_copy, 8},      {step_list, 10},
	{step_find, 2},    {step_protect, 12}, {step_allocate, 10}, {step_deallocate, 3},
	{step_inherit, 4}, {step_behavior, 4}, {step_wire, 3},      {step_purgable, 2},
	{step_advice, 2},  {step_map, 6},      {step_entry, 3},     {step_map_entry, 6},
	{step_remap, 6},   {step_region, 8},   {step_walk, 2},      {step_page, 3},
	{step_suspend, 4}, {step_token, 4},    {step_thread, 4},    {step_port, 6},
	{step_travel, 2},  {step_weak, 2},     {step_process, 1},
};

static void take_one(void)
{
	unsigned sum = 0, choice;

	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++)
		sum += steps[i].often;
	choice = random_below(sum);
	for (unsigned i = 0; i < ARRAY_SIZE(steps); choice -= steps[i++].often)
		if (choice < steps[i].often) {
			steps[i].take();
			return;
		}
}

static void take_in_time(void)
{
	if (setjmp(world.out) == 0) {
		take_one();
		return;
	}
	step_note("that took too long: all begins anew");
	world_begin_anew();
}

static void run(enum word word)
{
	uint64_t count = random_setting("MACHVM_TEST_STEPS", harness_is_valgrind() ? 200 : 20000) /
			 harness_share();
	uint64_t every = random_setting("MACHVM_TEST_EVERY", 4);

	random_start();
	memset(&world, 0, sizeof(world));
	noted = 0;
	under_way = true;
	world_open(word);
	for (world.step = 0; world.step < count; world.step++) {
		take_in_time();
		if (world.step % every == 0)
			world_check();
	}
	step_note("end");
	for (unsigned i = 0; i < 2; i++)
		if (world.process[i].victim)
			world_let_go(&world.process[i]);
	world_check();
	world_close();
	under_way = false;
	assert_true(world.late <= count / 100);
	print_message("%llu steps: %llu answers of success, %llu of failure as they had to be, "
		      "%llu reports compared\n",
		      (unsigned long long)count, (unsigned long long)world.done,
		      (unsigned long long)world.refused, (unsigned long long)world.checks);
}

static void random_steps_on_victim_match_the_model(void **state)
{
	run(WORD_64);
}

static void random_steps_on_32_bit_victim_match_the_model(void **state)
{
	run(WORD_32);
}

static int tell_and_teardown(void **state)
{
	if (under_way)
		step_tell();
	under_way = false;
	return harness_teardown(state);
}

#define MODEL_TEST(function) cmocka_unit_test_setup_teardown(function, NULL, tell_and_teardown)

static const struct CMUnitTest tests[] = {
	MODEL_TEST(random_steps_on_victim_match_the_model),
	MODEL_TEST(random_steps_on_32_bit_victim_match_the_model),
};

HARNESS_MAIN(tests)
