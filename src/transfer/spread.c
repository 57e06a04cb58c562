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

struct queue {
	bool (*work)(void *context, unsigned lane, size_t i);
	void *context;
	size_t count;
	_Atomic size_t next;
};

static void serve(void *argument, unsigned lane)
{
	struct queue *queue = argument;
	size_t i;

	while ((i = atomic_fetch_add(&queue->next, 1)) < queue->count)
		if (!queue->work(queue->context, lane, i))
			atomic_store(&queue->next, queue->count);
}

void machvm__spread(unsigned lanes, size_t count,
                    bool (*work)(void *context, unsigned lane, size_t i), void *context)
{
	struct queue queue = {.work = work, .context = context, .count = count};

	if (lanes > count)
		lanes = (unsigned)count;
	machvm__threads_run(lanes, serve, &queue);
}
