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
	size_t share; /* taken at a time */
	_Atomic size_t next;
};

static void serve(void *argument, unsigned lane)
{
	struct queue *queue = argument;
	size_t first;

	while ((first = atomic_fetch_add(&queue->next, queue->share)) < queue->count) {
		for (size_t i = first; i < queue->count && i - first < queue->share; i++) {
			if (queue->work(queue->context, lane, i))
				continue;
			atomic_store(&queue->next, queue->count);
			return;
		}
	}
}

/* Two for each lane, so that one that is held up leaves something to the others. */
static size_t share_of(unsigned lanes, size_t count, size_t bytes)
{
	size_t each = bytes / count ? bytes / count : 1;
	size_t share = count / 2 / lanes;

	if (share > MACHVM__SPREAD_SHARE_MOST / each)
		share = MACHVM__SPREAD_SHARE_MOST / each;
	if (share < MACHVM__SPREAD_SHARE_LEAST / each)
		share = MACHVM__SPREAD_SHARE_LEAST / each;
	if (share > count / lanes)
		share = count / lanes;
	return share ? share : 1;
}

void machvm__spread(unsigned lanes, size_t count, size_t bytes,
                    bool (*work)(void *context, unsigned lane, size_t i), void *context)
{
	struct queue queue = {.work = work, .context = context, .count = count};

	if (!count)
		return;
	if (lanes > count)
		lanes = (unsigned)count;
	queue.share = share_of(lanes, count, bytes);
	machvm__threads_run(lanes, serve, &queue);
}
