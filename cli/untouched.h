/* SPDX-License-Identifier: MIT */
/*
 * untouched - memory that a process has mapped and never used.
 *
 * It reads as zero, and reading it makes the kernel build page tables for it in
 * the process: megabytes for every few gigabytes. So a search leaves it alone.
 */
#ifndef CLI_UNTOUCHED_H
#define CLI_UNTOUCHED_H

#include <stdint.h>

#include <mach/port.h>

#include "region_list.h"

/* What is known of the pages from `start` to `end`. Zeroed knows nothing. */
struct untouched {
	mach_port_t task;
	uint64_t start, end;
	int *pages;
};

/*
 * How far from `address`, a place in `region`, the pages are all untouched, or
 * none of them: the end of that run, at most `limit` and at most the region's.
 * *untouched says which. What cannot be known counts as touched.
 */
uint64_t untouched_run(struct untouched *known, const struct region *region, uint64_t address,
		       uint64_t limit, int *untouched);
void untouched_free(struct untouched *known);

#endif
