/* SPDX-License-Identifier: MIT */
/* move.h - the step that transfers share: by the kernel's judgement, or on the survey's word. */
#ifndef MACHVM_TRANSFER_MOVE_H
#define MACHVM_TRANSFER_MOVE_H

#include "transfer.h"

/* One move, and how it went. */
struct machvm__move {
	struct machvm__target *target;
	enum machvm__direction direction;
	uint64_t raddr;
	void *data;
	size_t size;
	unsigned options;
	bool fresh;              /* `data` was mapped for this: good, and not looked at */
	bool surveyed;           /* the target's regions permit it all: it may go past the kernel's judgement */
	size_t done;             /* bytes that have moved, also after a failure */
	bool known;              /* the look that ended it found the cause: */
	struct machvm__fault why;
};

/*
 * Moves bytes: 0 or -errno. A page that was taken away for a moment is tried again.
 * What the kernel would not judge after all is surveyed first, unless it has been.
 */
int machvm__transfer_move(struct machvm__move *move);

/*
 * The move has failed with -errno `r`: fills *fault. The caller's buffer is to
 * blame before the target is. Always false.
 */
bool machvm__transfer_failed(const struct machvm__move *move, int r, struct machvm__fault *fault);

#endif
