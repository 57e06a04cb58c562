/* SPDX-License-Identifier: MIT */
/* copy.c - process_vm_readv(2), process_vm_writev(2) and the memory descriptor. */
#include "copy.h"

#include <errno.h>
#include <unistd.h>

ssize_t machvm__copy_process_list(enum machvm__direction direction, int tid,
                                  const struct iovec *local, size_t locals,
                                  const struct iovec *remote, size_t remotes)
{
	return machvm__fast_call(direction == MACHVM__WRITE ? SYS_process_vm_writev
	                                                    : SYS_process_vm_readv,
	                         tid, (long)local, (long)locals, (long)remote, (long)remotes, 0);
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
