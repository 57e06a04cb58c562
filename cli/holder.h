/* SPDX-License-Identifier: MIT */
/*
 * holder - the process that keeps a suspension: it lasts as long as whoever asked for it, so
 * machvm suspend leaves one behind, and machvm resume ends it.
 */
#ifndef CLI_HOLDER_H
#define CLI_HOLDER_H

#include <sys/types.h>

struct holder {
	pid_t tracer;    /* what the kernel calls the tracer of the process; 0 when there is none */
	pid_t pid;       /* the process that suspended it */
	int ours;        /* it is machvm */
	char name[64];   /* the program of whichever of the two is known */
};

/* Who traces the process `pid`. 0 or -errno. */
int holder_find(pid_t pid, struct holder *holder);

/* Ends a holder that is machvm and waits until it has let go. 0 or -errno. */
int holder_end(pid_t pid, const struct holder *holder);

/* Until a signal says that it is over, or `gone` returns other than 0. */
void holder_wait(int (*gone)(void *context), void *context);

#endif
