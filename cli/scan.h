/* SPDX-License-Identifier: MIT */
/* scan - a pattern searched for in the memory of a target. */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include <stdint.h>

#include "pattern.h"
#include "progress.h"
#include "region_list.h"
#include "untouched.h"

struct scan {
	mach_port_t task;
	const struct region_list *regions; /* that spans consist of */
	const struct pattern *pattern;
	uint64_t alignment; /* matches are at its multiples */
	unsigned flags;     /* for machvm_read() */
	struct progress *progress;
	/* Other than 0 ends the scan. */
	int (*match)(uint64_t address, void *context);
	void *context;
	/* Results. */
	uint64_t unreadable; /* bytes that could not be read */
	int stopped;         /* by match() or by an interrupt */
	/* Working memory: the last bytes before the next piece, then the piece. */
	unsigned char *buffer;
	size_t held;
	struct untouched untouched;
};

/*
 * Reports every match that lies whole in [start, end), overlapping ones too.
 * What cannot be read is passed over. Memory use does not grow with the range.
 * Complains when the whole target cannot be read any more.
 */
int scan_span(struct scan *scan, uint64_t start, uint64_t end);
void scan_free(struct scan *scan);

#endif
