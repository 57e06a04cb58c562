/* SPDX-License-Identifier: MIT */
/* spread.h - work that is many like pieces, done by several threads where that pays. */
#ifndef MACHVM_TRANSFER_SPREAD_H
#define MACHVM_TRANSFER_SPREAD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From how many bytes on a transfer may be worth a second thread: starting one and
 * waiting for it costs about what copying an eighth of this does, and several times
 * that where processors are busy or asleep (machvm__spread_pays()). A range of a
 * list costs about as much as copying a few hundred bytes, and counts as such.
 */
#define MACHVM__SPREAD_LEAST ((size_t)4 << 20)
#define MACHVM__SPREAD_RANGE ((size_t)1 << 10)

/*
 * How many threads a call may use in all: by what was set, or by MACHVM_THREADS
 * in the environment, else by the processors that the caller may run on, and at
 * most MACHVM__SPREAD_USUAL of them (the memory of a machine serves no more).
 */
#define MACHVM__SPREAD_USUAL 8u
unsigned machvm__spread_lanes(void);

/* 0: as the environment says, or as it seems best. Returns what was set before. */
unsigned machvm__spread_set(unsigned lanes);

/*
 * Is a transfer of so many bytes, ranges included, one for several threads? From
 * MACHVM__SPREAD_LEAST on, unless the last ones have shown that it takes more; but
 * how many threads were asked for is not doubted.
 */
bool machvm__spread_pays(size_t weight);

/*
 * Calls work(context, lane, i) for i = 0 ... count - 1 in at most `lanes` threads at
 * once. A lane takes neighbours, and does one thing at a time. When one says false, no
 * more are begun.
 *
 * Threads that copy pages of the same 2 MiB of the target wait for each other: the kernel
 * has one lock for the table that maps them. So each has a stretch of its own.
 *
 * `weight` is what machvm__spread_pays() was told of the whole, and learns from; or 0.
 */
void machvm__spread(unsigned lanes, size_t count, size_t weight,
                    bool (*work)(void *context, unsigned lane, size_t i), void *context);

#endif
