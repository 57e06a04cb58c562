/* SPDX-License-Identifier: MIT */
/*
 * progress - a bar on standard error while long work goes on.
 *
 * Drawn only when standard error is a terminal, standard output is not the
 * same one, and the work takes longer than a moment.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdint.h>
#include <time.h>

struct progress {
	const char *what; /* "reading" */
	uint64_t total, done;
	struct timespec started, drawn;
	int wanted, visible;
};

/* One bar at a time. `to_file`: the results do not go to standard output. */
void progress_start(struct progress *progress, const char *what, uint64_t total, int to_file);
void progress_advance(struct progress *progress, uint64_t more);
void progress_end(struct progress *progress);

/* Takes the bar away, if there is one, before something else is printed. */
void progress_clear(void);

#endif
