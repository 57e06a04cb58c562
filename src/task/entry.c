/* SPDX-License-Identifier: MIT */
/* entry.c - the life of an entry, and its way into a target. */
#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "descriptor.h"
#include "error.h"
#include "own_call.h"
#include "pages.h"

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_EXEC 0x10u
#endif

static void destroy(void *object)
{
	struct machvm__entry *entry = object;

	machvm__descriptor_close(entry->fd);
	free(entry);
}

kern_return_t machvm__entry_new(const struct machvm__entry *entry, mach_port_name_t *name)
{
	struct machvm__entry *object = malloc(sizeof *object);

	machvm__port_destructor(MACHVM__PORT_ENTRY, destroy);
	if (object) {
		*object = *entry;
		if (machvm__port_insert(MACHVM__PORT_ENTRY, object, name))
			return KERN_SUCCESS;
	}
	machvm__descriptor_close(entry->fd);
	free(object);
	return machvm__error(KERN_RESOURCE_SHORTAGE, "entry", "no memory or port name is left");
}

int machvm__entry_memory(uint64_t size)
{
	static const char name[] = "machvm";
	uint64_t args[6] = {(uintptr_t)name, MFD_CLOEXEC | MFD_EXEC};
	int64_t r, fd = machvm__own_call(MACHVM__CALL_MEMFD_CREATE, args);

	if (fd == -EINVAL) {
		args[1] = MFD_CLOEXEC;
		fd = machvm__own_call(MACHVM__CALL_MEMFD_CREATE, args);
	}
	if (fd < 0)
		return (int)fd;
	r = machvm__own_call(MACHVM__CALL_FTRUNCATE, (const uint64_t[6]){(uint64_t)fd, size});
	if (r < 0)
		machvm__descriptor_close((int)fd);
	return (int)(r < 0 ? r : fd);
}

/* Reads [from, from + size) of a file to where another one is mapped, save what is a hole. */
static int copy_file(int fd, uint64_t from, uint64_t size, char *to)
{
	enum { CHUNK = 1 << 20 };
	uint64_t done = 0;
	char byte;

	if (machvm__descriptor_read_at(fd, &byte, 1, from + size - machvm__page_size()) != 1)
		return -EFAULT;
	while (done < size) {
		int64_t data = machvm__descriptor_next_data(fd, from + done);
		size_t part;
		ssize_t n;

		if (data == -ENXIO)
			return 0;
		/* Some file systems know of no holes. */
		if (data > 0 && (uint64_t)data > from + done)
			done = (uint64_t)data - from;
		if (done >= size)
			return 0;
		part = size - done < CHUNK ? (size_t)(size - done) : CHUNK;
		n = machvm__descriptor_read_at(fd, to + done, part, from + done);
		if (n <= 0)
			return (int)n;
		done += (uint64_t)n;
	}
	return 0;
}

int machvm__entry_snapshot(const struct machvm__entry *entry, uint64_t offset, uint64_t size)
{
	int r, fd = size > SIZE_MAX ? -ENOMEM : machvm__entry_memory(size);
	int64_t at;

	if (fd < 0)
		return fd;
	at = machvm__own_call(MACHVM__CALL_MMAP,
			      (const uint64_t[6]){0, size, PROT_READ | PROT_WRITE, MAP_SHARED,
						  (uint64_t)fd, 0});
	r = (int)at;
	if (at >= 0) {
		r = copy_file(entry->fd, entry->offset + offset, size, (char *)(uintptr_t)at);
		(void)machvm__own_call(MACHVM__CALL_MUNMAP, (const uint64_t[6]){(uint64_t)at, size});
	}
	if (r == 0)
		return fd;
	machvm__descriptor_close(fd);
	return r;
}

kern_return_t machvm__entry_hold(mach_port_name_t name, struct machvm__port_entry **held,
				 const struct machvm__entry **entry)
{
	*held = machvm__port_hold(name);
	if (*held && (*held)->kind == MACHVM__PORT_ENTRY) {
		*entry = (*held)->object;
		return KERN_SUCCESS;
	}
	if (!*held)
		return machvm__error(KERN_INVALID_ARGUMENT, "port lookup",
				     "0x%x is not the name of a port", name);
	machvm__port_release(name, *held);
	return machvm__error(KERN_INVALID_OBJECT, "port lookup", "port 0x%x is no memory entry", name);
}

int machvm__entry_lend(struct machvm__space *space, int fd, bool writable)
{
	int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC;
	char path[64];
	uint64_t at;
	int64_t r;

	if (space->target->own) {
		char name[32];

		/* Another description, with no more access than the mapping may have. */
		snprintf(name, sizeof name, "fd/%d", fd);
		return machvm__descriptor_open_self(name, flags);
	}
	snprintf(path, sizeof path, "/proc/%d/fd/%d", machvm__process_self(), fd);
	r = machvm__space_push(space, path, sizeof path, &at);
	if (r == 0)
		r = machvm__space_call(space, MACHVM__CALL_OPENAT, (uint64_t)AT_FDCWD, at,
				       (uint64_t)flags, 0, 0, 0);
	return (int)r;
}

void machvm__entry_take_back(struct machvm__space *space, int fd)
{
	if (fd >= 0)
		(void)machvm__space_call(space, MACHVM__CALL_CLOSE, (uint64_t)fd, 0, 0, 0, 0, 0);
}
