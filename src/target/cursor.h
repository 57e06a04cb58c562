/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - where a walk over the text of maps or smaps has come to.
 *
 * The text can only be read from its beginning, so that a caller who goes from
 * region to region, one call each, would read n * n / 2 regions to see n. A
 * cursor lets such a walk go on where its last answer ended, and yet gives no
 * answer that was read before the call:
 *
 * The kernel makes the text when it is read, whole regions until the read is
 * satisfied, and continues at the address that it came to (fs/seq_file.c,
 * m_start() in fs/proc/task_mmu.c). A read of exactly one region's length thus
 * makes that one region's text, now, and nothing ahead. How long the next region's
 * text is, is learned from a leading descriptor, which reads large pieces and is
 * believed in nothing else; the answer comes from a trailing one. Where the length
 * has changed, the trailing read does not end where a region ends, which shows,
 * and the search begins anew.
 *
 * Left over is one thing: kernels before 6.17 continue at what was the next region
 * when the last one was read, and so do not see what has been mapped between the
 * two since. An answer with a gap before it is therefore given only within 1 ms
 * of the answer before.
 *
 * A cursor serves one thread, upwards from that thread's last answer about the
 * target. There is none for the beginning of the text, which costs no more to read
 * than a cursor does, and none where the address space could turn into another
 * one unnoticed (a vfork child's). Routines that judge a range before they touch it
 * never use one.
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
 * long for it is left out. `going_on` allows a cursor.
 */
int machvm__cursor_find(struct machvm__target *target, enum machvm__list list, uint64_t raddr,
                        bool going_on, struct machvm__smaps *region, char *name,
                        size_t name_size);

#endif
