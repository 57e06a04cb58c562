/* SPDX-License-Identifier: MIT */
/* cursor.c - searching the text of maps and smaps, from the beginning or from a cursor. */
#include "cursor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "target.h"

#define SOON   UINT64_C(1000000) /* ns within which a gap is believed to be one still */
#define LITTLE ((uint64_t)8 << 10) /* bytes: what is found this early is found anew each time */

struct machvm__cursor {
	enum machvm__list list;
	const void *thread;
	uint64_t next;        /* where the last answer ended */
	uint64_t answered_at; /* machvm__text_now() */
	struct machvm__text leader;
	uint64_t size;     /* of the leader's last region, in bytes of text */
	uint64_t previous; /* and of the one before it */
	int trailer;       /* -1 until the first call that goes on */
	uint64_t consumed; /* bytes that the trailer has read */
	char buffer[MACHVM__TEXT_BUFFER];
	char exact[MACHVM__TEXT_BUFFER]; /* what the trailer read last */
};

static const char *const files[MACHVM__LISTS] = {
	[MACHVM__LIST_MAPS] = "maps",
	[MACHVM__LIST_SMAPS] = "smaps",
};

/* Its address tells living threads apart. */
static _Thread_local char this_thread;

void machvm__cursors_init(struct machvm__cursors *cursors)
{
	*cursors = (struct machvm__cursors){.lock = PTHREAD_MUTEX_INITIALIZER};
}

static void close_both(struct machvm__cursor *cursor)
{
	machvm__descriptor_close(cursor->leader.fd);
	machvm__descriptor_close(cursor->trailer);
	cursor->leader.fd = -1;
	cursor->trailer = -1;
}

static struct machvm__cursor *release(struct machvm__cursor *cursor)
{
	if (cursor)
		close_both(cursor);
	free(cursor);
	return NULL;
}

void machvm__cursors_renew(struct machvm__cursors *cursors)
{
	/* Not freed: the parent may have forked in the middle of malloc(). */
	for (size_t i = 0; i < sizeof cursors->idle / sizeof *cursors->idle; i++)
		if (cursors->idle[i])
			close_both(cursors->idle[i]);
	machvm__cursors_init(cursors);
}

void machvm__cursors_drop(struct machvm__cursors *cursors)
{
	pthread_mutex_lock(&cursors->lock);
	for (size_t i = 0; i < sizeof cursors->idle / sizeof *cursors->idle; i++)
		cursors->idle[i] = release(cursors->idle[i]);
	pthread_mutex_unlock(&cursors->lock);
}

/* The one that this thread left behind, wherever it stands, or null. */
static struct machvm__cursor *take(struct machvm__cursors *cursors, enum machvm__list list)
{
	struct machvm__cursor *found = NULL;

	pthread_mutex_lock(&cursors->lock);
	for (size_t i = 0; i < sizeof cursors->idle / sizeof *cursors->idle && !found; i++) {
		struct machvm__cursor *cursor = cursors->idle[i];

		if (cursor && cursor->thread == &this_thread && cursor->list == list) {
			found = cursor;
			cursors->idle[i] = NULL;
		}
	}
	pthread_mutex_unlock(&cursors->lock);
	return found;
}

static void keep(struct machvm__cursors *cursors, struct machvm__cursor *cursor)
{
	struct machvm__cursor **place = &cursors->idle[0];

	pthread_mutex_lock(&cursors->lock);
	for (size_t i = 1; *place && i < sizeof cursors->idle / sizeof *cursors->idle; i++)
		if (!cursors->idle[i] || cursors->idle[i]->answered_at < (*place)->answered_at)
			place = &cursors->idle[i];
	release(*place);
	*place = cursor;
	pthread_mutex_unlock(&cursors->lock);
}

/* The leader's next region: 1, 0 at the end, or -errno. */
static int lead(struct machvm__cursor *cursor, struct machvm__smaps *region, const char **name)
{
	uint64_t passed = cursor->leader.passed;
	int r;

	if (cursor->list == MACHVM__LIST_MAPS) {
		r = machvm__maps_next(&cursor->leader, &region->vma, name);
	} else {
		r = machvm__smaps_next(&cursor->leader, region);
		*name = region->name;
	}
	cursor->previous = cursor->size;
	cursor->size = cursor->leader.passed - passed;
	return r;
}

