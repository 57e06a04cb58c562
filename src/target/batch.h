/* SPDX-License-Identifier: MIT */
/* batch.h - many ranges of one target by one system call. */
#ifndef MACHVM_TARGET_BATCH_H
#define MACHVM_TARGET_BATCH_H

#include "target.h"

/* A range of the target and the bytes of ours that belong to it. */
struct machvm__piece {
	uint64_t raddr;
	void *local;
	size_t size; /* not 0 */
	size_t index; /* in the list it came from */
};

/*
 * Moves pieces in their order, with the kernel checking protections, by as few
 * calls of process_vm_* as it allows. 0, or -errno with *done bytes moved: all of
 * the pieces before one, and perhaps a part of that one. Identity is proved
 * before and after.
 */
int machvm__batch_move(struct machvm__target *target, enum machvm__direction direction,
                       const struct machvm__piece *pieces, size_t count, size_t *done);

#endif
