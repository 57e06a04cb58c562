/* SPDX-License-Identifier: MIT */
/*
 * sink - where results go: standard output, or a file.
 *
 * A regular file appears whole or not at all: the bytes go to a nameless file
 * beside it that takes the name at the end. Whoever dies before leaves nothing.
 */
#ifndef CLI_SINK_H
#define CLI_SINK_H

#include <stdio.h>

struct sink {
	FILE *stream;
	int is_file; /* not standard output */
	char *path;  /* the name at the end; null when there is nothing to name */
	char *temporary;
	int linked; /* the temporary name exists */
};

/* `path` null or "-" is standard output. Complains. */
int sink_open(struct sink *sink, const char *path);

/*
 * Finishes with the status of the work: the file takes its name only if that is
 * STATUS_DONE. Returns the status, or another one after complaining.
 */
int sink_close(struct sink *sink, int status);

/*
 * Has writing to `stream` failed? Asked soon after a write, it keeps the reason
 * for the complaint of sink_close().
 */
int sink_failed(FILE *stream);

/* Flushes standard output; complains unless `status` is a failure already. */
int sink_flush_output(int status);

#endif
