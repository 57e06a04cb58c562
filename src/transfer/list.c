/* SPDX-License-Identifier: MIT */
/*
 * list.c - a list as one operation. Pieces are sorted by address, so that
 * every region is looked up once and neighbours are found in the cache; where
 * order matters, because pieces overlap, what it comes to is made here first.
 */
#include "list.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "order.h"
#include "own_memory.h"
#include "transfer.h"
#include "work.h"

/* Up to so many places of the caller's are tried one by one. */
#define FEW_SPANS 8

static enum machvm__direction here(enum machvm__direction direction)
{
	return direction == MACHVM__WRITE ? MACHVM__READ : MACHVM__WRITE;
}

static bool callers_fault(struct machvm__fault *fault)
{
	*fault = (struct machvm__fault){
		.cause = MACHVM__CAUSE_CALLER, .error = EFAULT, .step = "buffer check"};
	return false;
}

static bool each_buffer_good(const struct machvm__ranges *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!machvm__buffer_good(list->pieces[i].local, list->pieces[i].size,
		                         here(list->direction)))
			return false;
	return true;
}

/* `spans` has room for all. *overlap: some bytes of the caller's belong to two pieces. */
static bool buffers_good(const struct machvm__ranges *list, struct machvm__span *spans, bool *overlap,
                         struct machvm__fault *fault)
{
	struct machvm__fault own;
	size_t count;

	*overlap = false;
	if (list->fresh)
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (machvm__fault_wraps((uintptr_t)list->pieces[i].local, list->pieces[i].size))
			return callers_fault(fault);
	count = machvm__order_local_spans(list->pieces, list->count, spans, overlap);
	if (!count)
		return machvm__fault_no_memory(fault, "buffer check");
	if (count > FEW_SPANS) {
		if (machvm__target_queries() &&
		    machvm__survey_spans(machvm__target_own(), here(list->direction), spans, count, 0,
		                         &own))
			return true;
		/* What the survey cannot vouch for may be good all the same, one by one. */
		return each_buffer_good(list) || callers_fault(fault);
	}
	for (size_t i = 0; i < count; i++)
		if (!machvm__buffer_good((void *)(uintptr_t)spans[i].start,
		                         (size_t)(spans[i].end - spans[i].start),
		                         here(list->direction)))
			return callers_fault(fault);
	return true;
}

static unsigned survey_options(unsigned options)
{
	return (options & MACHVM__TRANSFER_FORCE ? MACHVM__SURVEY_FORCE : 0u) |
	       (options & MACHVM__TRANSFER_NOWAIT ? MACHVM__SURVEY_NOWAIT : 0u);
}

/* Sorts the pieces and looks at the target's side. *overlap: some bytes belong to two pieces. */
static bool target_good(struct machvm__ranges *list, struct machvm__span *spans, bool *overlap,
                        struct machvm__fault *fault)
{
	size_t count;

	if (!machvm__order_pieces(list->pieces, list->count))
		return machvm__fault_no_memory(fault, "sorting");
	for (size_t i = 0; i < list->count; i++)
		if (machvm__fault_wraps(list->pieces[i].raddr, list->pieces[i].size))
			return machvm__fault_range(fault, list->pieces[i].raddr,
			                           list->direction == MACHVM__WRITE);
	count = machvm__order_spans(list->pieces, list->count, spans, overlap);
	if (!machvm__survey_spans(list->target, list->direction, spans, count,
	                          survey_options(list->options), fault)) {
		/* It was the target that was looked at, if it is still there. */
		if (machvm__target_alive(list->target))
			*fault = (struct machvm__fault){
				.cause = MACHVM__CAUSE_GONE, .error = ESRCH, .step = fault->step};
		return false;
	}
	return true;
}

/*
 * Pieces are of a unit's size at most, so that threads have equal shares. Either to or
 * from a target that has been found good, or into our own memory, where pieces overlap.
 */
static bool carry(const struct machvm__ranges *list, bool into_own, struct machvm__fault *fault)
{
	struct machvm__work work = {.target = list->target,
	                            .direction = list->direction,
	                            .options = list->options,
	                            .pieces = list->pieces,
	                            .count = list->count,
	                            .fresh = list->fresh,
	                            .surveyed = !into_own,
	                            .ordered = into_own};
	size_t limit = MACHVM__WORK_UNIT, count = 0, n = 0;
	struct machvm__piece *cut;
	bool good;

	for (size_t i = 0; i < list->count; i++)
		count += (list->pieces[i].size - 1) / limit + 1;
	if (count == list->count)
		return machvm__work_do(&work, fault);
	cut = calloc(count, sizeof *cut);
	if (!cut)
		return machvm__fault_no_memory(fault, "copy");
	for (size_t i = 0; i < list->count; i++) {
		struct machvm__piece rest = list->pieces[i];

		for (; rest.size > limit; rest.size -= limit) {
			cut[n] = rest;
			cut[n++].size = limit;
			rest.raddr += limit;
			rest.local = machvm__copy_beyond(rest.local, limit);
		}
		cut[n++] = rest;
	}
	work.pieces = cut;
	work.count = n;
	good = machvm__work_do(&work, fault);
	free(cut);
	return good;
}

/* From the first piece of a sorted list to the last of which it, or one after it, takes a byte. */
static size_t cluster(const struct machvm__piece *pieces, size_t count, uint64_t *end)
{
	size_t n = 1;

	*end = pieces->raddr + pieces->size;
	for (; n < count && pieces[n].raddr < *end; n++)
		if (pieces[n].raddr + pieces[n].size > *end)
			*end = pieces[n].raddr + pieces[n].size;
	return n;
}

