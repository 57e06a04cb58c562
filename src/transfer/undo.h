/* SPDX-License-Identifier: MIT */
/* undo.h - a write that keeps the old bytes until it has succeeded. */
#ifndef MACHVM_TRANSFER_UNDO_H
#define MACHVM_TRANSFER_UNDO_H

#include "move.h"

/*
 * As machvm__transfer_write(), after the looks. When the write fails, the old
 * bytes are put back wherever the new ones are still found; bytes that the
 * target stored meanwhile stay. What cannot be put back is MACHVM__CAUSE_CHANGED
 * with the number of such bytes in `done`.
 */
bool machvm__undo_write(struct machvm__move *move, struct machvm__fault *fault);

#endif
