/* SPDX-License-Identifier: MIT */
/* pages.c - PAGEMAP_SCAN and the words of /proc/PID/pagemap. */
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "descriptor.h"
#include "own_memory.h"
#include "uapi.h"

/* ENOTTY, EINVAL and ENOSYS are remembered: the kernel will not learn it while we run. */
static _Atomic bool scan_missing;

int machvm__pages_read(int pagemap_fd, uint64_t start, size_t count, uint64_t *words)
{
	uint64_t first = start / machvm__page_size();
	ssize_t n = machvm__descriptor_read_at(pagemap_fd, words, count * sizeof *words,
	                                       first * sizeof *words);

	return n < 0 ? (int)n : (int)((size_t)n / sizeof *words);
}

static long scan_range(int pagemap_fd, struct machvm__pagemap_scan *scan)
{
	long n;

	do
		n = machvm__fast_call(SYS_ioctl, pagemap_fd, (long)MACHVM__PAGEMAP_SCAN, (long)scan, 0, 0, 0);
	while (n == -EINTR);
	return n;
}

static enum machvm__doubt scanned_doubt(uint64_t categories)
{
	/* A guard page is a kind of swap entry, and counts as both. */
	if (categories & MACHVM__SCAN_GUARD)
		return MACHVM__DOUBT_GUARD;
	if (categories & MACHVM__SCAN_SWAPPED)
		return MACHVM__DOUBT_SWAPPED;
	return categories & MACHVM__SCAN_PRESENT ? MACHVM__DOUBT_WATCHED : MACHVM__DOUBT_ABSENT;
}

static int doubt_by_scan(int pagemap_fd, uint64_t start, uint64_t end, unsigned look,
                         struct machvm__doubtful *found)
{
	/* Inverted: a page matches for being absent, or for not being free to write. */
	uint64_t inverted = (look & MACHVM__LOOK_ABSENT ? MACHVM__SCAN_PRESENT : 0u) |
	                    (look & MACHVM__LOOK_WATCHED ? MACHVM__SCAN_WRITTEN : 0u);
	struct machvm__page_region region = {0};
	struct machvm__pagemap_scan scan = {
		.size = sizeof scan,
		.start = start,
		.end = end,
		.vec = (uint64_t)(uintptr_t)&region,
		.vec_len = 1,
		.category_inverted = inverted,
		.category_anyof_mask = MACHVM__SCAN_GUARD | MACHVM__SCAN_SWAPPED | inverted,
		.return_mask = MACHVM__SCAN_GUARD | MACHVM__SCAN_SWAPPED | MACHVM__SCAN_PRESENT,
	};
	long n = scan_range(pagemap_fd, &scan);

	if (n <= 0)
		return (int)n;
	*found = (struct machvm__doubtful){region.start, region.end, scanned_doubt(region.categories)};
	return 1;
}

static bool doubtful_word(uint64_t word, unsigned look, enum machvm__doubt *doubt)
{
	if (word & (MACHVM__PAGE_GUARD | MACHVM__PAGE_SWAPPED)) {
		*doubt = word & MACHVM__PAGE_GUARD ? MACHVM__DOUBT_GUARD : MACHVM__DOUBT_SWAPPED;
		return true;
	}
	*doubt = word & MACHVM__PAGE_PRESENT ? MACHVM__DOUBT_WATCHED : MACHVM__DOUBT_ABSENT;
	if (*doubt == MACHVM__DOUBT_ABSENT)
		return look & MACHVM__LOOK_ABSENT;
	return (look & MACHVM__LOOK_WATCHED) && (word & MACHVM__PAGE_UFFD_WP);
}

static int doubt_by_words(int pagemap_fd, uint64_t start, uint64_t end, unsigned look,
                          struct machvm__doubtful *found)
{
	size_t page = machvm__page_size();
	uint64_t words[512];
	bool open_run = false;

	for (uint64_t at = start; at < end;) {
		size_t wanted = (end - at) / page < 512 ? (size_t)((end - at) / page) : 512;
		int n = machvm__pages_read(pagemap_fd, at, wanted, words);

		if (n <= 0)
			return n ? n : -ESRCH;
		for (int i = 0; i < n; i++, at += page) {
			enum machvm__doubt doubt;
			bool doubtful = doubtful_word(words[i], look, &doubt);

			if (open_run && (!doubtful || doubt != found->doubt))
				return 1;
			if (!doubtful)
				continue;
			if (!open_run)
				*found = (struct machvm__doubtful){at, at, doubt};
			open_run = true;
			found->end = at + page;
		}
	}
	return open_run;
}

