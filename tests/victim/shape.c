/* SPDX-License-Identifier: MIT */
/* Mappings of given files, many regions, names. */
#include "shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Linux 5.17; the headers may be older. */
#define SHAPE_PR_SET_VMA           0x53564d41
#define SHAPE_PR_SET_VMA_ANON_NAME 0

int shape_map(const char *path, void *address, size_t size, int protection, int flags,
	      int open_flags, uint64_t offset)
{
	int fd = open(path, open_flags | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (mmap(address, size, protection, flags | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED)
		r = -errno;
	close(fd);
	return r;
}

int shape_stripes(void *address, size_t count)
{
	size_t page = 4096;
	char *at = address;

	if (mmap(address, count * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
		return -errno;
	/* A touch is of one page; a kernel without huge pages knows no such advice. */
	madvise(address, count * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < count; i++, at += page) {
		if (i % 2 == 0)
			*at = 1;
		if (mprotect(at, page, i % 2 ? PROT_NONE : PROT_READ) != 0)
			return -errno;
	}
	return 0;
}

int shape_tag(void *address, size_t size, unsigned number)
{
	char name[32];

	snprintf(name, sizeof(name), "machvm tag %u", number);
	return prctl(SHAPE_PR_SET_VMA, SHAPE_PR_SET_VMA_ANON_NAME, address, size, name) == 0
		       ? 0
		       : -errno;
}
