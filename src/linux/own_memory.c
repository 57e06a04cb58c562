/* SPDX-License-Identifier: MIT */
/*
 * own_memory.c - looking at the caller's own pages.
 *
 * There is no call that asks "may I read this?", so one is borrowed: an
 * rt_sigprocmask(2) with an impossible `how` copies eight bytes in before it
 * complains, process_vm_writev to ourselves takes one byte from each page, and
 * MADV_POPULATE_READ and _WRITE (Linux 5.14) do all that a load or a store would do
 * but load and store.
 */
#include "own_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "descriptor.h"
#include "known.h"
#include "pages.h"
#include "process.h"
#include "uapi.h"

/* The size of the kernel's signal set, which rt_sigprocmask insists on. */
#define KERNEL_SIGSET 8

int machvm__own_memory_probe(const void *byte)
{
	/* The eight bytes that hold the one: aligned, so they never cross into another page. */
	uintptr_t word = (uintptr_t)byte & ~(uintptr_t)(KERNEL_SIGSET - 1);

	/* A null set is no set at all: take the next word of that page. */
	if (!word)
		word = KERNEL_SIGSET;
	if (syscall(SYS_rt_sigprocmask, -1, word, NULL, KERNEL_SIGSET) && errno == EFAULT)
		return -EFAULT;
	return 0;
}

int machvm__own_memory_gather(const void *data, size_t size)
{
	enum { MOST = 256 };
	struct iovec bytes[MOST];
	char sink[MOST];
	size_t page = machvm__page_size();
	uintptr_t at = (uintptr_t)data & ~(page - 1);
	uintptr_t last = (uintptr_t)data + size - 1;
	int self = machvm__process_self_thread();

	while (at <= last) {
		struct iovec into = {sink, 0};
		uintptr_t first = at;

		for (; into.iov_len < MOST && at <= last && at >= first; at += page)
			bytes[into.iov_len++] = (struct iovec){(void *)at, 1};
		ssize_t n = machvm__copy_process_list(MACHVM__WRITE, self, bytes, into.iov_len, &into, 1);
		if (n == (ssize_t)into.iov_len)
			continue;
		if (n != -ENOSYS && n != -EPERM)
			return -EFAULT;
		for (size_t i = 0; i < into.iov_len; i++)
			if (machvm__own_memory_probe(bytes[i].iov_base))
				return -EFAULT;
	}
	return 0;
}

int machvm__own_memory_populate(void *data, size_t size, enum machvm__direction access)
{
	int advice = access == MACHVM__WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	size_t page = machvm__page_size();
	uintptr_t start = (uintptr_t)data & ~(page - 1);
	uintptr_t end = ((uintptr_t)data + size + page - 1) & ~(page - 1);
	int r;

	do
		r = madvise((void *)start, end - start, advice);
	while (r && (errno == EINTR || errno == EAGAIN));
	if (!r)
		return 0;
	return errno == EINVAL || errno == ENOSYS || errno == EPERM ? -EINVAL : -EFAULT;
}

static bool try_force(void)
{
	size_t page = machvm__page_size();
	void *shut = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = machvm__descriptor_open_self("mem", O_RDWR);
	char byte = 0;
	bool forced = fd >= 0 && shut != MAP_FAILED &&
	              machvm__copy_memory(MACHVM__WRITE, fd, (uintptr_t)shut, &byte, 1) == 1;

	machvm__descriptor_close(fd);
	if (shut != MAP_FAILED)
		munmap(shut, page);
	return forced;
}

bool machvm__own_memory_forces(void)
{
	static _Atomic int known;

	return machvm__known(&known, try_force);
}

void *machvm__own_memory_map(size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return data == MAP_FAILED ? NULL : data;
}

void machvm__own_memory_unmap(void *data, size_t size)
{
	if (data && size)
		munmap(data, size);
}

void *machvm__own_memory_map_large(size_t size)
{
	size_t page = machvm__page_size(), room;
	uintptr_t start, end;
	char *data;

	size = (size + page - 1) & ~(page - 1);
	if (size < 2 * MACHVM__OWN_HUGE || __builtin_add_overflow(size, MACHVM__OWN_HUGE, &room))
		return machvm__own_memory_map(size);
	data = machvm__own_memory_map(room);
	if (!data)
		return NULL;
	/* What sticks out on either side goes back. */
	start = ((uintptr_t)data + MACHVM__OWN_HUGE - 1) & ~(MACHVM__OWN_HUGE - 1);
	end = start + size;
	machvm__own_memory_unmap(data, start - (uintptr_t)data);
	machvm__own_memory_unmap((void *)end, (uintptr_t)data + room - end);
	madvise((void *)start, size, MADV_HUGEPAGE);
	return (void *)start;
}

void machvm__own_memory_keep_from_children(void *data, size_t size)
{
	madvise(data, size, MADV_DONTFORK);
}

int machvm__own_memory_free(uintptr_t start, size_t size)
{
	return munmap((void *)start, size) == 0 ? 0 : -errno;
}
