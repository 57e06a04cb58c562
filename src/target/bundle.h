/* SPDX-License-Identifier: MIT */
/*
 * bundle.h - a target as a handful of descriptors, which go to another process
 * and are a target there: the handle, and the files of its /proc directory that
 * a right is made of. The kernel checks access when they are opened, and
 * not again, so they serve whoever holds them, until the address space that
 * they were opened on ends.
 *
 * A received target has these files and no others. It is never reached by its number
 * (process_vm_*, paths in /proc), which would lead to whatever program runs there now; but
 * by one that stands still it is, after it was proved to be the program of the right (words.h,
 * space.h). Its descriptors may be shared with others, so nothing is read from
 * where their position happens to be.
 */
#ifndef MACHVM_TARGET_BUNDLE_H
#define MACHVM_TARGET_BUNDLE_H

#include "target.h"

/* In this order, and never one without those before it. */
enum machvm__bundle_part {
	MACHVM__BUNDLE_HANDLE,
	MACHVM__BUNDLE_MAPS,
	MACHVM__BUNDLE_SMAPS,
	MACHVM__BUNDLE_PAGEMAP,
	MACHVM__BUNDLE_READ, /* memory, read-only */
	MACHVM__BUNDLE_WRITE, /* memory, to read and write */
	MACHVM__BUNDLE_PARTS
};

/*
 * The first `count` parts of the target, for the caller to send and to close: opened
 * afresh, all on one address space, or duplicated where the target itself was received.
 * 0; or -errno and none:
 *   -EXDEV      its memory is not known to be its own (a vfork child's is its parent's)
 *   -ECANCELED  it keeps executing other programs meanwhile
 */
int machvm__target_pack(struct machvm__target *target, size_t count, int *parts);

/*
 * Are these the first `count` parts of one process? Answers of provenance.h, and
 * *bad is the part that it is about.
 */
int machvm__target_inspect(const int *parts, size_t count, enum machvm__handle *kind,
                           struct machvm__process_numbers *numbers, enum machvm__bundle_part *bad);

/* A target made of inspected parts, which it takes over. */
void machvm__target_adopt(struct machvm__target *target, const int *parts, size_t count,
                          enum machvm__handle kind, struct machvm__process_numbers numbers);

#endif
