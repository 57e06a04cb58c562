/* SPDX-License-Identifier: MIT */
/*
 * Every alignment by every length by every kind of bad page at every position,
 * for writes, reads and both sides of a copy, on the own task and on victims of
 * both word lengths. After each call the whole ground is verified: a failure
 * has changed nothing, a success exactly the bytes that were asked for.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <stdio.h>
#include <string.h>

#define FIRST 2u      /* transfers begin in this page, and touch up to four */
#define SECOND 9u     /* the other side of a copy begins in this one */
#define ALIGNMENTS 17u

static const size_t lengths[] = {
	0, 1, 2, 7, 8, 15, 16, 17, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, 2 * PAGE, 2 * PAGE + 1,
	3 * PAGE - 1, 3 * PAGE,
};

static const char *const bad_kinds[] = {
	"hole", "ro", "guard", "eof-private", "eof-shared", "secret", "none",
};

struct matrix {
	struct ground ground;
	struct ground local;
	uint64_t number; /* of the case: takes the next spelling, alignment and data */
	uint64_t position, share;
};

/* Run for each alignment and length while page `bad` of the ground is what it is. */
typedef void (*matrix_case)(struct matrix *matrix, unsigned alignment, size_t length);

static void run_cases(struct matrix *matrix, matrix_case run)
{
	for (unsigned alignment = 0; alignment < ALIGNMENTS; alignment++)
		for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++)
			if (matrix->position++ % matrix->share == 0)
				run(matrix, alignment, lengths[i]);
}

/*
 * All cases with no bad page, then with each kind of bad page at each position
 * from the one before the first touched page to the one behind the last.
 */
static void run_matrix(enum place place, unsigned pages, unsigned first, matrix_case run)
{
	static struct matrix matrix;

	matrix.number = 0;
	matrix.position = 0;
	matrix.share = harness_share();
	ground_open(&matrix.ground, place, pages);
	ground_open_local(&matrix.local, 8);
	ground_lay(&matrix.ground, 0, pages, "rw");
	ground_lay(&matrix.local, 1, 6, "rw");
	run_cases(&matrix, run);
	for (unsigned kind = 0; kind < ARRAY_SIZE(bad_kinds); kind++) {
		for (unsigned bad = first - 1; bad < first + 5; bad++) {
			if (ground_lay(&matrix.ground, bad, 1, bad_kinds[kind]))
				run_cases(&matrix, run);
			ground_lay(&matrix.ground, bad, 1, "rw");
		}
	}
	ground_close(&matrix.ground);
	ground_close(&matrix.local);
}

/* Half of the buffers end flush against a hole, the others begin at every alignment. */
static uint64_t local_address(struct matrix *matrix, size_t length)
{
	uint64_t number = matrix->number;

	if (number % 2 == 0)
		return matrix->local.base + 7 * PAGE - length;
	return matrix->local.base + PAGE + number / 2 % ALIGNMENTS;
}

static void describe(struct matrix *matrix, const char *call, uint64_t address, size_t length,
		     uint64_t local)
{
	const struct ground *ground = &matrix->ground;
	char map[GROUND_PAGES * 16] = "";
	size_t used = 0;

	for (unsigned i = 0; i < ground->pages && used < sizeof(map) - 16; i++)
		if (strcmp(ground->kind[i]->name, "rw") != 0)
			used += (size_t)snprintf(map + used, sizeof(map) - used, " %u:%s", i,
						 ground->kind[i]->name);
	trying("%s in %s: %zu bytes at page %llu + %llu, buffer at page + %llu; pages%s", call,
	       ground->name, length, (unsigned long long)((address - ground->base) / PAGE),
	       (unsigned long long)(address % PAGE), (unsigned long long)(local % PAGE),
	       used > 0 ? map : " all rw");
}

static void write_case(struct matrix *matrix, unsigned alignment, size_t length)
{
	struct ground *ground = &matrix->ground;
	const struct call *call = &write_calls[matrix->number % write_call_count];
	uint64_t address = ground->base + FIRST * PAGE + alignment, bad;
	uint64_t local = local_address(matrix, length);
	void *data = ground_pointer(&matrix->local, local);
	kern_return_t want = ground_judge(ground, ACCESS_WRITE, false, address, length, &bad);

	matrix->number++;
	describe(matrix, call->name, address, length, local);
	pattern_fill(data, address, length, matrix->number);
	expect_code(call->run(ground->task, address, data, length), want);
	if (want == KERN_SUCCESS)
		memcpy(ground_expect(ground, address), data, length);
	else
		expect_detail(want, bad);
	ground_verify(ground);
}

