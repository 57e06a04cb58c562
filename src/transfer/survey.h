/* SPDX-License-Identifier: MIT */
/*
 * survey.h - looking before moving: would every page of a range allow it?
 *
 * A copy of several pages fails after a prefix, so the map is asked first: the
 * regions (one query each), then the page tables for what a region cannot vouch
 * for (guard pages; swapped, poisoned and absent pages are tried by reading a
 * byte). Afterwards only a change of the map, or memory running out while a page
 * is copied on write, can stop the copy.
 */
#ifndef MACHVM_TRANSFER_SURVEY_H
#define MACHVM_TRANSFER_SURVEY_H

#include "fault.h"
#include "target.h"

enum {
	MACHVM__SURVEY_FORCE = 1 << 0,  /* private regions need no permission */
	MACHVM__SURVEY_NOWAIT = 1 << 1, /* absent pages of uffd and FUSE regions are faults */
	MACHVM__SURVEY_PEEK = 1 << 2,   /* shared regions need none either: for reading alone */
};

/* True when every page is good, false with *fault filled. `size` is not 0. */
bool machvm__survey(struct machvm__target *target, enum machvm__direction access, uint64_t raddr,
                    size_t size, unsigned options, struct machvm__fault *fault);

/* Bytes from `start` to before `end`. */
struct machvm__span {
	uint64_t start;
	uint64_t end;
};

/*
 * The same for several ranges, ascending and none of them empty, of which no two
 * overlap: one look for each region, and one for pages that are near each other.
 */
bool machvm__survey_spans(struct machvm__target *target, enum machvm__direction access,
                          const struct machvm__span *spans, size_t count, unsigned options,
                          struct machvm__fault *fault);

/*
 * Names the cause of a copy that failed at `raddr` with -errno `error`, by
 * looking at the page now. Always fills *fault (but not its `done`).
 */
void machvm__survey_explain(struct machvm__target *target, enum machvm__direction access,
                            uint64_t raddr, unsigned options, int error, const char *step,
                            struct machvm__fault *fault);

#endif
