/* SPDX-License-Identifier: MIT */
/* regions.c - single look-ups: a region, the pages that a region cannot vouch for. */
#include "target.h"

#include <errno.h>

#include "descriptor.h"

/* PROCMAP_QUERY's absence is the kernel's (or a filter's): once refused, for good. */
static _Atomic bool query_missing;

bool machvm__target_queries(void)
{
	return !atomic_load_explicit(&query_missing, memory_order_relaxed);
}

/* The kernel's answer, or -ENOTTY where it has no such call: then the text must do. */
static int query(int maps_fd, uint64_t raddr, struct machvm__vma *vma, char *name,
                 size_t name_size)
{
	int r;

	if (!machvm__target_queries())
		return -ENOTTY;
	r = machvm__maps_query(maps_fd, raddr, vma, name, name_size);
	if (r != -ENOTTY && r != -EPERM && r != -ENOSYS && r != -EINVAL)
		return r;
	atomic_store(&query_missing, true);
	return -ENOTTY;
}

bool machvm__target_image_lives(const struct machvm__file *maps)
{
	struct machvm__vma vma;
	char byte;

	/* A look-up in between, of this thread or another, has found the new program. */
	if (maps->held && maps->replaced && atomic_load(maps->replaced) != maps->opened)
		return false;
	if (machvm__target_queries())
		return machvm__maps_query(maps->fd, 0, &vma, NULL, 0) != -ESRCH;
	/* The text of a dead address space is empty. */
	return machvm__descriptor_read_at(maps->fd, &byte, 1, 0) == 1;
}

static int query_region(struct machvm__target *target, uint64_t raddr, struct machvm__vma *vma,
                        char *name, size_t name_size)
{
	struct machvm__file maps;
	unsigned programs = 0;
	int r;

	if (!machvm__target_queries())
		return -ENOTTY;
	r = machvm__target_open(target, MACHVM__FILE_MAPS, &maps);
	if (r)
		return r;
	r = query(maps.fd, raddr, vma, name, name_size);
	while (r == -ESRCH &&
	       (r = machvm__target_follow(target, MACHVM__FILE_MAPS, &maps, &programs)) == 0)
		r = query(maps.fd, raddr, vma, name, name_size);
	if (r == 0 && name && !vma->name_length)
		name[0] = '\0';
	machvm__target_close(&maps);
	return r;
}

static int look_up(struct machvm__target *target, uint64_t raddr, bool going_on,
                   struct machvm__vma *vma, char *name, size_t name_size)
{
	int r = query_region(target, raddr, vma, name, name_size);
	struct machvm__smaps region;

	if (r != -ENOTTY)
		return r;
	r = machvm__cursor_find(target, MACHVM__LIST_MAPS, raddr, going_on, &region, name, name_size);
	if (r == 0)
		*vma = region.vma;
	return r;
}

int machvm__target_region(struct machvm__target *target, uint64_t raddr, struct machvm__vma *vma,
                          char *name, size_t name_size)
{
	return look_up(target, raddr, false, vma, name, name_size);
}

int machvm__target_next_region(struct machvm__target *target, uint64_t raddr,
                               struct machvm__vma *vma, char *name, size_t name_size)
{
	return look_up(target, raddr, true, vma, name, name_size);
}

int machvm__target_counted_region(struct machvm__target *target, uint64_t raddr,
                                  struct machvm__smaps *region)
{
	return machvm__cursor_find(target, MACHVM__LIST_SMAPS, raddr, true, region, NULL, 0);
}

int machvm__target_doubt(struct machvm__target *target, uint64_t start, uint64_t end, unsigned look,
                         struct machvm__doubtful *found)
{
	struct machvm__file pagemap;
	int r = machvm__target_open(target, MACHVM__FILE_PAGEMAP, &pagemap);
	unsigned programs = 0;

	if (r)
		return r;
	r = machvm__pages_doubt(pagemap.fd, start, end, look, found);
	while (r == -ESRCH &&
	       (r = machvm__target_follow(target, MACHVM__FILE_PAGEMAP, &pagemap, &programs)) == 0)
		r = machvm__pages_doubt(pagemap.fd, start, end, look, found);
	machvm__target_close(&pagemap);
	return r;
}

int machvm__target_pages(struct machvm__target *target, uint64_t start, size_t count,
                         uint64_t *words)
{
	struct machvm__file pagemap;
	unsigned programs = 0;
	uint64_t first;
	int n = machvm__target_open(target, MACHVM__FILE_PAGEMAP, &pagemap);

	if (n)
		return n;
	n = machvm__pages_read(pagemap.fd, start, count, words);
	/* Beyond the last address it reads like that of a dead program, whose first page is gone too. */
	while (n == 0 && machvm__pages_read(pagemap.fd, 0, 1, &first) == 0 &&
	       (n = machvm__target_follow(target, MACHVM__FILE_PAGEMAP, &pagemap, &programs)) == 0)
		n = machvm__pages_read(pagemap.fd, start, count, words);
	machvm__target_close(&pagemap);
	return n;
}

int machvm__target_touched(struct machvm__target *target, uint64_t start, uint64_t end,
                           struct machvm__run *runs, int most, uint64_t *stop)
{
	struct machvm__file pagemap;
	int n = machvm__target_open(target, MACHVM__FILE_PAGEMAP, &pagemap);
	unsigned programs = 0;

	if (n)
		return n;
	n = machvm__pages_touched(pagemap.fd, start, end, runs, most, stop);
	while (n == -ESRCH &&
	       (n = machvm__target_follow(target, MACHVM__FILE_PAGEMAP, &pagemap, &programs)) == 0)
		n = machvm__pages_touched(pagemap.fd, start, end, runs, most, stop);
	machvm__target_close(&pagemap);
	return n;
}

bool machvm__target_write_waits(struct machvm__target *target, uint64_t page, uint64_t word)
{
	struct machvm__file pagemap;
	bool passes;

	if (!(word & MACHVM__PAGE_UFFD_WP) ||
	    machvm__target_open(target, MACHVM__FILE_PAGEMAP, &pagemap))
		return false;
	passes = machvm__pages_write_passes(pagemap.fd, page);
	machvm__target_close(&pagemap);
	return !passes;
}
