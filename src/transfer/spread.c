/* SPDX-License-Identifier: MIT */
/* spread.c - who does what next, and how many there are to do it. */
#include "spread.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "text.h"
#include "threads.h"

static _Atomic unsigned chosen;

/* MACHVM_THREADS, or 0 when it is not set or says nothing. Never of a program with more rights. */
static unsigned asked_for(void)
{
	const char *text = secure_getenv("MACHVM_THREADS");
	char *end;
	unsigned long lanes;

	if (!text || !*text)
		return 0;
	lanes = strtoul(text, &end, 10);
	if (*end || text[0] == '-')
		return 0;
	return lanes > MACHVM__THREADS_MAX ? MACHVM__THREADS_MAX : (unsigned)lanes;
}

static unsigned wanted(void)
{
	unsigned lanes = atomic_load_explicit(&chosen, memory_order_relaxed);

	return lanes ? lanes : asked_for();
}

unsigned machvm__spread_lanes(void)
{
	unsigned lanes = wanted();

	if (lanes)
		return lanes;
	lanes = machvm__threads_processors();
	return lanes > MACHVM__SPREAD_USUAL ? MACHVM__SPREAD_USUAL : lanes;
}

unsigned machvm__spread_set(unsigned lanes)
{
	return atomic_exchange(&chosen, lanes > MACHVM__THREADS_MAX ? MACHVM__THREADS_MAX : lanes);
}

/*
 * From how much on it pays is what the last calls have shown. A lane that comes too late, or
 * has to be waited for, costs the same time whatever the work. With a caller who would need
 * A for all of it, and n lanes that took W, that is as if each of the others had come
 * (nW - A) / (n - 1) late; and what the caller does alone in that time gains nothing by
 * lanes. The mean follows an eighth of each, and of no more than BOUND: a single mishap does
 * not decide, and what is as long as BOUND is always spread. Nothing is believed for longer
 * than a second after the last such call, for a busy machine comes to rest.
 */
#define BELIEVED 1000000000u
#define BOUND    (4 * MACHVM__SPREAD_LEAST)
static _Atomic size_t even;
static _Atomic uint64_t even_seen;

static size_t believed(uint64_t now)
{
	return now - atomic_load_explicit(&even_seen, memory_order_relaxed) < BELIEVED
	               ? atomic_load_explicit(&even, memory_order_relaxed)
	               : MACHVM__SPREAD_LEAST / 2;
}

bool machvm__spread_pays(size_t weight)
{
	return weight >= MACHVM__SPREAD_LEAST && machvm__spread_lanes() > 1 &&
	       (wanted() || weight >= believed(machvm__text_now()));
}

/* `share` of the weight was the caller's, who was busy with it for a part of the whole time. */
static void learn(unsigned lanes, size_t weight, double share, double busy, double whole)
{
	uint64_t now = machvm__text_now();
	double late = (lanes * whole * share / busy - 1) / (lanes - 1) * (double)weight;
	double mean = (double)believed(now);

	late = late < 0 ? 0 : late > (double)BOUND ? (double)BOUND : late;
	atomic_store_explicit(&even, (size_t)(mean + (late - mean) / 8), memory_order_relaxed);
	atomic_store_explicit(&even_seen, now, memory_order_relaxed);
}

/*
 * Every lane has a stretch of neighbours, and takes from its front. Who has done with his
 * own takes from the backs of the others'. So lanes stay far from each other, nobody waits
 * for more than one item at the end, and of a lane that starts late, or never, the rest
 * does the work.
 */
struct stretch {
	size_t first, count;
	_Atomic size_t taken; /* by both; beyond count there was nothing to take */
	_Atomic size_t front, back;
};

struct spread {
	bool (*work)(void *context, unsigned lane, size_t i);
	void *context;
	unsigned lanes;
	_Atomic bool stopped;
	size_t callers;      /* items that lane 0 did */
	uint64_t callers_ns; /* in which time */
	struct stretch stretches[MACHVM__THREADS_MAX];
};

/* The items of one stretch, as long as there are any: how many. */
static size_t serve_stretch(struct spread *spread, unsigned lane, struct stretch *stretch)
{
	bool own = stretch == &spread->stretches[lane];
	size_t done = 0;

	while (!atomic_load_explicit(&spread->stopped, memory_order_relaxed) &&
	       atomic_fetch_add(&stretch->taken, 1) < stretch->count) {
		size_t i = own ? atomic_fetch_add(&stretch->front, 1)
		               : stretch->count - 1 - atomic_fetch_add(&stretch->back, 1);

		if (!spread->work(spread->context, lane, stretch->first + i))
			atomic_store(&spread->stopped, true);
		done++;
	}
	return done;
}

static void serve(void *argument, unsigned lane)
{
	struct spread *spread = argument;
	uint64_t start = machvm__text_now();
	size_t done = 0;

	for (unsigned i = 0; i < spread->lanes; i++)
		done += serve_stretch(spread, lane, &spread->stretches[(lane + i) % spread->lanes]);
	if (lane)
		return;
	spread->callers = done;
	spread->callers_ns = machvm__text_now() - start;
}

void machvm__spread(unsigned lanes, size_t count, size_t weight,
                    bool (*work)(void *context, unsigned lane, size_t i), void *context)
{
	struct spread spread;
	uint64_t start;

	if (lanes > count)
		lanes = (unsigned)count;
	if (lanes < 2) {
		for (size_t i = 0; i < count && work(context, 0, i);)
			i++;
		return;
	}
	start = machvm__text_now();
	spread.work = work;
	spread.context = context;
	spread.lanes = lanes;
	spread.stopped = false;
	for (size_t i = 0, first = 0; i < lanes; i++) {
		size_t share = (count - first) / (lanes - i);

		spread.stretches[i] = (struct stretch){.first = first, .count = share};
		first += share;
	}
	machvm__threads_run(lanes, serve, &spread);
	if (weight && !spread.stopped && spread.callers_ns)
		learn(lanes, weight, (double)spread.callers / (double)count,
		      (double)spread.callers_ns, (double)(machvm__text_now() - start));
}
