/* SPDX-License-Identifier: MIT */
/* descriptor.c - opening and reading files, mostly those of /proc. */
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static int open_path(int dir, const char *path, int flags)
{
	int fd;

	do
		fd = openat(dir, path, flags | O_CLOEXEC | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int machvm__descriptor_open_proc(int pid, int tid, const char *name, int flags)
{
	char path[96];

	if (tid)
		snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, tid, name);
	else
		snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	return open_path(AT_FDCWD, path, flags);
}

int machvm__descriptor_open_self(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/thread-self/%s", name);
	return open_path(AT_FDCWD, path, flags);
}

int machvm__descriptor_open_at(int dir, const char *name, int flags)
{
	return open_path(dir, name, flags);
}

int machvm__descriptor_duplicate(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno : copy;
}

int machvm__descriptor_replace(int fd, int onto)
{
	int r = dup3(fd, onto, O_CLOEXEC) < 0 ? -errno : 0;

	close(fd);
	return r;
}

void machvm__descriptor_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

ssize_t machvm__descriptor_read(int fd, void *buffer, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buffer, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t machvm__descriptor_read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
	ssize_t n;

	do
		n = pread64(fd, buffer, size, (off64_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t machvm__descriptor_read_text(int fd, char *buffer, size_t size)
{
	size_t used = 0;

	while (used + 1 < size) {
		ssize_t n = machvm__descriptor_read(fd, buffer + used, size - 1 - used);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	buffer[used] = '\0';
	return (ssize_t)used;
}

int machvm__descriptor_read_file(int dir, const char *name, char *buffer, size_t size)
{
	int fd = open_path(dir, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = machvm__descriptor_read_text(fd, buffer, size);
	close(fd);
	return n < 0 ? (int)n : 0;
}

int machvm__descriptor_rewind(int fd)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

int64_t machvm__descriptor_next_data(int fd, uint64_t offset)
{
	off64_t at = lseek64(fd, (off64_t)offset, SEEK_DATA);

	return at < 0 ? -errno : at;
}

int machvm__descriptor_fail(int error)
{
	errno = error;
	return -1;
}

uint64_t machvm__descriptor_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) ? 1024 : limit.rlim_cur;
}
