/* SPDX-License-Identifier: MIT */
/*
 * scan - a pattern searched for in the memory of a target.
 *
 * The memory passes through one buffer in pieces. The last bytes of a piece, one
 * fewer than the pattern has, stay in front of the next one: a match across the
 * border is seen whole, and none is seen twice. Pages that were never used are
 * known to be zeros and are not read.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mach/message.h>
#include <machvm.h>

#include "failure.h"
#include "interrupt.h"
#include "memory.h"
#include "scan.h"

#define PIECE (1u << 20)

/* Does this failure concern some page only, and not the target as a whole? */
static int is_about_a_page(kern_return_t kr)
{
	return kr == KERN_INVALID_ADDRESS || kr == KERN_PROTECTION_FAILURE ||
	       kr == KERN_MEMORY_ERROR || kr == KERN_NO_ACCESS;
}

/*
 * Reads up to `size` bytes at `address`: what precedes the first page that
 * cannot be read, 0 bytes when that is the first.
 */
static int read_some(const struct scan *scan, uint64_t address, unsigned char *data, size_t size,
		     size_t *got)
{
	*got = 0;
	while (size) {
		kern_return_t kr = machvm_read(scan->task, address, data, size, scan->flags);
		uint64_t bad;

		if (kr == KERN_SUCCESS) {
			*got = size;
			return STATUS_DONE;
		}
		if (!is_about_a_page(kr))
			return failure_mach(kr);
		bad = machvm_last_error()->address;
		size = bad > address && bad - address < size ? (size_t)(bad - address) : 0;
	}
	return STATUS_DONE;
}

/*
 * Searches the bytes held and the `got` ones behind them, which end at `end` in
 * the target, and holds what may be the beginning of a match.
 */
static void search(struct scan *scan, size_t got, uint64_t end)
{
	size_t filled = scan->held + got, overlap = scan->pattern->size - 1;
	const unsigned char *at = scan->buffer, *last = scan->buffer + filled;

	while (!scan->stopped && (at = pattern_find(scan->pattern, at, last))) {
		uint64_t address = end - (uint64_t)(last - at);

		if (address % scan->alignment == 0)
			scan->stopped = scan->match(address, scan->context);
		at++;
	}
	scan->held = filled < overlap ? filled : overlap;
	memmove(scan->buffer, last - scan->held, scan->held);
}

/* Goes on to at most `end`; *next is how far. */
static int step_memory(struct scan *scan, uint64_t at, uint64_t end, uint64_t *next)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	size_t wanted = end - at < PIECE ? (size_t)(end - at) : PIECE, got;
	int status = read_some(scan, at, scan->buffer + scan->held, wanted, &got);

	if (status)
		return status;
	if (got) {
		search(scan, got, at + got);
		*next = at + got;
		return STATUS_DONE;
	}
	*next = (at | (page - 1)) + 1;
	if (*next > end || !*next)
		*next = end;
	scan->unreadable += *next - at;
	scan->held = 0;
	return STATUS_DONE;
}

/* Zeros up to `end`: a match may reach into the first of them, or out of the last. */
static void step_zeros(struct scan *scan, uint64_t at, uint64_t end)
{
	size_t overlap = scan->pattern->size - 1;
	size_t first = end - at < overlap ? (size_t)(end - at) : overlap;

	memset(scan->buffer + scan->held, 0, first);
	search(scan, first, at + first);
	if (end - at > overlap) {
		memset(scan->buffer, 0, overlap);
		scan->held = overlap;
	}
}

/* Zeros are passed over only where the pattern needs another byte. */
static uint64_t find_untouched(struct scan *scan, uint64_t at, uint64_t end, int *untouched)
{
	const struct region *region = region_list_at(scan->regions, at);

	*untouched = 0;
	if (!region || pattern_fits_zeros(scan->pattern))
		return end;
	return untouched_run(&scan->untouched, region, at, end, untouched);
}

int scan_span(struct scan *scan, uint64_t start, uint64_t end)
{
	uint64_t at, next;
	int untouched, status;

	if (!scan->buffer)
		scan->buffer = memory_resize(NULL, 2 * scan->pattern->size + PIECE, 1);
	scan->untouched.task = scan->task;
	scan->held = 0;
	for (at = start; at < end && !scan->stopped; at = next) {
		next = find_untouched(scan, at, end, &untouched);
		if (untouched) {
			step_zeros(scan, at, next);
		} else {
			status = step_memory(scan, at, next, &next);
			if (status)
				return status;
		}
		progress_advance(scan->progress, next - at);
		scan->stopped |= interrupt_pending();
	}
	return STATUS_DONE;
}

void scan_free(struct scan *scan)
{
	untouched_free(&scan->untouched);
	free(scan->buffer);
	scan->buffer = NULL;
}
