/* SPDX-License-Identifier: MIT */
/* regions.c - single look-ups: a region, the pages that a region cannot vouch for. */
#include "target.h"

#include <errno.h>
#include <string.h>

#include "descriptor.h"

/* PROCMAP_QUERY's absence is the kernel's (or a filter's): once refused, for good. */
static _Atomic bool query_missing;

bool machvm__target_queries(void)
{
	return !atomic_load_explicit(&query_missing, memory_order_relaxed);
}

static int search_text(int maps_fd, uint64_t raddr, struct machvm__vma *vma, char *name,
                       size_t name_size)
{
	char buffer[32768];
	struct machvm__maps_text text;
	const char *found;
	int r = machvm__maps_text_init(&text, maps_fd, buffer, sizeof buffer);
	bool any = false;

	while (r == 0) {
		r = machvm__maps_text_next(&text, vma, &found);
		if (r <= 0)
			break;
		any = true;
		r = 0;
		if (vma->end <= raddr)
			continue;
		if (!name || vma->name_length >= name_size)
			vma->name_length = 0;
		else
			memcpy(name, found, vma->name_length + 1);
		return 0;
	}
	if (r < 0)
		return r;
	/* No address space is without regions: an empty text is a dead one. */
	return any ? -ENOENT : -ESRCH;
}

static int look_up(struct machvm__target *target, int maps_fd, uint64_t raddr,
                   struct machvm__vma *vma, char *name, size_t name_size)
{
	int r;

	if (machvm__target_queries()) {
		r = machvm__maps_query(maps_fd, raddr, vma, name, name_size);
		if (r != -ENOTTY && r != -EPERM && r != -ENOSYS && r != -EINVAL)
			return r;
		atomic_store(&query_missing, true);
	}
	/* The text has one position for all who share the descriptor. */
	pthread_mutex_lock(&target->lock);
	r = search_text(maps_fd, raddr, vma, name, name_size);
	pthread_mutex_unlock(&target->lock);
	return r;
}

bool machvm__target_image_lives(const struct machvm__file *maps)
{
	struct machvm__vma vma;
	char byte;

	if (machvm__target_queries())
		return machvm__maps_query(maps->fd, 0, &vma, NULL, 0) != -ESRCH;
	/* The text of a dead address space is empty. */
	return machvm__descriptor_read_at(maps->fd, &byte, 1, 0) == 1;
}

int machvm__target_region(struct machvm__target *target, uint64_t raddr, struct machvm__vma *vma,
                          char *name, size_t name_size)
{
	struct machvm__file maps;
	int r = machvm__target_open(target, MACHVM__FILE_MAPS, &maps);

	if (r)
		return r;
	r = look_up(target, maps.fd, raddr, vma, name, name_size);
	if (r == -ESRCH) {
		r = machvm__target_reopen(target, MACHVM__FILE_MAPS, &maps);
		if (r == 0)
			r = look_up(target, maps.fd, raddr, vma, name, name_size);
	}
	if (r == 0 && name && !vma->name_length)
		name[0] = '\0';
	machvm__target_close(&maps);
	return r;
}

int machvm__target_doubt(struct machvm__target *target, uint64_t start, uint64_t end, bool absent,
                         struct machvm__doubtful *found)
{
	struct machvm__file pagemap;
	int r = machvm__target_open(target, MACHVM__FILE_PAGEMAP, &pagemap);

	if (r)
		return r;
	r = machvm__pages_doubt(pagemap.fd, start, end, absent, found);
	if (r == -ESRCH && machvm__target_reopen(target, MACHVM__FILE_PAGEMAP, &pagemap) == 0)
		r = machvm__pages_doubt(pagemap.fd, start, end, absent, found);
	machvm__target_close(&pagemap);
	return r;
}

int machvm__target_pages(struct machvm__target *target, uint64_t start, size_t count,
                         uint64_t *words)
{
	struct machvm__file pagemap;
	int n = machvm__target_open(target, MACHVM__FILE_PAGEMAP, &pagemap);

	if (n)
		return n;
	n = machvm__pages_read(pagemap.fd, start, count, words);
	if (n == 0 && machvm__target_reopen(target, MACHVM__FILE_PAGEMAP, &pagemap) == 0)
		n = machvm__pages_read(pagemap.fd, start, count, words);
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
