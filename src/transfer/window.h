/* SPDX-License-Identifier: MIT */
/* window.h - the part of a search that is being worked on: what there is, and who looks at it. */
#ifndef MACHVM_TRANSFER_WINDOW_H
#define MACHVM_TRANSFER_WINDOW_H

#include <stdatomic.h>

#include "search.h"

/* What a thread reads at once: fits into its cache with room to spare. */
#define MACHVM__WINDOW_CHUNK   ((size_t)256 << 10)
#define MACHVM__WINDOW_CHUNKS  1024
#define MACHVM__WINDOW_RUNS    4096
/* Matches of one chunk that are remembered; a chunk with more is searched once more when told. */
#define MACHVM__WINDOW_MATCHES 2048

/* Places where a match may begin. */
struct machvm__chunk {
	uint64_t start, end;
	uint64_t limit;      /* bytes of a match lie before it */
	uint32_t *matches;   /* places, counted from `start` */
	unsigned match_count;
	bool overflow;
	uint64_t unreadable;
};

struct machvm__window {
	struct machvm__search *search;
	size_t reach; /* the needle's size - 1 */
	size_t chunk_size;
	struct machvm__run runs[MACHVM__WINDOW_RUNS]; /* ascending; what lies between is zeros */
	size_t run_count;
	struct machvm__chunk chunks[MACHVM__WINDOW_CHUNKS];
	size_t chunk_count;
	uint8_t **buffers; /* one a lane */
	_Atomic bool failed;
	struct machvm__fault fault;
};

/* Where the search is. */
struct machvm__search_place {
	size_t stretch;
	uint64_t at;
};

/* Works out the next window. False at the end of the last stretch. */
bool machvm__window_plan(struct machvm__window *window, struct machvm__search_place *place);

/*
 * Searches a chunk: `found` hears of each place, until it says false. False when
 * the target cannot be read any more.
 */
bool machvm__window_search(struct machvm__window *window, struct machvm__chunk *chunk,
                           uint8_t *buffer, bool (*found)(void *context, uint64_t address),
                           void *context);

#endif