static void read_case(struct matrix *matrix, unsigned alignment, size_t length)
{
	struct ground *ground = &matrix->ground;
	const struct call *call = &read_calls[matrix->number % read_call_count];
	uint64_t address = ground->base + FIRST * PAGE + alignment, bad;
	uint64_t local = local_address(matrix, length);
	void *data = ground_pointer(&matrix->local, local);
	uint8_t *expect = ground_expect(&matrix->local, local);
	kern_return_t want = ground_judge(ground, ACCESS_READ, false, address, length, &bad);

	matrix->number++;
	describe(matrix, call->name, address, length, local);
	pattern_fill(data, address, length, matrix->number);
	memcpy(expect, data, length);
	expect_code(call->run(ground->task, address, data, length), want);
	if (want == KERN_SUCCESS)
		memcpy(expect, ground_expect(ground, address), length);
	else
		expect_detail(want, bad);
	ground_verify(&matrix->local);
	ground_verify(ground);
}

static void copy_between(struct matrix *matrix, uint64_t source, uint64_t dest, size_t length)
{
	struct ground *ground = &matrix->ground;
	const struct copy_call *call = &copy_calls[matrix->number % copy_call_count];
	uint64_t bad;
	kern_return_t want = ground_judge(ground, ACCESS_READ, false, source, length, &bad);

	if (want == KERN_SUCCESS)
		want = ground_judge(ground, ACCESS_WRITE, false, dest, length, &bad);
	matrix->number++;
	describe(matrix, call->name, source, length, dest);
	expect_code(call->run(ground->task, source, length, dest), want);
	if (want == KERN_SUCCESS)
		memmove(ground_expect(ground, dest), ground_expect(ground, source), length);
	else
		expect_detail(want, bad);
	ground_verify(ground);
}

/* Between the two sides, so that the bytes at the destination differ each time. */
static void copy_case(struct matrix *matrix, unsigned alignment, size_t length)
{
	struct ground *ground = &matrix->ground;
	uint64_t other = matrix->number * 5 % ALIGNMENTS;

	copy_between(matrix, ground->base + FIRST * PAGE + alignment,
		     ground->base + SECOND * PAGE + other, length);
}

static void copy_back_case(struct matrix *matrix, unsigned alignment, size_t length)
{
	struct ground *ground = &matrix->ground;
	uint64_t other = matrix->number * 5 % ALIGNMENTS;

	copy_between(matrix, ground->base + SECOND * PAGE + other,
		     ground->base + FIRST * PAGE + alignment, length);
}

/* One test for each place: name and function are made together. */
#define MATRIX(subject, outcome, pages, run)                                          \
	static void subject##_in_own_task_##outcome(void **state)                     \
	{                                                                             \
		run_matrix(PLACE_OWN, pages, FIRST, run);                             \
	}                                                                             \
	static void subject##_in_victim_##outcome(void **state)                       \
	{                                                                             \
		run_matrix(PLACE_VICTIM, pages, FIRST, run);                          \
	}                                                                             \
	static void subject##_in_32_bit_victim_##outcome(void **state)                \
	{                                                                             \
		run_matrix(PLACE_VICTIM_32, pages, FIRST, run);                       \
	}

MATRIX(write, is_whole_or_nothing, 8, write_case)
MATRIX(read, is_whole_or_nothing, 8, read_case)
MATRIX(copy_from_bad_source, is_whole_or_nothing, 16, copy_case)
MATRIX(copy_to_bad_destination, is_whole_or_nothing, 16, copy_back_case)

#define MATRIX_TESTS(subject, outcome)                                                \
	TEST(subject##_in_own_task_##outcome), TEST(subject##_in_victim_##outcome),   \
		TEST(subject##_in_32_bit_victim_##outcome)

static const struct CMUnitTest tests[] = {
	MATRIX_TESTS(write, is_whole_or_nothing),
	MATRIX_TESTS(read, is_whole_or_nothing),
	MATRIX_TESTS(copy_from_bad_source, is_whole_or_nothing),
	MATRIX_TESTS(copy_to_bad_destination, is_whole_or_nothing),
};

HARNESS_MAIN(tests)
