/* SPDX-License-Identifier: MIT */
/*
 * scan - a pattern searched for in the memory of a target.
 *
 * The memory passes through one buffer in pieces. The last bytes of a piece, one
 * fewer than the pattern has, stay in front of the next one: a match across the
 * border is seen whole, and none is seen twice.
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

static void search(struct scan *scan, const unsigned char *end, uint64_t end_address)
{
	const unsigned char *at = scan->buffer;

	while (!scan->stopped && (at = pattern_find(scan->pattern, at, end))) {
		uint64_t address = end_address - (uint64_t)(end - at);

		if (address % scan->alignment == 0)
			scan->stopped = scan->match(address, scan->context);
		at++;
	}
}

int scan_span(struct scan *scan, uint64_t start, uint64_t end)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), overlap = scan->pattern->size - 1, held = 0,
	       got;
	uint64_t at = start;

	if (!scan->buffer)
		scan->buffer = memory_resize(NULL, overlap + PIECE, 1);
	while (at < end && !scan->stopped) {
		size_t wanted = end - at < PIECE ? (size_t)(end - at) : PIECE;
		int status = read_some(scan, at, scan->buffer + held, wanted, &got);

		if (status)
			return status;
		if (!got) {
			uint64_t next = (at | (page - 1)) + 1;

			got = next < end && next ? (size_t)(next - at) : (size_t)(end - at);
			scan->unreadable += got;
			held = 0;
		} else {
			size_t filled = held + got;

			search(scan, scan->buffer + filled, at + got);
			held = filled < overlap ? filled : overlap;
			memmove(scan->buffer, scan->buffer + filled - held, held);
		}
		at += got;
		progress_advance(scan->progress, got);
		scan->stopped |= interrupt_pending();
	}
	return STATUS_DONE;
}

void scan_free(struct scan *scan)
{
	free(scan->buffer);
	scan->buffer = NULL;
}