bool machvm__pages_write_passes(int pagemap_fd, uint64_t page)
{
	struct machvm__page_region region;
	struct machvm__pagemap_scan scan = {
		.size = sizeof scan,
		.start = page,
		.end = page + machvm__page_size(),
		.vec = (uint64_t)(uintptr_t)&region,
		.vec_len = 1,
		.category_mask = MACHVM__SCAN_WP_ALLOWED,
		.return_mask = MACHVM__SCAN_WP_ALLOWED,
	};

	return scan_range(pagemap_fd, &scan) == 1;
}

int machvm__pages_doubt(int pagemap_fd, uint64_t start, uint64_t end, unsigned look,
                        struct machvm__doubtful *found)
{
	if (!atomic_load_explicit(&scan_missing, memory_order_relaxed)) {
		int r = doubt_by_scan(pagemap_fd, start, end, look, found);

		if (r != -ENOTTY && r != -EINVAL && r != -ENOSYS)
			return r;
		atomic_store_explicit(&scan_missing, true, memory_order_relaxed);
	}
	return doubt_by_words(pagemap_fd, start, end, look, found);
}

/* The kernel's regions carry categories; asked for none of them, it joins neighbours. */
static int touched_by_scan(int pagemap_fd, uint64_t start, uint64_t end, struct machvm__run *runs,
                           int most, uint64_t *stop)
{
	struct machvm__page_region found[64];
	int room = most < 64 ? most : 64;
	struct machvm__pagemap_scan scan = {
		.size = sizeof scan,
		.start = start,
		.end = end,
		.vec = (uint64_t)(uintptr_t)found,
		.vec_len = (uint64_t)room,
		.category_anyof_mask = MACHVM__SCAN_PRESENT | MACHVM__SCAN_SWAPPED,
	};
	long n = scan_range(pagemap_fd, &scan);

	if (n < 0)
		return (int)n;
	for (long i = 0; i < n; i++)
		runs[i] = (struct machvm__run){found[i].start, found[i].end};
	*stop = n < room ? end : found[n - 1].end;
	return (int)n;
}

static int touched_by_words(int pagemap_fd, uint64_t start, uint64_t end, struct machvm__run *runs,
                            int most, uint64_t *stop)
{
	size_t page = machvm__page_size();
	uint64_t words[512];
	int count = 0;

	for (*stop = start; *stop < end;) {
		size_t wanted = (end - *stop) / page < 512 ? (size_t)((end - *stop) / page) : 512;
		int n = machvm__pages_read(pagemap_fd, *stop, wanted, words);

		if (n <= 0)
			return n ? n : -ESRCH;
		for (int i = 0; i < n; i++, *stop += page) {
			if (!(words[i] & (MACHVM__PAGE_PRESENT | MACHVM__PAGE_SWAPPED)))
				continue;
			if (count && runs[count - 1].end == *stop) {
				runs[count - 1].end += page;
				continue;
			}
			if (count == most)
				return count;
			runs[count++] = (struct machvm__run){*stop, *stop + page};
		}
	}
	return count;
}

int machvm__pages_touched(int pagemap_fd, uint64_t start, uint64_t end, struct machvm__run *runs,
                          int most, uint64_t *stop)
{
	if (!atomic_load_explicit(&scan_missing, memory_order_relaxed)) {
		int r = touched_by_scan(pagemap_fd, start, end, runs, most, stop);

		if (r != -ENOTTY && r != -EINVAL)
			return r;
		atomic_store_explicit(&scan_missing, true, memory_order_relaxed);
	}
	return touched_by_words(pagemap_fd, start, end, runs, most, stop);
}

/* A fresh page that has been written is soft-dirty, or nothing ever is. */
static bool try_soft_dirty(void)
{
	size_t size = machvm__page_size();
	int fd = machvm__descriptor_open_self("pagemap", O_RDONLY);
	char *page = fd < 0 ? NULL : machvm__own_memory_map(size);
	uint64_t word = 0;

	if (page) {
		*(volatile char *)page = 1;
		machvm__pages_read(fd, (uintptr_t)page, 1, &word);
		machvm__own_memory_unmap(page, size);
	}
	machvm__descriptor_close(fd);
	return word & MACHVM__PAGE_SOFT_DIRTY;
}

bool machvm__pages_track_writes(void)
{
	enum { UNTRIED, NEVER, ALWAYS };
	static _Atomic int answer = UNTRIED;

	if (atomic_load_explicit(&answer, memory_order_relaxed) == UNTRIED)
		atomic_store(&answer, try_soft_dirty() ? ALWAYS : NEVER);
	return atomic_load_explicit(&answer, memory_order_relaxed) == ALWAYS;
}
