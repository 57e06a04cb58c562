/* SPDX-License-Identifier: MIT */
/*
 * work.h - a transfer as pieces that may move in any order: a long one cut up, or
 * the ranges of a list.
 *
 * Pieces are grouped into units of about what a cache holds, and units are
 * given to threads. What is undone goes unit by unit as well: the old bytes of a
 * unit are read just before it is written, while the same pages are at hand.
 */
#ifndef MACHVM_TRANSFER_WORK_H
#define MACHVM_TRANSFER_WORK_H

#include "batch.h"
#include "move.h"

/*
 * A unit in bytes: with an undo copy, source, target and old bytes share a cache. What a
 * thread waits for another at the end is a part of one; smaller ones cost more calls.
 */
#define MACHVM__WORK_UNIT   ((size_t)512 << 10)
/* And in pieces: what one system call can name. */
#define MACHVM__WORK_PIECES ((size_t)1024)

struct machvm__work {
	struct machvm__target *target;
	enum machvm__direction direction;
	unsigned options; /* MACHVM__TRANSFER_* */
	const struct machvm__piece *pieces;
	size_t count;
	bool fresh;    /* all that is `local` was mapped for this: good, and not looked at */
	bool surveyed; /* the target's regions permit all of it: each piece may rely on that */
	bool ordered;  /* pieces overlap: one after the other */
};

/*
 * True when all of it has moved, or false with *fault filled. With
 * MACHVM__TRANSFER_TRANSACTION, which is for writes and for pieces that do not
 * overlap, old bytes are put back as undo.h says.
 */
bool machvm__work_do(const struct machvm__work *work, struct machvm__fault *fault);

/* One long transfer, cut up. */
bool machvm__work_move(const struct machvm__move *move, struct machvm__fault *fault);

/* Is a transfer of so many bytes and ranges one for several threads? */
bool machvm__work_is_long(struct machvm__target *target, enum machvm__direction direction,
                          size_t bytes, size_t ranges, unsigned options);

#endif
