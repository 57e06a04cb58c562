/* SPDX-License-Identifier: MIT */
/* interrupt - Ctrl-C ends long work between two of its steps. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdio.h>

/*
 * From now on the first SIGINT, SIGTERM or SIGHUP is only noted; a second one
 * of the same kind ends the command at once. One that was ignored when the
 * command started stays ignored. Every write to `results` (or null) after the
 * signal fails, also one that waits for a reader.
 */
void interrupt_watch(FILE *results);

/* Has one come? */
int interrupt_pending(void);

#endif