/* A descriptor that came from another process, and a position of our own. */
static int open_received(struct machvm__target *target, const char *file, struct machvm__text *text,
                         char *buffer, size_t size)
{
	enum machvm__file_kind kind =
		strcmp(file, files[MACHVM__LIST_SMAPS]) ? MACHVM__FILE_MAPS : MACHVM__FILE_SMAPS;
	struct machvm__file held;
	size_t length;
	char *line;
	int r = machvm__target_open(target, kind, &held);

	if (r)
		return r;
	r = machvm__descriptor_duplicate(held.fd);
	if (r < 0)
		return r;
	machvm__text_init_shared(text, r, buffer, size);
	r = machvm__text_line(text, &line, &length);
	if (r > 0) {
		machvm__text_again(text, line, length);
		return 0;
	}
	machvm__descriptor_close(text->fd);
	if (r == 0)
		machvm__target_end(target);
	return r ? r : -ESRCH;
}

int machvm__target_open_list(struct machvm__target *target, const char *file,
                             struct machvm__text *text, char *buffer, size_t size)
{
	int r = 0;

	if (target->received)
		return open_received(target, file, text, buffer, size);

	/* The text of a leader that has exited is empty; its threads have the memory. */
	for (int tries = 0; tries < MACHVM__TARGET_PROGRAMS; tries++) {
		int fd = machvm__target_open_named(target, file);
		size_t length;
		char *line;

		if (fd < 0)
			return fd;
		r = machvm__text_init(text, fd, buffer, size);
		if (r == 0)
			r = machvm__text_line(text, &line, &length);
		if (r > 0) {
			machvm__text_again(text, line, length);
			return 0;
		}
		machvm__descriptor_close(fd);
		/* So is that of a program that was replaced by another one meanwhile. */
		if (r < 0 || (machvm__target_rename(target) &&
			      machvm__process_alive(target->handle, target->kind)))
			break;
	}
	/* No address space is without regions: an empty text is a dead one. */
	return r ? r : -ESRCH;
}

/* Begins anew. 0 or -errno. */
static int search(struct machvm__target *target, struct machvm__cursor *cursor, uint64_t raddr,
                  struct machvm__smaps *region, const char **name)
{
	int r;

	close_both(cursor);
	r = machvm__target_open_list(target, files[cursor->list], &cursor->leader, cursor->buffer,
	                             sizeof cursor->buffer);
	if (r) {
		cursor->leader.fd = -1;
		return r;
	}
	do
		r = lead(cursor, region, name);
	while (r > 0 && region->vma.end <= raddr);
	return r > 0 ? 0 : r ? r : -ENOENT;
}

/* What was read exactly: one region's text, or no answer. */
static bool parse_exact(struct machvm__cursor *cursor, uint64_t size, struct machvm__smaps *region,
                        const char **name)
{
	if (cursor->list == MACHVM__LIST_MAPS)
		return machvm__maps_single(cursor->exact, (size_t)size, &region->vma, name) == 0;
	*name = region->name;
	return machvm__smaps_single(cursor->exact, (size_t)size, region) == 0;
}

/* Reads exactly that much of the trailer's text, which is one region's or there is no answer. */
static bool trail(struct machvm__cursor *cursor, uint64_t size, struct machvm__smaps *region,
                  const char **name)
{
	if (size > sizeof cursor->exact ||
	    machvm__descriptor_read(cursor->trailer, cursor->exact, (size_t)size) != (ssize_t)size)
		return false;
	cursor->consumed += size;
	return parse_exact(cursor, size, region, name);
}

/*
 * A text that others read at the same time is made anew at any of our reads, and what
 * was put together from two of them may be of two minds. The region's own text, in
 * one read, is of one.
 */
