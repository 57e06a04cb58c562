/* SPDX-License-Identifier: MIT */
/* cursor.c - searching the text of maps and smaps, from the beginning or from a cursor. */
#include "cursor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "target.h"

#define FRESH UINT64_C(1000000) /* ns that a region may have been read before the call */

static const struct {
	const char *file;
	uint64_t worth; /* ns: what finds a region in less is done anew each time */
} lists[MACHVM__LISTS] = {
	[MACHVM__LIST_MAPS] = {"maps", 25000},
	[MACHVM__LIST_SMAPS] = {"smaps", 250000},
};

struct machvm__cursor {
	enum machvm__list list;
	const void *thread;
	uint64_t next; /* where the last answer ended */
	struct machvm__text text;
	char buffer[MACHVM__TEXT_BUFFER];
};

/* Its address tells living threads apart. */
static _Thread_local char this_thread;

void machvm__cursors_init(struct machvm__cursors *cursors)
{
	*cursors = (struct machvm__cursors){.lock = PTHREAD_MUTEX_INITIALIZER};
}

static struct machvm__cursor *release(struct machvm__cursor *cursor)
{
	if (cursor)
		machvm__descriptor_close(cursor->text.fd);
	free(cursor);
	return NULL;
}

void machvm__cursors_renew(struct machvm__cursors *cursors)
{
	/* Not freed: the parent may have forked in the middle of malloc(). */
	for (size_t i = 0; i < sizeof cursors->idle / sizeof *cursors->idle; i++)
		if (cursors->idle[i])
			machvm__descriptor_close(cursors->idle[i]->text.fd);
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
		if (!cursors->idle[i] || cursors->idle[i]->text.read_at < (*place)->text.read_at)
			place = &cursors->idle[i];
	release(*place);
	*place = cursor;
	pthread_mutex_unlock(&cursors->lock);
}

/* Goes on in the text to the first region that ends above `raddr`: 1, 0 at the end, or -errno. */
static int advance(struct machvm__cursor *cursor, uint64_t raddr, struct machvm__smaps *region,
                   const char **name)
{
	int r;

	do {
		if (cursor->list == MACHVM__LIST_MAPS) {
			r = machvm__maps_next(&cursor->text, &region->vma, name);
		} else {
			r = machvm__smaps_next(&cursor->text, region);
			*name = region->name;
		}
	} while (r > 0 && region->vma.end <= raddr);
	if (r > 0)
		cursor->next = region->vma.end;
	return r;
}

int machvm__target_open_list(struct machvm__target *target, const char *file,
                             struct machvm__text *text, char *buffer, size_t size)
{
	int r = 0;

	/* The text of a leader that has exited is empty; its threads have the memory. */
	for (int tries = 0; tries < 2; tries++) {
		int fd = machvm__target_open_named(target, file);
		size_t length;
		char *line;

		if (fd < 0)
			return fd;
		r = machvm__text_init(text, fd, buffer, size);
		text->timed = true;
		if (r == 0)
			r = machvm__text_line(text, &line, &length);
		if (r > 0) {
			machvm__text_again(text, line, length);
			return 0;
		}
		machvm__descriptor_close(fd);
		if (r < 0 || machvm__target_rename(target))
			break;
	}
	/* No address space is without regions: an empty text is a dead one. */
	return r ? r : -ESRCH;
}

/* Begins anew, with a cursor that is there already or a new one. */
static int search(struct machvm__target *target, struct machvm__cursor *cursor, uint64_t raddr,
                  struct machvm__smaps *region, const char **name)
{
	int r = machvm__target_open_list(target, lists[cursor->list].file, &cursor->text,
	                                 cursor->buffer, sizeof cursor->buffer);

	if (r) {
		cursor->text.fd = -1;
		return r;
	}
	r = advance(cursor, raddr, region, name);
	return r > 0 ? 0 : r ? r : -ENOENT;
}

/* Goes on from a cursor: true when that gave an answer, and one that is new enough. */
static bool resume(struct machvm__cursor *cursor, uint64_t now, uint64_t raddr,
                   struct machvm__smaps *region, const char **name)
{
	/*
	 * The end of the text is not believed: it is also what is left of an address
	 * space whose owner has exec'ed.
	 */
	return raddr >= cursor->next && advance(cursor, raddr, region, name) > 0 &&
	       now <= cursor->text.read_at + FRESH;
}

int machvm__cursor_find(struct machvm__target *target, enum machvm__list list, uint64_t raddr,
                        bool going_on, struct machvm__smaps *region, char *name, size_t name_size,
                        bool *ahead)
{
	struct machvm__cursor *cursor = take(&target->cursors, list);
	uint64_t began = machvm__text_now();
	const char *found = "";
	int r = 0;

	*ahead = false;
	if (cursor && going_on && resume(cursor, began, raddr, region, &found)) {
		*ahead = cursor->text.read_at < began;
	} else {
		if (cursor)
			machvm__descriptor_close(cursor->text.fd);
		else
			cursor = malloc(sizeof *cursor);
		if (!cursor)
			return -ENOMEM;
		cursor->list = list;
		cursor->thread = &this_thread;
		r = search(target, cursor, raddr, region, &found);
		going_on = going_on && r == 0 && machvm__text_now() - began > lists[list].worth &&
		           machvm__target_may_hold(target, cursor->text.fd);
	}
	if (r == 0 && name) {
		if (region->vma.name_length >= name_size)
			region->vma.name_length = 0;
		memcpy(name, found, region->vma.name_length);
		name[region->vma.name_length] = '\0';
	}
	if (going_on)
		keep(&target->cursors, cursor);
	else
		release(cursor);
	return r;
}
