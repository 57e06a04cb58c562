/* SPDX-License-Identifier: MIT */
/*
 * pages.h - what the page tables say about a range: which pages a look at the
 * region cannot vouch for. From a descriptor of /proc/PID/pagemap, by
 * PAGEMAP_SCAN (Linux 6.7) or by reading one word per page.
 */
#ifndef MACHVM_LINUX_PAGES_H
#define MACHVM_LINUX_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fast_cpu.h"

enum machvm__doubt {
	MACHVM__DOUBT_GUARD,   /* MADV_GUARD_INSTALL: access is refused */
	MACHVM__DOUBT_SWAPPED, /* or poisoned, or migrating: try it */
	MACHVM__DOUBT_WATCHED, /* there, and a userfaultfd wants to know of writes */
	MACHVM__DOUBT_ABSENT,  /* not there yet: from a file, from a server, or zeroes in waiting */
};

struct machvm__doubtful {
	uint64_t start;
	uint64_t end;
	enum machvm__doubt doubt;
};

/* What counts beside guard and swapped pages. */
enum {
	MACHVM__LOOK_ABSENT = 1 << 0,
	MACHVM__LOOK_WATCHED = 1 << 1,
};

/*
 * The first run of doubtful pages in [start, end), both page-aligned: 1 with
 * *found, 0 when there is none, or -errno. `look` is MACHVM__LOOK_*.
 */
int machvm__pages_doubt(int pagemap_fd, uint64_t start, uint64_t end, unsigned look,
                        struct machvm__doubtful *found);

struct machvm__run {
	uint64_t start;
	uint64_t end;
};

/*
 * The runs of pages in [start, end), both page-aligned, that are present or
 * swapped out (guard pages count): how many, at most `most`, or -errno. What lies
 * between them up to *stop has never been touched.
 */
int machvm__pages_touched(int pagemap_fd, uint64_t start, uint64_t end, struct machvm__run *runs,
                          int most, uint64_t *stop);

/* Words of the pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define MACHVM__PAGE_SOFT_DIRTY (UINT64_C(1) << 55)
#define MACHVM__PAGE_EXCLUSIVE  (UINT64_C(1) << 56)
#define MACHVM__PAGE_UFFD_WP    (UINT64_C(1) << 57)
#define MACHVM__PAGE_GUARD      (UINT64_C(1) << 58)
#define MACHVM__PAGE_FILE       (UINT64_C(1) << 61)
#define MACHVM__PAGE_SWAPPED    (UINT64_C(1) << 62)
#define MACHVM__PAGE_PRESENT    (UINT64_C(1) << 63)

/* Does the kernel keep MACHVM__PAGE_SOFT_DIRTY (CONFIG_MEM_SOFT_DIRTY)? Tried once, on a page of ours. */
bool machvm__pages_track_writes(void);

/* The words of `count` pages from `start` on; how many could be read, or -errno. */
int machvm__pages_read(int pagemap_fd, uint64_t start, size_t count, uint64_t *words);

/*
 * Is a page with MACHVM__PAGE_UFFD_WP one whose writers the kernel lets through
 * by itself (asynchronous write protection, Linux 6.7)?
 */
bool machvm__pages_write_passes(int pagemap_fd, uint64_t page);

/* The kernel's page size. */
static inline size_t machvm__page_size(void)
{
	return MACHVM__PAGE_SIZE;
}

#endif
