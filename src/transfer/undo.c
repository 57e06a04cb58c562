/* SPDX-License-Identifier: MIT */
/* undo.c - the old bytes: keeping them, and putting them back where they belong. */
#include "undo.h"

#include <errno.h>
#include <string.h>

bool machvm__undo_keep(const struct machvm__move *write, char *old, struct machvm__fault *fault)
{
	struct machvm__move read = {.target = write->target,
	                            .direction = MACHVM__READ,
	                            .raddr = write->raddr,
	                            .data = old,
	                            .size = write->size,
	                            .options = write->options,
	                            .fresh = true};
	int r = machvm__transfer_move(&read);

	if (r == -EFAULT && read.known && read.why.cause == MACHVM__CAUSE_PROTECTED) {
		read.options |= MACHVM__TRANSFER_FORCE | MACHVM__TRANSFER_PEEK;
		r = machvm__transfer_move(&read);
	}
	if (r == 0)
		return true;
	/* What cannot be read cannot be written either, and that is what was asked for. */
	read.direction = MACHVM__WRITE;
	read.done = 0;
	machvm__transfer_failed(&read, r, fault);
	fault->done = 0;
	fault->step = "keeping the old bytes";
	return false;
}

/* Reads by whatever way there is. */
static int read_now(const struct machvm__move *write, uint64_t raddr, char *now, size_t size)
{
	size_t done;

	if (machvm__target_move(write->target, MACHVM__READ, raddr, now, size, &done) == 0)
		return 0;
	return machvm__target_force(write->target, MACHVM__READ, raddr, now, size, &done);
}

/* Puts one run back. How many of its bytes could not be. */
static size_t put_back_run(const struct machvm__move *write, uint64_t raddr, const char *old,
                           size_t size)
{
	struct machvm__move back = *write;

	back.raddr = raddr;
	back.data = (void *)(uintptr_t)old;
	back.size = size;
	/* The target has changed since the look. */
	back.surveyed = false;
	machvm__transfer_move(&back);
	return size - back.done;
}

/* How often pages that cannot be read are tried, all of them together. */
#define TRIES 2000

/*
 * One page at most: what is there now, compared with what was written, byte by
 * byte. A byte that differs is somebody else's by now. A page that is away may
 * come back, with our bytes in it, and stays away for good if it does not come
 * within the tries that are left: where it is then, nobody knows.
 */
static size_t put_back_page(const struct machvm__move *write, uint64_t raddr, const char *old,
                            const char *new, size_t size, int *tries)
{
	char now[65536];
	size_t lost = 0;

	while (read_now(write, raddr, now, size))
		if ((*tries)-- <= 0)
			return size;
	for (size_t i = 0; i < size;) {
		size_t first = i;

		while (i < size && now[i] == new[i])
			i++;
		if (i > first && memcmp(old + first, new + first, i - first))
			lost += put_back_run(write, raddr + first, old + first, i - first);
		while (i < size && now[i] != new[i])
			i++;
	}
	return lost;
}

size_t machvm__undo_put_back(const struct machvm__move *write, const char *old)
{
	size_t page = machvm__page_size();
	int tries = TRIES;
	size_t lost = 0;

	for (size_t at = 0; at < write->done;) {
		uint64_t raddr = write->raddr + at;
		size_t part = page - (size_t)(raddr & (page - 1));

		if (part > write->done - at)
			part = write->done - at;
		lost += put_back_page(write, raddr, old + at, (const char *)write->data + at, part,
		                      &tries);
		at += part;
	}
	return lost;
}
