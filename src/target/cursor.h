/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - where a walk over the text of maps or smaps has come to.
 *
 * The text can only be read from its beginning, so that a caller who goes from
 * region to region, one call each, would read n * n / 2 regions to see n. A
 * cursor lets such a walk go on in the text where its last answer ended. What it
 * has read ahead is older than the call that gets it, hence the bounds:
 *
 * - it serves one thread, and only calls that go on upwards from that thread's
 *   last answer about the same target; any other call begins anew;
 * - a region that was read more than 1 ms before the call is not handed out (the
 *   kernel gives a page of text at a time: some 50 regions of maps, 5 of smaps);
 * - there is one only where beginning anew costs more than a look is worth
 *   (WORTH in cursor.c): small address spaces are read afresh each time;
 * - routines that judge a range before they touch it never use one;
 * - whoever changes the target's map drops all of them (machvm__target_forget).
 *
 * None is kept where the address space could turn into another one unnoticed (a
 * vfork child's).
 */
#ifndef MACHVM_TARGET_CURSOR_H
#define MACHVM_TARGET_CURSOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "smaps.h"
#include "text.h"

struct machvm__target;

enum machvm__list { MACHVM__LIST_MAPS, MACHVM__LIST_SMAPS, MACHVM__LISTS };

struct machvm__cursor;

/* Those of one target that are waiting for their thread's next call. */
struct machvm__cursors {
	pthread_mutex_t lock;
	struct machvm__cursor *idle[4];
};

void machvm__cursors_init(struct machvm__cursors *cursors);
/* In a child, which shares the position of every descriptor with its parent. */
void machvm__cursors_renew(struct machvm__cursors *cursors);
void machvm__cursors_drop(struct machvm__cursors *cursors);

/*
 * The region at `raddr`, else the next above, from a list: 0, -ENOENT when there
 * is none, -ESRCH when the address space is gone, or -errno. A maps list fills
 * in region->vma alone. `name`, of `name_size` bytes, may be null; one that is too
 * long for it is left out. `going_on` allows a cursor, and *ahead tells that the
 * answer was read before this call.
 */
int machvm__cursor_find(struct machvm__target *target, enum machvm__list list, uint64_t raddr,
                        bool going_on, struct machvm__smaps *region, char *name, size_t name_size,
                        bool *ahead);

#endif
