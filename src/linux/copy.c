/* SPDX-License-Identifier: MIT */
/* copy.c - process_vm_readv(2), process_vm_writev(2) and the memory descriptor. */
#include "copy.h"

#include <errno.h>
#include <unistd.h>

#include "text.h"

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

bool machvm__copy_memory_pays(int mem_fd, int tid, uint64_t raddr, size_t size)
{
	enum { MEMORY, PROCESS, WAYS, ROUNDS = 32 };
	/* The least counts: no interrupt makes a call shorter than it is. */
	uint64_t least[WAYS] = {UINT64_MAX, UINT64_MAX};
	char sink[MACHVM__COPY_WEIGHED];

	for (int i = 0; i < WAYS * ROUNDS; i++) {
		int way = i % WAYS;
		uint64_t start = machvm__text_now(), took;
		ssize_t n;

		if (way == MEMORY)
			n = machvm__copy_memory_once(MACHVM__READ, mem_fd, raddr, sink, size);
		else
			n = machvm__copy_process(MACHVM__READ, tid, raddr, sink, size);
		took = machvm__text_now() - start;
		if (n != (ssize_t)size)
			return false;
		if (took < least[way])
			least[way] = took;
	}
	/* By a margin: what is in no cache takes longer to copy twice than these do. */
	return least[MEMORY] + least[MEMORY] / 32 < least[PROCESS];
}
