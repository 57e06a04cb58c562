/* SPDX-License-Identifier: MIT */
/* order.h - the pieces of a list by address, and what that order shows. */
#ifndef MACHVM_TRANSFER_ORDER_H
#define MACHVM_TRANSFER_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "batch.h"
#include "survey.h"

/* Sorts by address in the target; what begins at one address stays in its order. False: no memory. */
bool machvm__order_pieces(struct machvm__piece *pieces, size_t count);

/*
 * The bytes that ascending pieces name, pieces that share a page or touch made
 * one span. Returns how many spans; *overlap when two pieces share a byte.
 */
size_t machvm__order_spans(const struct machvm__piece *pieces, size_t count,
                           struct machvm__span *spans, bool *overlap);

/* The same of the caller's own side, whatever order the pieces are in. 0: no memory. */
size_t machvm__order_local_spans(const struct machvm__piece *pieces, size_t count,
                                 struct machvm__span *spans, bool *overlap);

#endif
