/* SPDX-License-Identifier: MIT */
/*
 * chunk.c - one chunk of a search: read, with zeros where nothing was ever
 * touched, and searched. What cannot be read is passed over page by page.
 */
#include <string.h>

#include "batch.h"
#include "transfer.h"
#include "window.h"

/* Runs that one reading takes in; a chunk with more of them takes several. */
#define MOST_RUNS 128

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The first run that ends beyond an address. */
static size_t run_at(const struct machvm__window *window, uint64_t address)
{
	size_t low = 0, high = window->run_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (window->runs[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/*
 * The pieces to be read of [at, end), the rest of it zeroed. Returns how far the
 * pieces go.
 */
static uint64_t gather(const struct machvm__window *window, uint64_t at, uint64_t end, uint8_t *to,
                       struct machvm__piece pieces[MOST_RUNS], size_t *count)
{
	*count = 0;
	for (size_t i = run_at(window, at); at < end; i++) {
		uint64_t from = end, stop = end;

		if (i < window->run_count && window->runs[i].start < end) {
			from = window->runs[i].start > at ? window->runs[i].start : at;
			stop = lower(window->runs[i].end, end);
		}
		if (from < stop && *count == MOST_RUNS)
			return at;
		memset(to, 0, (size_t)(from - at));
		to += from - at;
		at = from;
		if (from == stop)
			continue;
		pieces[(*count)++] = (struct machvm__piece){
			.raddr = at, .local = to, .size = (size_t)(stop - at)};
		to += stop - at;
		at = stop;
	}
	return at;
}

/* Does the failure concern some page only? */
static bool about_a_page(enum machvm__cause cause)
{
	return cause == MACHVM__CAUSE_UNMAPPED || cause == MACHVM__CAUSE_PROTECTED ||
	       cause == MACHVM__CAUSE_FORCE || cause == MACHVM__CAUSE_GUARD || cause == MACHVM__CAUSE_CONTENTS ||
	       cause == MACHVM__CAUSE_WAIT || cause == MACHVM__CAUSE_SECRET ||
	       cause == MACHVM__CAUSE_RESTLESS;
}

/* With all that a read does: the flags, the ways around a refused call. Up to *stop it is there. */
static bool read_with_care(const struct machvm__window *window, const struct machvm__piece *piece,
                           uint64_t *stop, struct machvm__fault *fault)
{
	const struct machvm__search *search = window->search;
	size_t size = piece->size;

	*stop = piece->raddr + piece->size;
	while (size) {
		if (machvm__transfer_read(search->target, piece->raddr, piece->local, size,
		                          search->options, fault))
			return true;
		if (!about_a_page(fault->cause))
			return false;
		*stop = fault->raddr > piece->raddr && fault->raddr - piece->raddr < size
		               ? fault->raddr
		               : piece->raddr;
		size = (size_t)(*stop - piece->raddr);
	}
	return true;
}

static bool read_pieces(const struct machvm__window *window, const struct machvm__piece *pieces,
                        size_t count, uint64_t *bad, struct machvm__fault *fault)
{
	const struct machvm__search *search = window->search;
	size_t done = 0, i = 0;
	int r = -EOPNOTSUPP;

	if (!search->options)
		r = machvm__batch_move(search->target, MACHVM__READ, pieces, count, &done);
	if (r == 0)
		return true;
	while (i < count && done >= pieces[i].size)
		done -= pieces[i++].size;
	/* No second try for what may be there by now: what comes and goes may be missed. */
	if (r == -EFAULT && i < count) {
		*bad = pieces[i].raddr + done;
		return true;
	}
	for (; i < count; i++) {
		uint64_t stop;

		if (!read_with_care(window, &pieces[i], &stop, fault))
			return false;
		if (stop < pieces[i].raddr + pieces[i].size) {
			*bad = stop;
			return true;
		}
	}
	return true;
}

/*
 * Reads [at, end) until a page that cannot be read: *good is where that begins,
 * or `end`. False when nothing can be read any more.
 */
static bool fill(struct machvm__window *window, uint64_t at, uint64_t end, uint8_t *to,
                 uint64_t *good, struct machvm__fault *fault)
{
	struct machvm__piece pieces[MOST_RUNS];
	size_t count;

	while (at < end) {
		uint64_t next = gather(window, at, end, to, pieces, &count), bad = next;

		if (count && !read_pieces(window, pieces, count, &bad, fault))
			return false;
		*good = bad;
		if (bad < next)
			return true;
		to += next - at;
		at = next;
	}
	*good = end;
	return true;
}

/* Tells of the places in [at, end) of which all bytes lie before `good`. */
static bool search_bytes(const struct machvm__search *search, uint64_t at, uint64_t end,
                         uint64_t good, const uint8_t *bytes,
                         bool (*found)(void *context, uint64_t address), void *context)
{
	const uint8_t *first = bytes, *last;

	if (good - at < search->needle.size)
		return true;
	end = lower(end, good - search->needle.size + 1);
	last = bytes + (end - at);
	while ((bytes = machvm__needle_find(&search->needle, bytes, last))) {
		uint64_t address = at + (uint64_t)(bytes - first);

		if (address % search->alignment == 0 && !found(context, address))
			return false;
		bytes++;
	}
	return true;
}

bool machvm__window_search(struct machvm__window *window, struct machvm__chunk *chunk,
                           uint8_t *buffer, bool (*found)(void *context, uint64_t address),
                           void *context)
{
	uint64_t page = machvm__page_size();
	uint64_t end = lower(chunk->end + window->reach, chunk->limit);
	uint64_t at = chunk->start;

	chunk->unreadable = 0;
	while (at < chunk->end) {
		/* Buffer and target agree in the bits that alignments are made of. */
		uint8_t *to = buffer + (at & 63);
		struct machvm__fault fault;
		uint64_t good, next;

		if (!fill(window, at, end, to, &good, &fault)) {
			if (!atomic_exchange(&window->failed, true))
				window->fault = fault;
			return false;
		}
		if (!search_bytes(window->search, at, chunk->end, good, to, found, context))
			return true;
		if (good == end)
			return true;
		next = (good | (page - 1)) + 1;
		if (good < chunk->end)
			chunk->unreadable += lower(next, chunk->end) - good;
		at = next;
	}
	return true;
}
