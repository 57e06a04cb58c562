/* SPDX-License-Identifier: MIT */
/*
 * patience.h - pages that somebody must supply before they can be touched, and
 * memory that only the target itself may touch.
 */
#ifndef MACHVM_TRANSFER_PATIENCE_H
#define MACHVM_TRANSFER_PATIENCE_H

#include "fault.h"
#include "target.h"

/*
 * True when no page of [start, end) in that region would have to be waited for.
 * Absent pages are tried through the memory descriptor, which never waits for
 * userfaultfd (it says EIO at once); absent pages of a FUSE file are taken for
 * pages to wait for.
 */
bool machvm__patience_unneeded(struct machvm__target *target, const struct machvm__vma *vma,
                               uint64_t start, uint64_t end, struct machvm__fault *fault);

/* Device memory: mapped for the target, and closed to every other process. */
bool machvm__patience_device(struct machvm__target *target, const struct machvm__vma *vma);

#endif
