/* SPDX-License-Identifier: MIT */
/*
 * copy.h - the kernel's calls that move bytes between two address spaces. One
 * call each, no loops, no policy: the count moved, or -errno.
 *
 * What they really do (tried on 6.18, and read in mm/process_vm_access.c and
 * fs/proc/base.c): process_vm_* honour the target's protections, take a pid,
 * move at most 0x7ffff000 bytes, stop at the first bad page with a short count,
 * in the middle of an iovec if need be, and say EFAULT for everything. A
 * descriptor of /proc/PID/mem is bound to the address space it was opened on,
 * says EIO for everything, returns 0 when that address space is gone, and
 * ignores protections wherever the kernel's policy (proc_mem.force_override,
 * 6.12) lets it.
 */
#ifndef MACHVM_LINUX_COPY_H
#define MACHVM_LINUX_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "fast_cpu.h"

enum machvm__direction { MACHVM__READ, MACHVM__WRITE };

/* What one call can move; a multiple of every page size there is (hugetlb's 1 GiB). */
#define MACHVM__COPY_MAX ((size_t)1 << 30)

/* False when an address above the caller's own word length is meant (a 32-bit caller). */
static inline bool machvm__copy_reaches(uint64_t raddr, size_t size)
{
	return raddr <= UINTPTR_MAX && size <= UINTPTR_MAX - raddr;
}

/* A place further into the caller's buffer, which may be no pointer at all. */
static inline void *machvm__copy_beyond(void *local, size_t done)
{
	return (void *)((uintptr_t)local + done);
}

static inline ssize_t machvm__copy_process(enum machvm__direction direction, int tid, uint64_t raddr,
                                           void *local, size_t size)
{
	struct iovec here = {local, size};
	struct iovec there = {(void *)(uintptr_t)raddr, size};

	return machvm__fast_call(direction == MACHVM__WRITE ? SYS_process_vm_writev
	                                                    : SYS_process_vm_readv,
	                         tid, (long)&here, 1, (long)&there, 1, 0);
}

/* By a memory descriptor, and not again after a signal; in programs of 64 bits alone. */
static inline ssize_t machvm__copy_memory_once(enum machvm__direction direction, int mem_fd,
                                               uint64_t raddr, void *local, size_t size)
{
	return machvm__fast_call(direction == MACHVM__WRITE ? SYS_pwrite64 : SYS_pread64, mem_fd,
	                         (long)local, (long)size, (long)raddr, 0, 0);
}

ssize_t machvm__copy_process_list(enum machvm__direction direction, int tid,
                                  const struct iovec *local, size_t locals,
                                  const struct iovec *remote, size_t remotes);
ssize_t machvm__copy_memory(enum machvm__direction direction, int mem_fd, uint64_t raddr,
                            void *local, size_t size);

#define MACHVM__COPY_WEIGHED ((size_t)4 << 10)

/*
 * Does the descriptor bring that many bytes from `raddr`, at most MACHVM__COPY_WEIGHED, sooner
 * than the number does? It spares a look-up and a check, and the kernel copies twice: which of them is
 * more differs with the machine. Reads the bytes some dozen times in either way.
 */
bool machvm__copy_memory_pays(int mem_fd, int tid, uint64_t raddr, size_t size);

#endif
