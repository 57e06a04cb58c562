/* SPDX-License-Identifier: MIT */
/* interrupt - Ctrl-C ends long work between two of its steps. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

/*
 * From now on the first SIGINT, SIGTERM or SIGHUP is only noted; a second one
 * of the same kind ends the command at once. One that was ignored when the
 * command started stays ignored.
 */
void interrupt_watch(void);

/* Has one come? */
int interrupt_pending(void);

#endif
