/* SPDX-License-Identifier: MIT */
/*
 * threads.h - several processors for one call.
 *
 * The threads begin with the call and have ended when it returns: nothing stays
 * behind, and a process that forks meanwhile finds no half-alive pool. They
 * block every signal that is not their own fault, so that no handler of the
 * program ever runs in one.
 */
#ifndef MACHVM_LINUX_THREADS_H
#define MACHVM_LINUX_THREADS_H

#define MACHVM__THREADS_MAX 64u

/* How many processors this thread may run on, at least 1. */
unsigned machvm__threads_processors(void);

/*
 * Runs body(context, lane) in the calling thread, which is lane 0, and in up to
 * `lanes - 1` others at the same time; fewer where no thread is to be had.
 */
void machvm__threads_run(unsigned lanes, void (*body)(void *context, unsigned lane), void *context);

#endif
