/* SPDX-License-Identifier: MIT */
/*
 * word_tracer.h - a thread stopped by ptrace(2), for its memory to be moved a word at
 * a time (trace.h). Only where the kernel offers nothing better.
 */
#ifndef MACHVM_LINUX_WORD_TRACER_H
#define MACHVM_LINUX_WORD_TRACER_H

/*
 * Stops thread `tid`, for the calling thread to trace: 0 or -errno, -EPERM when it may not be
 * traced (somebody else may be tracing it), -ETIMEDOUT when it would not stop.
 */
int machvm__word_tracer_stop(int tid, int *signal);

/* Lets it go on as it was. */
void machvm__word_tracer_let_go(int tid, int signal);

#endif
