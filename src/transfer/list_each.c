/* SPDX-License-Identifier: MIT */
/*
 * list_each.c - entries that are independent of each other. First they are
 * tried as one operation, which is the quickest when nothing is wrong. Otherwise
 * they go in their order, in batches: a batch stops at a bad entry, which is
 * looked at, and the next batch begins behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "list.h"
#include "order.h"
#include "survey.h"
#include "transfer.h"
#include "work.h"

struct each {
	struct machvm__ranges *list;
	void (*failed)(void *context, size_t index, const struct machvm__fault *fault);
	void *context;
	/* Where a look of this call has found that nothing can be moved, and why. */
	uint64_t bad_start, bad_last;
	struct machvm__fault why;
	size_t most; /* pieces in the next batch */
};

static bool all_at_once(const struct machvm__ranges *list)
{
	struct machvm__ranges copy = *list;
	struct machvm__fault fault;
	bool good;

	copy.pieces = calloc(list->count, sizeof *copy.pieces);
	if (!copy.pieces)
		return false;
	memcpy(copy.pieces, list->pieces, list->count * sizeof *copy.pieces);
	good = machvm__list_move(&copy, &fault);
	free(copy.pieces);
	return good;
}

static bool buffer_good(const struct machvm__ranges *list, const struct machvm__piece *piece)
{
	return list->fresh ||
	       machvm__buffer_good(piece->local, piece->size,
	                           list->direction == MACHVM__WRITE ? MACHVM__READ : MACHVM__WRITE);
}

static void callers_fault(struct machvm__fault *fault)
{
	*fault = (struct machvm__fault){
		.cause = MACHVM__CAUSE_CALLER, .error = EFAULT, .step = "buffer check"};
}

/* How far is what was found at the fault's address true of its neighbours? */
static void learn(struct each *each, const struct machvm__fault *fault)
{
	struct machvm__vma vma;
	int r;

	each->bad_start = 1;
	each->bad_last = 0;
	each->why = *fault;
	if ((fault->cause == MACHVM__CAUSE_PROTECTED || fault->cause == MACHVM__CAUSE_FORCE) &&
	    fault->has_region) {
		each->bad_start = fault->region.start;
		each->bad_last = fault->region.end - 1;
	} else if (fault->cause == MACHVM__CAUSE_UNMAPPED) {
		r = machvm__target_region(each->list->target, fault->raddr, &vma, NULL, 0);
		if (r == 0 && vma.start <= fault->raddr)
			return;
		each->bad_start = fault->raddr;
		each->bad_last = r ? fault->raddr : vma.start - 1;
	} else if (fault->cause == MACHVM__CAUSE_GONE || fault->cause == MACHVM__CAUSE_DENIED) {
		each->bad_start = 0;
		each->bad_last = UINT64_MAX;
	}
}

static bool is_bad(const struct each *each, const struct machvm__piece *piece)
{
	return piece->raddr >= each->bad_start && piece->raddr <= each->bad_last;
}

/* The entry begins where nothing can be moved: says so without another look at the target. */
static bool known_bad(struct each *each, const struct machvm__piece *piece)
{
	struct machvm__fault fault;

	if (!is_bad(each, piece))
		return false;
	fault = each->why;
	if (!buffer_good(each->list, piece))
		callers_fault(&fault);
	else if (fault.raddr)
		fault.raddr = piece->raddr;
	each->failed(each->context, piece->index, &fault);
	return true;
}

/* One entry by itself, with all that a transfer does. */
static void move_alone(struct each *each, const struct machvm__piece *piece)
{
	struct machvm__ranges one = *each->list;
	struct machvm__piece copy = *piece;
	struct machvm__fault fault;

	one.pieces = &copy;
	one.count = 1;
	if (machvm__list_move(&one, &fault))
		return;
	/* What stopped it at its first byte stops others that begin near. */
	if (fault.raddr == piece->raddr || !fault.raddr)
		learn(each, &fault);
	each->failed(each->context, piece->index, &fault);
}

/* A batch has stopped here. A look tells why, and mostly without another try. */
static void look_at(struct each *each, const struct machvm__piece *piece)
{
	struct machvm__ranges *list = each->list;
	struct machvm__fault fault = {0};

	if (!buffer_good(list, piece)) {
		callers_fault(&fault);
		each->failed(each->context, piece->index, &fault);
	} else if (machvm__target_alive(list->target) == 0 &&
	           !machvm__survey(list->target, list->direction, piece->raddr, piece->size, 0, &fault) &&
	           machvm__target_alive(list->target) == 0) {
		learn(each, &fault);
		each->failed(each->context, piece->index, &fault);
	} else {
		move_alone(each, piece);
	}
}

/* Can it not be moved in part? Such entries share a system call. */
static bool whole_or_not(const struct machvm__piece *piece)
{
	return machvm__transfer_in_one_page(piece->raddr, piece->size) &&
	       machvm__transfer_in_one_page((uintptr_t)piece->local, piece->size);
}

/* How many pieces from the first one on go together. */
static size_t batch(const struct each *each, const struct machvm__piece *pieces, size_t count)
{
	size_t n = 0;

	if (each->list->options & (MACHVM__TRANSFER_FORCE | MACHVM__TRANSFER_NOWAIT))
		return 0;
	while (n < count && n < each->most && whole_or_not(&pieces[n]) && !is_bad(each, &pieces[n]))
		n++;
	return n;
}

/* How many pieces have gone wholly, of those whose bytes these are. */
static size_t whole_pieces(const struct machvm__piece *pieces, size_t bytes)
{
	size_t n = 0;

	for (; bytes && bytes >= pieces[n].size; n++)
		bytes -= pieces[n].size;
	return n;
}

/* Moves some pieces: how many are done with, for good or ill. */
static size_t step(struct each *each, const struct machvm__piece *pieces, size_t count)
{
	struct machvm__ranges *list = each->list;
	size_t n = batch(each, pieces, count), bytes, gone;

	if (known_bad(each, pieces))
		return 1;
	if (n < 2) {
		move_alone(each, pieces);
		return 1;
	}
	if (machvm__batch_move(list->target, list->direction, pieces, n, &bytes) == 0) {
		each->most = each->most * 4 < MACHVM__WORK_PIECES ? each->most * 4 : MACHVM__WORK_PIECES;
		return n;
	}
	gone = whole_pieces(pieces, bytes);
	/* All of them, and then it was not the target any more. */
	if (gone == n)
		gone = 0;
	look_at(each, &pieces[gone]);
	/* Vectors are read by the kernel even when it stops before them: fewer, where much is bad. */
	each->most = gone < 8 ? 16 : 2 * gone;
	return gone + 1;
}

void machvm__list_move_each(struct machvm__ranges *list,
                            void (*failed)(void *context, size_t index,
                                           const struct machvm__fault *fault),
                            void *context)
{
	struct each each = {.list = list,
	                    .failed = failed,
	                    .context = context,
	                    .bad_start = 1,
	                    .most = MACHVM__WORK_PIECES};
	bool undo = list->options & MACHVM__TRANSFER_TRANSACTION;

	if (list->count > 1 && !undo && all_at_once(list))
		return;
	for (size_t i = 0; i < list->count;)
		i += step(&each, &list->pieces[i], list->count - i);
}
