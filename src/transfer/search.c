/* SPDX-License-Identifier: MIT */
/* search.c - window after window, and what they have found in ascending order. */
#include "search.h"

#include <stdlib.h>

#include "own_memory.h"
#include "spread.h"
#include "window.h"
#include "work.h"

/* Collects the places of a chunk. */
static bool remember(void *context, uint64_t address)
{
	struct machvm__chunk *chunk = context;

	if (!chunk->matches)
		chunk->matches = calloc(MACHVM__WINDOW_MATCHES, sizeof *chunk->matches);
	if (!chunk->matches || chunk->match_count == MACHVM__WINDOW_MATCHES) {
		chunk->overflow = true;
		return false;
	}
	chunk->matches[chunk->match_count++] = (uint32_t)(address - chunk->start);
	return true;
}

static bool work(void *context, unsigned lane, size_t i)
{
	struct machvm__window *window = context;

	return machvm__window_search(window, &window->chunks[i], window->buffers[lane], remember,
	                             &window->chunks[i]);
}

/* The rest of a chunk that has too many matches: searched again, and told at once. */
struct telling {
	struct machvm__search *search;
	uint64_t from;
	bool stopped;
};

static bool tell(void *context, uint64_t address)
{
	struct telling *telling = context;

	if (address >= telling->from)
		telling->stopped = telling->search->match(telling->search->context, address) != 0;
	return !telling->stopped;
}

static bool tell_chunk(struct machvm__window *window, struct machvm__chunk *chunk)
{
	struct machvm__search *search = window->search;
	struct telling telling = {.search = search, .from = chunk->start};

	for (unsigned i = 0; i < chunk->match_count && !telling.stopped; i++) {
		telling.from = chunk->start + chunk->matches[i] + 1;
		telling.stopped = search->match(search->context, telling.from - 1) != 0;
	}
	if (chunk->overflow && !telling.stopped)
		machvm__window_search(window, chunk, window->buffers[0], tell, &telling);
	search->unreadable += chunk->unreadable;
	return !telling.stopped;
}

/* Searches the window and tells what was found. False when that is the end of it. */
static bool do_window(struct machvm__window *window, unsigned lanes)
{
	bool go_on = true;

	/* One chunk is sooner searched than a thread is started. */
	if (window->chunk_count < 8)
		lanes = 1;
	machvm__spread(lanes, window->chunk_count, 0, work, window);
	for (size_t i = 0; i < window->chunk_count; i++) {
		go_on = go_on && !window->failed && tell_chunk(window, &window->chunks[i]);
		free(window->chunks[i].matches);
	}
	return go_on && !window->failed;
}

/* Memory between two places of the search, as a person counts it. */
static uint64_t passed(const struct machvm__search *search, const struct machvm__search_place *from,
                       const struct machvm__search_place *to)
{
	uint64_t sum = 0, at = from->at;

	for (size_t i = from->stretch; i < search->count && i <= to->stretch; i++) {
		const struct machvm__stretch *stretch = &search->stretches[i];
		uint64_t start = stretch->start > at ? stretch->start : at;
		uint64_t end = i < to->stretch || to->at > stretch->end ? stretch->end : to->at;

		sum += end > start ? end - start : 0;
	}
	return sum;
}

static void run_windows(struct machvm__search *search, struct machvm__window *window, unsigned lanes)
{
	struct machvm__search_place place = {.at = search->stretches[0].start}, before = place;

	while (machvm__window_plan(window, &place)) {
		uint64_t came;

		if (!do_window(window, lanes))
			return;
		came = passed(search, &before, &place);
		before = place;
		if (search->progress && search->progress(search->context, came))
			return;
	}
	if (search->progress)
		search->progress(search->context, passed(search, &before, &place));
}

static bool map_buffers(struct machvm__window *window, unsigned lanes, size_t room)
{
	window->buffers = calloc(lanes, sizeof *window->buffers);
	if (!window->buffers)
		return false;
	for (unsigned i = 0; i < lanes; i++) {
		window->buffers[i] = machvm__own_memory_map(room);
		if (!window->buffers[i])
			return false;
	}
	return true;
}

bool machvm__search_run(struct machvm__search *search, struct machvm__fault *fault)
{
	bool spread = machvm__work_is_long(search->target, MACHVM__READ, SIZE_MAX, 1, search->options);
	unsigned lanes = spread ? machvm__spread_lanes() : 1;
	struct machvm__window *window = calloc(1, sizeof *window);
	size_t room;
	bool good;

	search->unreadable = 0;
	fault->done = 0;
	if (!window || !search->count) {
		free(window);
		return !search->count || machvm__fault_no_memory(fault, "search");
	}
	window->search = search;
	window->reach = search->needle.size - 1;
	window->chunk_size = MACHVM__WINDOW_CHUNK;
	while (window->chunk_size < 4 * search->needle.size)
		window->chunk_size *= 2;
	room = 64 + window->chunk_size + search->needle.size + MACHVM__NEEDLE_SLACK;
	good = map_buffers(window, lanes, room) || machvm__fault_no_memory(fault, "search");
	if (good)
		run_windows(search, window, lanes);
	if (good && window->failed) {
		*fault = window->fault;
		good = false;
	}
	for (unsigned i = 0; i < lanes && window->buffers; i++)
		machvm__own_memory_unmap(window->buffers[i], room);
	free(window->buffers);
	free(window);
	return good;
}
