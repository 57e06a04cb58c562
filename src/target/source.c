/* SPDX-License-Identifier: MIT */
/*
 * source.c - the two places where the object behind a region can be had.
 *
 * A descriptor that is taken over (pidfd_getfd) has the access that the target's has.
 * One that is opened by a link of /proc is checked against the file's permissions,
 * and a device is not opened at all, for that may do things.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "descriptor.h"
#include "object.h"

void machvm__source_init(struct machvm__source *source, struct machvm__target *target,
			 const struct machvm__vma *vma, bool writable)
{
	*source = (struct machvm__source){
		.target = target,
		.vma = *vma,
		.writable = writable,
		.fdinfo = -1,
		.number = -1,
	};
}

static int open_link(struct machvm__target *target, const char *name, bool writable)
{
	int fd = machvm__target_open_named_path(target, name);

	return fd < 0 ? fd : machvm__object_reopen(fd, writable ? O_RDWR : O_RDONLY);
}

static int borrow(struct machvm__target *target, int fd, bool writable)
{
	char name[32];
	int r = -ENOSYS;

	if (target->own)
		return machvm__descriptor_duplicate(fd);
	if (target->kind == MACHVM__HANDLE_PIDFD)
		r = machvm__object_take(target->handle, fd);
	/* Not in this kernel, or not for this caller (a seccomp filter): another way. */
	if (r != -ENOSYS && r != -EPERM)
		return r;
	snprintf(name, sizeof name, "fd/%d", fd);
	return open_link(target, name, writable);
}

int machvm__source_borrow(struct machvm__target *target, int fd)
{
	return borrow(target, fd, true);
}

static int follow_link(struct machvm__source *source)
{
	char name[64];

	snprintf(name, sizeof name, "map_files/%" PRIx64 "-%" PRIx64, source->vma.start,
		 source->vma.end);
	return open_link(source->target, name, source->writable);
}

int machvm__source_next(struct machvm__source *source)
{
	int fd;

	if (!source->linked) {
		source->linked = true;
		fd = follow_link(source);
		if (fd >= 0)
			return fd;
	}
	if (source->fdinfo < 0)
		source->fdinfo = machvm__target_open_named(source->target, "fdinfo");
	if (source->fdinfo < 0) {
		source->refused = source->fdinfo;
		return -ENOENT;
	}
	while (machvm__object_find(source->fdinfo, source->vma.inode, &source->number) == 0) {
		fd = borrow(source->target, source->number, source->writable);
		if (fd >= 0)
			return fd;
		/* It may have been closed meanwhile; another one may serve. */
		if (fd != -EBADF && fd != -ENOENT)
			source->refused = fd;
	}
	return -ENOENT;
}

void machvm__source_fini(struct machvm__source *source)
{
	machvm__descriptor_close(source->fdinfo);
	source->fdinfo = -1;
}

bool machvm__source_same_ipc(struct machvm__target *target)
{
	int theirs, ours;
	bool same;

	if (target->own)
		return true;
	theirs = machvm__target_open_named(target, "ns/ipc");
	ours = machvm__descriptor_open_self("ns/ipc", O_RDONLY);
	same = theirs >= 0 && ours >= 0 && machvm__object_same(theirs, ours);
	machvm__descriptor_close(theirs);
	machvm__descriptor_close(ours);
	return same;
}
