/* SPDX-License-Identifier: MIT */
/* undo.h - the old bytes of a write, and how they come back. */
#ifndef MACHVM_TRANSFER_UNDO_H
#define MACHVM_TRANSFER_UNDO_H

#include "move.h"

/*
 * Reads what the target holds where the write will go into `old`, with care:
 * memory that may be written and not read is read by force.
 */
bool machvm__undo_keep(const struct machvm__move *write, char *old, struct machvm__fault *fault);

/*
 * Puts the old bytes of what has been written (`done`) back wherever the new ones
 * are still found; bytes that the target stored meanwhile stay. Returns how many
 * could not be put back.
 */
size_t machvm__undo_put_back(const struct machvm__move *write, const char *old);

#endif
