/* SPDX-License-Identifier: MIT */
/* measure.c - rounds, medians, and the rows that go to the report. */
#include "measure.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A batch shorter than this is mostly the clock; a longer one meets more interrupts. */
#define BATCH_NS 400000.0

enum { ROUNDS_LEAST = 5, ROUNDS_MOST = 1001 };

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double timed(const struct side *side, void *context, unsigned repetitions)
{
	uint64_t start = now_ns();

	side->run(context, repetitions);
	return (double)(now_ns() - start);
}

/* Enough repetitions for the quickest side to fill a batch; also warms everything. */
static unsigned calibrate(const struct side *sides, unsigned count, void *context)
{
	unsigned repetitions = 1;

	for (;;) {
		double least = HUGE_VAL, round_ns = 0;

		for (unsigned i = 0; i < count; i++) {
			double ns = timed(&sides[i], context, repetitions);

			least = fmin(least, ns);
			round_ns += ns;
		}
		if (least >= BATCH_NS || round_ns >= count * 4 * BATCH_NS ||
		    repetitions >= 1u << 20)
			return repetitions;
		repetitions *= 2;
	}
}

void measure(struct samples *samples, const struct side *sides, unsigned count, void *context,
	     double seconds)
{
	unsigned repetitions = calibrate(sides, count, context);
	uint64_t deadline = now_ns() + (uint64_t)(seconds * 1e9);
	unsigned round = 0;

	*samples = (struct samples){.sides = count, .repetitions = repetitions};
	samples->ns = calloc((size_t)ROUNDS_MOST * count, sizeof *samples->ns);
	if (!samples->ns)
		die("no memory for the rounds");
	/* By the clock: on a busy machine fewer rounds, not a longer run. */
	for (; round < ROUNDS_LEAST || (round < ROUNDS_MOST && now_ns() < deadline); round++) {
		for (unsigned i = 0; i < count; i++) {
			unsigned which = (round + i) % count;

			samples->ns[round * count + which] =
				timed(&sides[which], context, repetitions) / repetitions;
		}
	}
	samples->rounds = round;
}

void measure_free(struct samples *samples)
{
	free(samples->ns);
	samples->ns = NULL;
}

/* What one round says about one side, or about two. */
typedef double pick(const double *round, unsigned ours, unsigned rival);

static double pick_time(const double *round, unsigned ours, unsigned rival)
{
	return round[ours];
}

static double pick_ratio(const double *round, unsigned ours, unsigned rival)
{
	return round[ours] / round[rival];
}

static double pick_extra(const double *round, unsigned ours, unsigned rival)
{
	return round[ours] - round[rival];
}

/*
 * `low` and `high` leave out a twentieth of the rounds on either side; the
 * median of all rounds to come lies in `sure_low` to `sure_high` with 95 %.
 */
struct summary {
	double median, low, high, sure_low, sure_high;
};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct summary summarize(const struct samples *samples, pick *value, unsigned ours,
				unsigned rival)
{
	unsigned n = samples->rounds;
	double *sorted = calloc(n, sizeof *sorted);
	unsigned edge = n / 20;
	/* Order statistics of the sign test. */
	unsigned half = (unsigned)ceil(0.98 * sqrt(n));
	unsigned middle = n / 2;
	struct summary summary;

	if (!sorted)
		die("no memory for %u rounds", n);
	for (unsigned round = 0; round < n; round++)
		sorted[round] = value(&samples->ns[round * samples->sides], ours, rival);
	qsort(sorted, n, sizeof *sorted, ascending);
	summary = (struct summary){
		.median = sorted[middle],
		.low = sorted[edge],
		.high = sorted[n - 1 - edge],
		.sure_low = sorted[middle > half ? middle - half : 0],
		.sure_high = sorted[middle + half < n ? middle + half : n - 1],
	};
	free(sorted);
	return summary;
}

static void print_summary(const char *name, struct summary s)
{
	printf(",\"%s\":{\"median\":%.6g,\"low\":%.6g,\"high\":%.6g,\"sure_low\":%.6g,"
	       "\"sure_high\":%.6g}",
	       name, s.median, s.low, s.high, s.sure_low, s.sure_high);
}

static void print_side(const char *role, const struct samples *samples, const struct side *sides,
		       unsigned which)
{
	printf(",\"%s\":\"%s\"", role, sides[which].name);
	print_summary(!strcmp(role, "ours") ? "ours_ns" : "rival_ns",
		      summarize(samples, pick_time, which, which));
}

static void print_head(const struct row *row, const struct samples *samples)
{
	printf("{\"group\":\"%s\",\"name\":\"%s\",\"rounds\":%u,\"repetitions\":%u", row->group,
	       row->name, samples->rounds, samples->repetitions);
}

static void print_tail(const struct row *row)
{
	static const char *const goals[] = {"none", "ratio", "extra_ns", "ns"};

	if (row->goal != GOAL_NONE)
		printf(",\"goal\":\"%s\",\"limit\":%g", goals[row->goal], row->limit);
	if (row->note)
		printf(",\"note\":\"%s\"", row->note);
	puts("}");
	fflush(stdout);
}

void row_print(const struct row *row, const struct samples *samples, const struct side *sides,
	       unsigned ours, unsigned rival)
{
	print_head(row, samples);
	print_side("ours", samples, sides, ours);
	print_side("rival", samples, sides, rival);
	print_summary("ratio", summarize(samples, pick_ratio, ours, rival));
	print_summary("extra_ns", summarize(samples, pick_extra, ours, rival));
	print_tail(row);
}

void row_print_still(const struct row *row, double *ns, unsigned count)
{
	static const struct side side = {"machvm", NULL};
	struct samples samples = {.sides = 1, .rounds = count, .repetitions = 1, .ns = ns};
	double worst;
	char name[128];

	row_print_alone(row, &samples, &side, 0);
	qsort(ns, count, sizeof *ns, ascending);
	worst = ns[count - 1 - count / 100];
	snprintf(name, sizeof name, "%s: 99th percentile", row->name);
	samples.ns = &worst;
	samples.rounds = 1;
	row_print_alone(&(struct row){row->group, name, row->goal, row->limit, row->note}, &samples,
			&side, 0);
}

void row_print_alone(const struct row *row, const struct samples *samples, const struct side *sides,
		     unsigned ours)
{
	print_head(row, samples);
	print_side("ours", samples, sides, ours);
	print_tail(row);
}
