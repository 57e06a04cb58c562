/* SPDX-License-Identifier: MIT */
/* list.h - any number of ranges of one target: as one operation, or each for itself. */
#ifndef MACHVM_TRANSFER_LIST_H
#define MACHVM_TRANSFER_LIST_H

#include "batch.h"
#include "fault.h"

struct machvm__ranges {
	struct machvm__target *target;
	enum machvm__direction direction;
	unsigned options; /* MACHVM__TRANSFER_* */
	struct machvm__piece *pieces; /* in the caller's order; none is empty */
	size_t count;
	bool fresh; /* what is read was mapped for it: good, and not looked at */
};

/*
 * All of it or nothing, as by one transfer; where pieces overlap the later one
 * wins. True, or false with *fault filled: the caller's buffers come first, then
 * the lowest bad address. Changes the order of the pieces.
 */
bool machvm__list_move(struct machvm__ranges *list, struct machvm__fault *fault);

/*
 * Each piece for itself: `failed` hears of those that could not be moved, by
 * their index, in no particular order.
 */
void machvm__list_move_each(struct machvm__ranges *list,
                            void (*failed)(void *context, size_t index,
                                           const struct machvm__fault *fault),
                            void *context);

#endif