static int by_index(const void *a, const void *b)
{
	const struct machvm__piece *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* What writing the pieces one after the other comes to. By the kernel: no load of ours can fault. */
static bool compose(struct machvm__piece *pieces, size_t count, uint64_t start, char *into)
{
	size_t done;

	qsort(pieces, count, sizeof *pieces, by_index);
	for (size_t i = 0; i < count; i++) {
		void *from = pieces[i].local;

		pieces[i].local = into + (pieces[i].raddr - start);
		pieces[i].raddr = (uintptr_t)from;
	}
	if (machvm__batch_move(machvm__target_own(), MACHVM__READ, pieces, count, &done) == 0)
		return true;
	/* A kernel without the call, or secret memory. */
	for (size_t i = 0; i < count; i++) {
		struct machvm__move move = {.target = machvm__target_own(),
		                            .direction = MACHVM__READ,
		                            .raddr = pieces[i].raddr,
		                            .data = pieces[i].local,
		                            .size = pieces[i].size};

		if (machvm__transfer_move(&move))
			return false;
	}
	return true;
}

/* Makes pieces that overlap one piece of memory of ours, which has room for them. */
static bool merge(struct machvm__ranges *list, char *room)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count;) {
		struct machvm__piece *first = &list->pieces[i], merged = *first;
		uint64_t end;
		size_t count = cluster(first, list->count - i, &end);

		if (count > 1) {
			merged.size = (size_t)(end - merged.raddr);
			merged.local = room;
			room += merged.size;
			if (!compose(first, count, merged.raddr, merged.local))
				return false;
		}
		list->pieces[n++] = merged;
		i += count;
	}
	list->count = n;
	return true;
}

static size_t total(const struct machvm__ranges *list)
{
	size_t size = 0;

	for (size_t i = 0; i < list->count; i++)
		if (__builtin_add_overflow(size, list->pieces[i].size, &size))
			return SIZE_MAX;
	return size;
}

/* A cluster is never longer than its pieces are together. */
static bool write_merged(struct machvm__ranges *list, struct machvm__fault *fault)
{
	size_t size = total(list);
	char *room = machvm__own_memory_map_large(size);
	bool good;

	if (!room)
		return machvm__fault_no_memory(fault, "merging");
	good = merge(list, room) ? carry(list, false, fault) : callers_fault(fault);
	machvm__own_memory_unmap(room, size);
	return good;
}

static bool write_list(struct machvm__ranges *list, struct machvm__span *spans,
                       struct machvm__fault *fault)
{
	bool overlap;

	if (!buffers_good(list, spans, &overlap, fault) || !target_good(list, spans, &overlap, fault))
		return false;
	/* A write that may be turned away half-way keeps the old bytes, asked or not. */
	if (fault->watched)
		list->options |= MACHVM__TRANSFER_TRANSACTION;
	return overlap ? write_merged(list, fault) : carry(list, false, fault);
}

/* Into memory of ours, and from there to the caller's, in the caller's order. */
static bool read_aside(struct machvm__ranges *list, struct machvm__span *spans,
                       struct machvm__fault *fault)
{
	struct machvm__ranges deliver = {.target = machvm__target_own(),
	                               .direction = MACHVM__WRITE,
	                               .pieces = calloc(list->count, sizeof *list->pieces),
	                               .count = list->count};
	struct machvm__arena aside;
	bool good, overlap;
	size_t at = 0;

	if (!deliver.pieces || !machvm__arena_get(&aside, total(list))) {
		free(deliver.pieces);
		return machvm__fault_no_memory(fault, "read aside");
	}
	for (size_t i = 0; i < list->count; i++) {
		struct machvm__piece *piece = &list->pieces[i];

		deliver.pieces[i] = (struct machvm__piece){.raddr = (uintptr_t)piece->local,
		                                           .local = aside.data + at,
		                                           .size = piece->size};
		piece->local = aside.data + at;
		at += piece->size;
	}
	list->options &= ~(unsigned)MACHVM__TRANSFER_TRANSACTION;
	list->fresh = true;
	good = target_good(list, spans, &overlap, fault) && carry(list, false, fault);
	if (good && !carry(&deliver, true, fault))
		good = fault->cause != MACHVM__CAUSE_SHORTAGE && callers_fault(fault);
	machvm__arena_put(&aside);
	free(deliver.pieces);
	return good;
}

static bool read_list(struct machvm__ranges *list, struct machvm__span *spans,
                      struct machvm__fault *fault)
{
	bool overlap, shared;

	if (!buffers_good(list, spans, &overlap, fault))
		return false;
	if (overlap || list->options & MACHVM__TRANSFER_TRANSACTION)
		return read_aside(list, spans, fault);
	return target_good(list, spans, &shared, fault) && carry(list, false, fault);
}

bool machvm__list_move(struct machvm__ranges *list, struct machvm__fault *fault)
{
	const struct machvm__piece *only = list->pieces;
	struct machvm__span *spans;
	bool good;

	fault->done = 0;
	if (list->count == 1 && list->fresh)
		return machvm__transfer_fetch(list->target, only->raddr, only->local, only->size,
		                              fault);
	if (list->count == 1)
		return list->direction == MACHVM__WRITE
		               ? machvm__transfer_write(list->target, only->raddr, only->local,
		                                        only->size, list->options, fault)
		               : machvm__transfer_read(list->target, only->raddr, only->local,
		                                       only->size, list->options, fault);
	spans = calloc(list->count, sizeof *spans);
	if (!spans)
		return machvm__fault_no_memory(fault, "copy");
	good = list->direction == MACHVM__WRITE ? write_list(list, spans, fault)
	                                        : read_list(list, spans, fault);
	free(spans);
	return good;
}
