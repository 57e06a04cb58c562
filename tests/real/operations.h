/* SPDX-License-Identifier: MIT */
/*
 * operations.h - what machvm does to a live program.
 *
 * Each function is one kind of work on one process, and leaves the program as it was:
 * what changes is memory that it allocated there itself, and bytes of the program that
 * are overwritten with themselves.
 */
#ifndef REAL_OPERATIONS_H
#define REAL_OPERATIONS_H

#include "tally.h"

/* What every page that is allocated in a program begins with. Found later, it was left behind. */
#define MARK "machvm-real-mark"

typedef void work(struct subject *subject);

work work_regions;     /* list all regions, read all of them */
work work_find;        /* search all memory */
work work_memory;      /* allocate, write, protect, copy, map again, free */
work work_text;        /* write program text with the bytes it has, protect it as it is */
work work_threads;     /* the registers of every thread, running */
work work_each_thread; /* while that one is suspended */
work work_suspend;     /* while all are */
work work_stopped;     /* read what the program is writing, in a moment in which it does not */

#endif
