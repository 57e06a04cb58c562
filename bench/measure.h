/* SPDX-License-Identifier: MIT */
/*
 * measure.h - several ways to do one thing, timed side by side.
 *
 * A round times every side once, for the same number of repetitions; the next
 * round starts with another side. What machines do to a run - frequency, other
 * people, interrupts - falls on all sides alike, and a figure is the median of
 * what single rounds say.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

struct side {
	const char *name;
	void (*run)(void *context, unsigned repetitions);
};

enum { SIDES_MAX = 8 };

struct samples {
	unsigned sides;
	unsigned rounds;
	unsigned repetitions;
	double *ns; /* [round * sides + side], of one repetition */
};

/* Takes about `seconds`, and at least a few rounds however long they are. */
void measure(struct samples *samples, const struct side *sides, unsigned count, void *context,
	     double seconds);
void measure_free(struct samples *samples);

uint64_t now_ns(void);

enum goal {
	GOAL_NONE,
	GOAL_RATIO,    /* ours / rival at most */
	GOAL_EXTRA_NS, /* ours - rival at most */
	GOAL_NS,       /* ours at most */
};

struct row {
	const char *group;
	const char *name;
	enum goal goal;
	double limit;
	const char *note; /* what is counted, where that is not plain; may be null */
};

/* One line of JSON on standard output: side `ours` against side `rival`. */
void row_print(const struct row *row, const struct samples *samples, const struct side *sides,
	       unsigned ours, unsigned rival);
/* The same for a side that stands alone. */
void row_print_alone(const struct row *row, const struct samples *samples, const struct side *sides,
		     unsigned ours);

/* Single times, each of which counts: the median, and in a row of its own the 99th percentile. */
void row_print_still(const struct row *row, double *ns, unsigned count);

/* Ends the run: a benchmark whose calls fail measures nothing. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif
