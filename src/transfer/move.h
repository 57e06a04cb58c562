/* SPDX-License-Identifier: MIT */
/* move.h - the step that transfers share: by the kernel's judgement, or on the survey's word. */
#ifndef MACHVM_TRANSFER_MOVE_H
#define MACHVM_TRANSFER_MOVE_H

#include "transfer.h"

/* Moves bytes; 0 or -errno, *done of them moved either way. */
int machvm__transfer_move(struct machvm__target *target, enum machvm__direction direction,
                          uint64_t raddr, void *data, size_t size, unsigned options, size_t *done);

/*
 * A move has failed with -errno `r`: fills *fault. The caller's buffer is to
 * blame before the target is. Always false.
 */
bool machvm__transfer_failed(struct machvm__target *target, enum machvm__direction direction,
                             uint64_t raddr, const void *data, size_t size, unsigned options,
                             size_t done, int r, struct machvm__fault *fault);

#endif