static bool confirm(struct machvm__cursor *cursor, struct machvm__smaps *region, const char **name)
{
	uint64_t start = region->vma.start;
	size_t size = (size_t)cursor->size;

	return cursor->size <= sizeof cursor->exact &&
	       machvm__descriptor_read_at(cursor->leader.fd, cursor->exact, size,
	                                  cursor->leader.passed - size) == (ssize_t)size &&
	       parse_exact(cursor, size, region, name) && region->vma.start == start;
}

/* The same as search(), by a descriptor that is not ours alone. */
static int search_shared(struct machvm__target *target, struct machvm__cursor *cursor,
                         uint64_t raddr, struct machvm__smaps *region, const char **name)
{
	int r;

	for (int tries = 0; tries < 8; tries++) {
		r = search(target, cursor, raddr, region, name);
		if (r || confirm(cursor, region, name))
			return r;
	}
	return -EAGAIN;
}

/* Takes the trailer to an offset, past regions that nobody asks for. */
static bool pass(struct machvm__cursor *cursor, uint64_t offset)
{
	while (cursor->consumed < offset) {
		uint64_t left = offset - cursor->consumed;
		size_t wanted = left < sizeof cursor->exact ? (size_t)left : sizeof cursor->exact;
		ssize_t n = machvm__descriptor_read(cursor->trailer, cursor->exact, wanted);

		if (n <= 0)
			return false;
		cursor->consumed += (uint64_t)n;
	}
	return true;
}

/*
 * Goes on from a cursor: true when that gave an answer. The end of the text is
 * not believed, for it is also what is left of an address space whose owner has
 * exec'ed.
 */
static bool resume(struct machvm__target *target, struct machvm__cursor *cursor, uint64_t raddr,
                   struct machvm__smaps *region, const char **name)
{
	uint64_t offset;

	if (raddr < cursor->next)
		return false;
	do {
		if (lead(cursor, region, name) <= 0)
			return false;
	} while (region->vma.end <= raddr);
	offset = cursor->leader.passed - cursor->size;

	if (cursor->trailer < 0) {
		cursor->trailer = machvm__target_open_named(target, files[cursor->list]);
		cursor->consumed = 0;
	}
	/* What the trailer has passed must not reach above the address; the last of it tells. */
	if (cursor->consumed != offset &&
	    !(pass(cursor, offset - cursor->previous) &&
	      trail(cursor, cursor->previous, region, name) && region->vma.end <= raddr))
		return false;
	if (!trail(cursor, cursor->size, region, name) || region->vma.end <= raddr)
		return false;
	return region->vma.start <= raddr || machvm__text_now() - cursor->answered_at < SOON;
}

/* Copies a name that fits. */
static void copy_name(struct machvm__vma *vma, const char *from, char *name, size_t size)
{
	if (vma->name_length >= size)
		vma->name_length = 0;
	memcpy(name, from, vma->name_length);
	name[vma->name_length] = '\0';
}

int machvm__cursor_find(struct machvm__target *target, enum machvm__list list, uint64_t raddr,
                        bool going_on, struct machvm__smaps *region, char *name, size_t name_size)
{
	struct machvm__cursor *cursor = take(&target->cursors, list);
	const char *found = "";
	bool whole = !target->received;
	bool keepable = going_on && whole && machvm__target_alone(target);
	bool resumed = cursor && keepable && resume(target, cursor, raddr, region, &found);
	int r = 0;

	if (!cursor) {
		cursor = malloc(sizeof *cursor);
		if (!cursor)
			return -ENOMEM;
		cursor->list = list;
		cursor->thread = &this_thread;
		cursor->leader.fd = cursor->trailer = -1;
	}
	if (!resumed)
		r = (whole ? search : search_shared)(target, cursor, raddr, region, &found);
	if (r == 0 && name)
		copy_name(&region->vma, found, name, name_size);
	if (r == 0 && keepable &&
	    (resumed ||
	     (cursor->leader.passed > LITTLE && machvm__target_room(cursor->leader.fd)))) {
		cursor->next = region->vma.end;
		cursor->answered_at = machvm__text_now();
		keep(&target->cursors, cursor);
	} else {
		release(cursor);
	}
	return r;
}
