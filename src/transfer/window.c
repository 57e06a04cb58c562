/* SPDX-License-Identifier: MIT */
/*
 * window.c - which places of the memory are worth a look. A needle that has a
 * byte other than zero can only be where some page was touched, or begin just
 * before one.
 */
#include "window.h"

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t page_floor(uint64_t address)
{
	return address & ~(uint64_t)(machvm__page_size() - 1);
}

static uint64_t page_ceiling(uint64_t address)
{
	return page_floor(address + machvm__page_size() - 1);
}

/* How much a window holds in all. */
static uint64_t budget(const struct machvm__window *window)
{
	return (uint64_t)MACHVM__WINDOW_CHUNKS / 2 * window->chunk_size;
}

static void add_run(struct machvm__window *window, uint64_t start, uint64_t end)
{
	struct machvm__run *last = &window->runs[window->run_count ? window->run_count - 1 : 0];

	if (window->run_count && last->end == start)
		last->end = end;
	else
		window->runs[window->run_count++] = (struct machvm__run){start, end};
}

/* Learns what there is from `at` on, at most to `end`: how far that is known now. */
static uint64_t learn(struct machvm__window *window, const struct machvm__stretch *stretch,
                      uint64_t at, uint64_t end)
{
	struct machvm__search *search = window->search;
	struct machvm__run runs[64];
	uint64_t stop;
	int n = -1;

	if (stretch->zeros && !machvm__needle_fits_zeros(&search->needle))
		n = machvm__target_touched(search->target, page_floor(at), page_ceiling(end), runs,
		                           64, &stop);
	/* What cannot be known counts as touched. */
	if (n < 0) {
		add_run(window, at, end);
		return end;
	}
	for (int i = 0; i < n; i++)
		add_run(window, runs[i].start > at ? runs[i].start : at, lower(runs[i].end, end));
	return lower(stop, end);
}

/* Places in [start, end), as chunks; false when there is no room for more. */
static bool add_chunks(struct machvm__window *window, uint64_t start, uint64_t end, uint64_t limit)
{
	while (start < end) {
		uint64_t stop = lower(end, (start / window->chunk_size + 1) * window->chunk_size);

		if (window->chunk_count == MACHVM__WINDOW_CHUNKS)
			return false;
		window->chunks[window->chunk_count++] =
			(struct machvm__chunk){.start = start, .end = stop, .limit = limit};
		start = stop;
	}
	return true;
}

/*
 * The places in [start, stop) from which a match reaches a run; the runs from
 * `first` on are theirs, and bytes are known up to `limit`. Returns how far it came.
 */
static uint64_t add_places(struct machvm__window *window, size_t first, uint64_t start,
                           uint64_t stop, uint64_t limit)
{
	uint64_t at = start;

	for (size_t i = first; i < window->run_count && at < stop; i++) {
		const struct machvm__run *run = &window->runs[i];
		uint64_t from = run->start - start > window->reach ? run->start - window->reach : start;

		if (from < at)
			from = at;
		at = lower(run->end, stop);
		if (from < at && !add_chunks(window, from, at, limit))
			return window->chunks[window->chunk_count - 1].end;
	}
	return stop;
}

/* Goes on in the stretch at the place and in those that touch it: how far is known. */
static uint64_t learn_on(struct machvm__window *window, struct machvm__search_place *place, bool *ended)
{
	const struct machvm__search *search = window->search;
	uint64_t known = place->at, most = known + budget(window);

	*ended = false;
	while (window->run_count + 64 <= MACHVM__WINDOW_RUNS && known < most) {
		const struct machvm__stretch *stretch = &search->stretches[place->stretch];

		known = learn(window, stretch, known, lower(stretch->end, most));
		if (known < stretch->end)
			continue;
		place->stretch++;
		*ended = place->stretch == search->count ||
		         search->stretches[place->stretch].start != known;
		if (*ended)
			break;
	}
	return known;
}

/* Back to the stretch in which the place is. */
static void settle(const struct machvm__window *window, struct machvm__search_place *place, uint64_t at)
{
	const struct machvm__stretch *stretches = window->search->stretches;

	place->at = at;
	while (place->stretch == window->search->count || stretches[place->stretch].start > at)
		place->stretch--;
}

bool machvm__window_plan(struct machvm__window *window, struct machvm__search_place *place)
{
	const struct machvm__search *search = window->search;

	window->run_count = window->chunk_count = 0;
	/* Small stretches share a window. */
	while (place->stretch < search->count && window->run_count + 64 <= MACHVM__WINDOW_RUNS &&
	       window->chunk_count < MACHVM__WINDOW_CHUNKS / 2) {
		size_t first = window->run_count;
		uint64_t start = place->at, known, stop, came;
		bool ended;

		known = learn_on(window, place, &ended);
		/* Matches that begin in the last bytes are the next window's: it knows what follows. */
		stop = ended ? known : known - lower(window->reach, known - start - 1);
		came = add_places(window, first, start, stop, known);
		if (came < stop || !ended) {
			settle(window, place, came);
			return true;
		}
		if (place->stretch < search->count)
			place->at = search->stretches[place->stretch].start;
	}
	return window->chunk_count || place->stretch < search->count;
}
