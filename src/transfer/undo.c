/* SPDX-License-Identifier: MIT */
/* undo.c - the old bytes, and how they come back. */
#include "undo.h"

#include <errno.h>
#include <string.h>

#include "move.h"
#include "own_memory.h"
#include "survey.h"

static bool no_memory(struct machvm__fault *fault)
{
	*fault = (struct machvm__fault){
		.cause = MACHVM__CAUSE_SHORTAGE, .error = ENOMEM, .step = "keeping the old bytes"};
	return false;
}

/* What the target holds now; memory that may be written and not read is read by force. */
static bool keep(struct machvm__target *target, uint64_t raddr, char *old, size_t size,
                 unsigned options, struct machvm__fault *fault)
{
	size_t done, forced;
	int r = machvm__transfer_move(target, MACHVM__READ, raddr, old, size, options, &done);

	if (r == -EFAULT)
		r = machvm__target_force(target, MACHVM__READ, raddr + done, old + done, size - done,
		                         &forced);
	if (r == 0)
		return true;
	machvm__transfer_failed(target, MACHVM__READ, raddr, old, size, options, done, r, fault);
	fault->step = "keeping the old bytes";
	return false;
}

/* Puts one run back. How many of its bytes could not be. */
static size_t put_back_run(struct machvm__target *target, uint64_t raddr, const char *old,
                           size_t size, unsigned options)
{
	size_t done;

	machvm__transfer_move(target, MACHVM__WRITE, raddr, (void *)(uintptr_t)old, size, options,
	                      &done);
	return size - done;
}

/*
 * One page at most: what is there now, compared with what was written, byte by
 * byte. A byte that differs is somebody else's by now.
 */
static size_t put_back_page(struct machvm__target *target, uint64_t raddr, const char *old,
                            const char *new, size_t size, unsigned options)
{
	char now[65536];
	size_t done, lost = 0;

	if (machvm__transfer_move(target, MACHVM__READ, raddr, now, size, options, &done) &&
	    machvm__target_force(target, MACHVM__READ, raddr, now, size, &done)) {
		/* Unmapped since: our bytes went with the page. Unreadable: they may be there. */
		struct machvm__vma vma;

		if (machvm__target_region(target, raddr, &vma, NULL, 0) == 0 && vma.start <= raddr)
			return size;
		return 0;
	}
	for (size_t i = 0; i < size;) {
		size_t first = i;

		while (i < size && now[i] == new[i])
			i++;
		if (i > first && memcmp(old + first, new + first, i - first))
			lost += put_back_run(target, raddr + first, old + first, i - first, options);
		while (i < size && now[i] != new[i])
			i++;
	}
	return lost;
}

static size_t put_back(struct machvm__target *target, uint64_t raddr, const char *old,
                       const char *new, size_t size, unsigned options)
{
	size_t page = machvm__page_size();
	size_t lost = 0;

	for (size_t at = 0; at < size;) {
		size_t part = page - (size_t)((raddr + at) & (page - 1));

		if (part > size - at)
			part = size - at;
		lost += put_back_page(target, raddr + at, old + at, new + at, part, options);
		at += part;
	}
	return lost;
}

static bool changed(struct machvm__fault *fault, uint64_t raddr, size_t lost, int error)
{
	*fault = (struct machvm__fault){.cause = MACHVM__CAUSE_CHANGED,
	                                .raddr = raddr,
	                                .done = lost,
	                                .error = error,
	                                .writing = true,
	                                .step = "put back"};
	return false;
}

static bool write_and_undo(struct machvm__target *target, uint64_t raddr, const char *data,
                           size_t size, unsigned options, const char *old,
                           const struct machvm__file *image, struct machvm__fault *fault)
{
	size_t done;
	int r = machvm__transfer_move(target, MACHVM__WRITE, raddr, (void *)(uintptr_t)data, size,
	                              options, &done);

	if (r == 0)
		return true;
	machvm__transfer_failed(target, MACHVM__WRITE, raddr, data, size, options, done, r, fault);
	if (done == 0)
		return false;
	/* In another process, or in another program of the same one, nothing is put back. */
	if (fault->cause == MACHVM__CAUSE_GONE)
		return false;
	if (!machvm__target_image_lives(image))
		return changed(fault, raddr, done, 0);
	size_t lost = put_back(target, raddr, old, data, done, options);
	fault->done = 0;
	return lost ? changed(fault, raddr, lost, fault->error) : false;
}

bool machvm__undo_write(struct machvm__target *target, uint64_t raddr, const void *data, size_t size,
                        unsigned options, struct machvm__fault *fault)
{
	struct machvm__file image;
	char *old;
	bool good;
	int r = machvm__target_open(target, MACHVM__FILE_MAPS, &image);

	if (r) {
		machvm__survey_explain(target, MACHVM__WRITE, raddr, 0, r, "region lookup", fault);
		return false;
	}
	old = machvm__own_memory_map(size);
	good = old ? keep(target, raddr, old, size, options, fault) : no_memory(fault);
	good = good && write_and_undo(target, raddr, data, size, options, old, &image, fault);
	machvm__own_memory_unmap(old, size);
	machvm__target_close(&image);
	return good;
}
