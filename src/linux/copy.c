/* SPDX-License-Identifier: MIT */
/* copy.c - process_vm_readv(2), process_vm_writev(2) and the memory descriptor. */
#include "copy.h"

#include <errno.h>
#include <unistd.h>

ssize_t machvm__copy_process_list(enum machvm__direction direction, int tid,
                                  const struct iovec *local, size_t locals,
                                  const struct iovec *remote, size_t remotes)
{
	ssize_t n;

	if (direction == MACHVM__WRITE)
		n = process_vm_writev(tid, local, locals, remote, remotes, 0);
	else
		n = process_vm_readv(tid, local, locals, remote, remotes, 0);
	return n < 0 ? -errno : n;
}

ssize_t machvm__copy_memory(enum machvm__direction direction, int mem_fd, uint64_t raddr,
                            void *local, size_t size)
{
	ssize_t n;

	do {
		if (direction == MACHVM__WRITE)
			n = pwrite64(mem_fd, local, size, (off64_t)raddr);
		else
			n = pread64(mem_fd, local, size, (off64_t)raddr);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}
