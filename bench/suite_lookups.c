/* SPDX-License-Identifier: MIT */
/*
 * suite_lookups.c - what the looks before a long write cost on this machine, in
 * context: each is timed between copies, for a system call that runs alone in a
 * loop finds the CPU in another state than one that follows a copy. The sum is
 * the least that any implementation with these looks can cost here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel.h"
#include "suites.h"
#include "transfer.h"

enum { THEIRS, OURS, WHOSE };

struct looked {
	struct transfer transfer;
	int maps[WHOSE], pagemap[WHOSE];
};

static int open_file(pid_t pid, const char *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void query(int maps, uint64_t address)
{
	struct procmap_query ask = {.size = sizeof ask, .address = address};

	if (ioctl(maps, PROCMAP_QUERY_REQUEST, &ask))
		die("PROCMAP_QUERY: %s", strerror(errno));
}

static void scan(int pagemap, uint64_t start, size_t size)
{
	struct page_region found;
	struct pagemap_scan ask = {
		.size = sizeof ask,
		.start = start,
		.end = start + size,
		.vec = (uintptr_t)&found,
		.vec_len = 1,
		.category_anyof_mask = PAGE_IS_GUARD | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_GUARD,
	};

	if (ioctl(pagemap, PAGEMAP_SCAN_REQUEST, &ask))
		die("PAGEMAP_SCAN: %s", strerror(errno));
}

static void copy(struct transfer *transfer, size_t at)
{
	struct iovec here = {transfer->local + at, transfer->size};
	struct iovec there = {(void *)(uintptr_t)transfer_address(transfer, at), transfer->size};

	if (process_vm_writev(transfer->subject.pid, &here, 1, &there, 1, 0) !=
	    (ssize_t)transfer->size)
		die("process_vm_writev: %s", strerror(errno));
}

enum { QUERY_THEIRS = 1, QUERY_OURS = 2, SCAN_THEIRS = 4, SCAN_OURS = 8 };

static inline __attribute__((always_inline)) void look_and_copy(void *context, unsigned repetitions,
								int looks)
{
	struct looked *looked = context;
	struct transfer *transfer = &looked->transfer;

	while (repetitions--) {
		size_t at = transfer_next(transfer);

		if (looks & QUERY_OURS)
			query(looked->maps[OURS], (uintptr_t)transfer->local + at);
		if (looks & SCAN_OURS)
			scan(looked->pagemap[OURS], (uintptr_t)transfer->local + at,
			     transfer->size);
		if (looks & QUERY_THEIRS)
			query(looked->maps[THEIRS], transfer_address(transfer, at));
		if (looks & SCAN_THEIRS)
			scan(looked->pagemap[THEIRS], transfer_address(transfer, at),
			     transfer->size);
		copy(transfer, at);
	}
}

#define SIDE(name, looks)                                     \
	static void name(void *context, unsigned repetitions) \
	{                                                     \
		look_and_copy(context, repetitions, looks);   \
	}

SIDE(bare, 0)
SIDE(with_query_theirs, QUERY_THEIRS)
SIDE(with_query_ours, QUERY_OURS)
SIDE(with_scan_theirs, SCAN_THEIRS)
SIDE(with_scan_ours, SCAN_OURS)
SIDE(with_all, QUERY_THEIRS | QUERY_OURS | SCAN_THEIRS | SCAN_OURS)

static const struct side sides[] = {
	{"process_vm_writev", bare},
	{"+ PROCMAP_QUERY on the target", with_query_theirs},
	{"+ PROCMAP_QUERY on the caller", with_query_ours},
	{"+ PAGEMAP_SCAN on the target", with_scan_theirs},
	{"+ PAGEMAP_SCAN on the caller", with_scan_ours},
	{"+ all four", with_all},
	{"mach_vm_write", transfer_write},
};

enum { SIDES = sizeof sides / sizeof *sides };

static void compare(struct looked *looked, size_t size, size_t span)
{
	struct samples samples;
	char text[16], name[64];

	looked->transfer.size = size;
	looked->transfer.span = span;
	transfer_verify(&looked->transfer);
	measure(&samples, sides, SIDES, looked, 2.0);
	for (unsigned side = 1; side < SIDES; side++) {
		struct row row = {.group = "look-ups between copies", .name = name};

		snprintf(name, sizeof name, "%s %s", size_name(size, text),
			 span > size ? "cold" : "hot");
		row_print(&row, &samples, sides, side, 0);
	}
	measure_free(&samples);
}

static int kernel_has_both(struct looked *looked)
{
	struct procmap_query ask = {.size = sizeof ask, .address = (uintptr_t)looked};
	struct pagemap_scan pages = {.size = sizeof pages};

	return ioctl(looked->maps[OURS], PROCMAP_QUERY_REQUEST, &ask) == 0 &&
	       ioctl(looked->pagemap[OURS], PAGEMAP_SCAN_REQUEST, &pages) == 0;
}

void suite_lookups(const struct settings *settings)
{
	size_t room = transfer_cold_span();
	struct looked looked;

	transfer_begin(&looked.transfer, room);
	looked.maps[THEIRS] = open_file(looked.transfer.subject.pid, "maps");
	looked.maps[OURS] = open_file(getpid(), "maps");
	looked.pagemap[THEIRS] = open_file(looked.transfer.subject.pid, "pagemap");
	looked.pagemap[OURS] = open_file(getpid(), "pagemap");
	if (kernel_has_both(&looked)) {
		compare(&looked, (size_t)8 << 10, (size_t)8 << 10);
		compare(&looked, (size_t)64 << 10, (size_t)64 << 10);
		compare(&looked, (size_t)64 << 10, room);
	} else {
		fputs("bench: this kernel has no PROCMAP_QUERY or no PAGEMAP_SCAN: not timed\n",
		      stderr);
	}
	for (int whose = 0; whose < WHOSE; whose++) {
		close(looked.maps[whose]);
		close(looked.pagemap[whose]);
	}
	looked.transfer.span = room;
	transfer_end(&looked.transfer);
}
