/* SPDX-License-Identifier: MIT */
/*
 * words.h - the last rung: a target that stands still, and whose memory its tracer moves
 * a word at a time, past protections on private memory.
 *
 * It goes by number, so whose number it is, and for a received target which program it runs,
 * is proved after the stop: what stands still changes neither.
 */
#ifndef MACHVM_TARGET_WORDS_H
#define MACHVM_TARGET_WORDS_H

#include "target.h"

/*
 * Moves bytes of another process: 0 or -errno with *done bytes moved, -EPERM when we may not
 * trace it (others may be tracing it). Inside a session of the calling thread, or when this
 * process has suspended the target, by whoever holds it.
 */
int machvm__words_move(struct machvm__target *target, enum machvm__direction direction,
                       uint64_t raddr, void *local, size_t size, size_t *done);

/* Could bytes be moved that way? Stops it for an instant, and moves none. */
int machvm__words_try(struct machvm__target *target, enum machvm__direction direction);

#endif
