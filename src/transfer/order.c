/* SPDX-License-Identifier: MIT */
/*
 * order.c - sorting by digits of the address, from the lowest to the highest
 * that differs: linear, and stable. A list that is in order already costs a look.
 */
#include "order.h"

#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS 11
#define DIGITS     (1u << DIGIT_BITS)
/* Up to here insertion is quicker than counting. */
#define FEW 64

/* The bits in which addresses differ; 0 when they ascend as they are. */
static uint64_t disorder(const struct machvm__piece *pieces, size_t count)
{
	uint64_t differ = 0;
	bool ascend = true;

	for (size_t i = 1; i < count; i++) {
		differ |= pieces[i].raddr ^ pieces[i - 1].raddr;
		ascend = ascend && pieces[i].raddr >= pieces[i - 1].raddr;
	}
	return ascend ? 0 : differ;
}

static void insert(struct machvm__piece *pieces, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct machvm__piece piece = pieces[i];
		size_t at = i;

		for (; at > 0 && pieces[at - 1].raddr > piece.raddr; at--)
			pieces[at] = pieces[at - 1];
		pieces[at] = piece;
	}
}

/* One pass, by the digit that begins at a bit. */
static void scatter(const struct machvm__piece *from, struct machvm__piece *to, size_t count,
                    unsigned bit)
{
	size_t starts[DIGITS] = {0}, start = 0;

	for (size_t i = 0; i < count; i++)
		starts[from[i].raddr >> bit & (DIGITS - 1)]++;
	for (unsigned digit = 0; digit < DIGITS; digit++) {
		size_t here = starts[digit];

		starts[digit] = start;
		start += here;
	}
	for (size_t i = 0; i < count; i++)
		to[starts[from[i].raddr >> bit & (DIGITS - 1)]++] = from[i];
}

bool machvm__order_pieces(struct machvm__piece *pieces, size_t count)
{
	uint64_t differ = disorder(pieces, count);
	struct machvm__piece *other, *from = pieces, *to;

	if (!differ)
		return true;
	if (count <= FEW) {
		insert(pieces, count);
		return true;
	}
	to = other = calloc(count, sizeof *other);
	if (!other)
		return false;
	for (unsigned bit = 0; bit < 64; bit += DIGIT_BITS) {
		struct machvm__piece *done = to;

		if (!(differ >> bit & (DIGITS - 1)))
			continue;
		scatter(from, to, count, bit);
		to = from;
		from = done;
	}
	if (from != pieces)
		memcpy(pieces, from, count * sizeof *pieces);
	free(other);
	return true;
}

/* Pages have no say in what overlaps, only in what is looked at together. */
static size_t join(struct machvm__span *spans, size_t count, uint64_t start, uint64_t end)
{
	uint64_t mask = machvm__page_size() - 1;

	if (count && start <= ((spans[count - 1].end + mask) & ~mask)) {
		if (end > spans[count - 1].end)
			spans[count - 1].end = end;
		return count;
	}
	spans[count] = (struct machvm__span){start, end};
	return count + 1;
}

size_t machvm__order_spans(const struct machvm__piece *pieces, size_t count,
                           struct machvm__span *spans, bool *overlap)
{
	uint64_t end = 0;
	size_t n = 0;

	*overlap = false;
	for (size_t i = 0; i < count; i++) {
		uint64_t stop = pieces[i].raddr + pieces[i].size;

		*overlap |= i > 0 && pieces[i].raddr < end;
		end = stop > end ? stop : end;
		n = join(spans, n, pieces[i].raddr, stop);
	}
	return n;
}

static bool local_ascends(const struct machvm__piece *pieces, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if ((uintptr_t)pieces[i].local < (uintptr_t)pieces[i - 1].local)
			return false;
	return true;
}

size_t machvm__order_local_spans(const struct machvm__piece *pieces, size_t count,
                                 struct machvm__span *spans, bool *overlap)
{
	struct machvm__piece *sides = calloc(count, sizeof *sides);
	size_t n = 0;

	if (!sides)
		return 0;
	for (size_t i = 0; i < count; i++)
		sides[i] = (struct machvm__piece){.raddr = (uintptr_t)pieces[i].local,
		                                  .size = pieces[i].size};
	if (local_ascends(pieces, count) || machvm__order_pieces(sides, count))
		n = machvm__order_spans(sides, count, spans, overlap);
	free(sides);
	return n;
}
