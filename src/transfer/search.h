/* SPDX-License-Identifier: MIT */
/*
 * search.h - a needle looked for in the memory of a target, by several threads.
 *
 * The memory passes by in windows. What there is of a window is worked out
 * first: the runs of pages that hold anything, and the chunks that those make.
 * Each thread then reads a chunk into a buffer that stays in its cache, and
 * searches it there; while one waits for the kernel the others search. Matches
 * are told in ascending order when a window is done. Memory use does not grow
 * with the target.
 */
#ifndef MACHVM_TRANSFER_SEARCH_H
#define MACHVM_TRANSFER_SEARCH_H

#include "fault.h"
#include "needle.h"
#include "target.h"

/* Memory to look at. Those that touch are one, and a match may lie across. */
struct machvm__stretch {
	uint64_t start;
	uint64_t end;
	bool zeros; /* pages that were never touched hold zeros: private, and no file's */
};

struct machvm__search {
	struct machvm__target *target;
	struct machvm__needle needle;
	uint64_t alignment; /* matches are at its multiples */
	unsigned options;   /* MACHVM__TRANSFER_FORCE and _NOWAIT */
	const struct machvm__stretch *stretches; /* ascending, apart from each other */
	size_t count;
	/* Both run in the calling thread; anything but 0 ends the search. */
	int (*match)(void *context, uint64_t address);
	int (*progress)(void *context, uint64_t passed); /* since the last time */
	void *context;
	uint64_t unreadable; /* a result: bytes that could not be read */
};

/* False with *fault filled when the target as a whole cannot be read any more. */
bool machvm__search_run(struct machvm__search *search, struct machvm__fault *fault);

#endif
