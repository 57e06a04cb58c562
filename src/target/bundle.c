/* SPDX-License-Identifier: MIT */
/* bundle.c - packing a target, looking at what was received, making a target of it. */
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>

#include "descriptor.h"
#include "provenance.h"

/* How often a program is followed that executes another one while it is packed. */
#define TRIES 16

static const struct {
	const char *name;
	int access;
	enum machvm__file_kind kind; /* of a received target's files; the handle is none */
} parts_of[MACHVM__BUNDLE_PARTS] = {
	[MACHVM__BUNDLE_MAPS] = {"maps", O_RDONLY, MACHVM__FILE_MAPS},
	[MACHVM__BUNDLE_SMAPS] = {"smaps", O_RDONLY, MACHVM__FILE_SMAPS},
	[MACHVM__BUNDLE_PAGEMAP] = {"pagemap", O_RDONLY, MACHVM__FILE_PAGEMAP},
	[MACHVM__BUNDLE_READ] = {"mem", O_RDONLY, MACHVM__FILE_READ_ONLY_MEMORY},
	[MACHVM__BUNDLE_WRITE] = {"mem", O_RDWR, MACHVM__FILE_MEMORY},
};

static void close_parts(int *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		machvm__descriptor_close(parts[i]);
}

/* Where a received target has a part. A right to read has one memory descriptor, in the usual place. */
static int find_part(struct machvm__target *target, enum machvm__bundle_part part)
{
	if (part == MACHVM__BUNDLE_HANDLE)
		return target->handle;
	if (part == MACHVM__BUNDLE_READ && !target->writable)
		return atomic_load(&target->files[MACHVM__FILE_MEMORY]);
	return atomic_load(&target->files[parts_of[part].kind]);
}

static int pack_received(struct machvm__target *target, size_t count, int *parts)
{
	for (size_t i = 0; i < count; i++) {
		int fd = find_part(target, (enum machvm__bundle_part)i);

		parts[i] = fd < 0 ? -EACCES : machvm__descriptor_duplicate(fd);
		if (parts[i] < 0) {
			int r = parts[i];

			close_parts(parts, i);
			return r;
		}
	}
	return 0;
}

/* One part of a target that was opened here. A descriptor or -errno. */
static int open_part(struct machvm__target *target, enum machvm__bundle_part part)
{
	if (part == MACHVM__BUNDLE_HANDLE)
		return machvm__descriptor_duplicate(target->handle);
	if (parts_of[part].access == O_RDWR)
		return machvm__target_open_named_writable(target, parts_of[part].name);
	return machvm__target_open_named(target, parts_of[part].name);
}

/* Its memory is not known to be its own: is that so, or was there no descriptor to find out with? */
static int not_owned(struct machvm__target *target)
{
	int first = machvm__descriptor_duplicate(target->handle);
	int second = machvm__descriptor_duplicate(target->handle);
	int r = first < 0 ? first : second < 0 ? second : -EXDEV;

	machvm__descriptor_close(first);
	machvm__descriptor_close(second);
	return r;
}

/*
 * Asked before anything is opened: a process whose memory is its own never shares
 * its parent's again, while one that shares it now may have its own a moment later,
 * with the parent's memory behind what was opened in between.
 */
static int open_parts(struct machvm__target *target, size_t count, int *parts)
{
	if (count > MACHVM__BUNDLE_MAPS && !machvm__process_owns_memory(&target->numbers))
		return not_owned(target);
	for (size_t i = 0; i < count; i++) {
		parts[i] = open_part(target, (enum machvm__bundle_part)i);
		if (parts[i] < 0) {
			int r = parts[i];

			close_parts(parts, i);
			return r;
		}
	}
	return 0;
}

static int pack_opened(struct machvm__target *target, size_t count, int *parts)
{
	for (int tries = 0; tries < TRIES; tries++) {
		int r = open_parts(target, count, parts);

		if (r)
			return r;
		/* The first one's address space is there still: the others were opened on it. */
		if (count <= MACHVM__BUNDLE_MAPS ||
		    machvm__target_image_lives(
			    &(struct machvm__file){.fd = parts[MACHVM__BUNDLE_MAPS]}))
			return machvm__process_alive(target->handle, target->kind) ? -ESRCH : 0;
		close_parts(parts, count);
		/* A leader that has exited leaves an empty map; its threads have the memory. */
		machvm__target_rename(target);
	}
	return -ECANCELED;
}

/* The calling process, from the outside. */
static int pack_own(size_t count, int *parts)
{
	struct machvm__process_numbers numbers;
	struct machvm__target self;
	enum machvm__handle kind;
	int handle = machvm__process_open(machvm__process_self(), &kind);
	int r;

	if (handle < 0)
		return handle;
	r = machvm__process_identify(handle, &kind, &numbers);
	if (r) {
		machvm__descriptor_close(handle);
		return r;
	}
	machvm__target_init(&self, handle, kind, numbers, true);
	r = pack_opened(&self, count, parts);
	machvm__target_fini(&self);
	return r;
}

int machvm__target_pack(struct machvm__target *target, size_t count, int *parts)
{
	int r;

	if (target->own)
		return pack_own(count, parts);
	r = target->received ? pack_received(target, count, parts)
	                     : pack_opened(target, count, parts);
	if (r == 0 && machvm__target_alive(target)) {
		close_parts(parts, count);
		r = -ESRCH;
	}
	return r;
}

int machvm__target_inspect(const int *parts, size_t count, enum machvm__handle *kind,
                           struct machvm__process_numbers *numbers, enum machvm__bundle_part *bad)
{
	int r = machvm__provenance_handle(parts[0], kind, numbers);

	*bad = MACHVM__BUNDLE_HANDLE;
	for (size_t i = 1; i < count && r == 0; i++) {
		*bad = (enum machvm__bundle_part)i;
		r = machvm__provenance_file(parts[i], numbers, parts_of[i].name,
		                            parts_of[i].access);
	}
	/* A process that has died meanwhile has left its number to another. */
	if ((r == 0 || r == -EXDEV) && machvm__process_alive(parts[0], *kind))
		r = -ESRCH;
	return r;
}

void machvm__target_adopt(struct machvm__target *target, const int *parts, size_t count,
                          enum machvm__handle kind, struct machvm__process_numbers numbers)
{
	bool writable = count > MACHVM__BUNDLE_WRITE;

	machvm__target_init(target, parts[0], kind, numbers, writable);
	target->received = true;
	atomic_store(&target->tid, 0);
	atomic_store(&target->refused, 1u << MACHVM__READ | 1u << MACHVM__WRITE);
	for (size_t i = 1; i < count; i++)
		machvm__target_keep(target,
		                    i == MACHVM__BUNDLE_READ && !writable ? MACHVM__FILE_MEMORY
		                                                          : parts_of[i].kind,
		                    parts[i]);
}
