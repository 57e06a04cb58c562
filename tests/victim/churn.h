/* SPDX-License-Identifier: MIT */
/*
 * Threads of the victim that change its own memory over and over while a test
 * writes to it.
 *
 *   protect   takes write permission away and gives it back
 *   remap     unmaps, then maps fresh pages with a pattern of the given seed
 *   replace   maps such pages over the old ones in one step
 *   move      moves the pages away and back
 *   store     stores the pattern into the pages, byte by byte
 *   count     stores a rising number into the first word, then into the last
 *   watch     looks at the first word, then at the last, stores nothing, and counts as torn
 *             when the last is the smaller of the two
 *
 * All bytes that the first five store have the bit CHURN_OWN.
 */
#ifndef TESTS_CHURN_H
#define TESTS_CHURN_H

#include <stddef.h>
#include <stdint.h>

#define CHURN_OWN 0x80

/* Returns 0 or -errno once the thread has made its first round. */
int churn_start(const char *mode, void *address, size_t size, uint64_t seed);
/* Ends every thread; the pages are mapped and writable again. Returns the rounds made. */
uint64_t churn_stop(void);
/* How often the threads that churn_stop() ended saw something torn. */
uint64_t churn_torn(void);

#endif
