/* SPDX-License-Identifier: MIT */
/* spread.c - who does what next, and how many there are to do it. */
#include "spread.h"

#include <stdatomic.h>
#include <stdlib.h>

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

unsigned machvm__spread_lanes(void)
{
	unsigned lanes = atomic_load_explicit(&chosen, memory_order_relaxed);

	if (!lanes)
		lanes = asked_for();
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
	struct stretch stretches[MACHVM__THREADS_MAX];
};

/* The items of one stretch, as long as there are any. */
static void serve_stretch(struct spread *spread, unsigned lane, struct stretch *stretch)
{
	bool own = stretch == &spread->stretches[lane];

	while (!atomic_load_explicit(&spread->stopped, memory_order_relaxed) &&
	       atomic_fetch_add(&stretch->taken, 1) < stretch->count) {
		size_t i = own ? atomic_fetch_add(&stretch->front, 1)
		               : stretch->count - 1 - atomic_fetch_add(&stretch->back, 1);

		if (!spread->work(spread->context, lane, stretch->first + i))
			atomic_store(&spread->stopped, true);
	}
}

static void serve(void *argument, unsigned lane)
{
	struct spread *spread = argument;

	for (unsigned i = 0; i < spread->lanes; i++)
		serve_stretch(spread, lane, &spread->stretches[(lane + i) % spread->lanes]);
}

void machvm__spread(unsigned lanes, size_t count, bool (*work)(void *context, unsigned lane, size_t i),
                    void *context)
{
	struct spread spread;

	if (lanes > count)
		lanes = (unsigned)count;
	if (lanes < 2) {
		for (size_t i = 0; i < count && work(context, 0, i);)
			i++;
		return;
	}
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
}
