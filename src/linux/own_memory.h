/* SPDX-License-Identifier: MIT */
/*
 * own_memory.h - the caller's own pages: may they be read, may they be written,
 * without ever touching a byte of them in a way that could fault.
 */
#ifndef MACHVM_LINUX_OWN_MEMORY_H
#define MACHVM_LINUX_OWN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "copy.h"

/* The page of one byte: may it be read? One quick system call. 0 or -EFAULT. */
int machvm__own_memory_probe(const void *byte);

/* The same for every page of a range, 256 to a system call. */
int machvm__own_memory_gather(const void *data, size_t size);

/*
 * Makes every page of a range present, and readable (MACHVM__READ) or writable: 0, -EINVAL
 * where the kernel cannot, -EFAULT where it will not.
 */
int machvm__own_memory_populate(void *data, size_t size, enum machvm__direction access);

/*
 * Does a memory descriptor write where the protections forbid it? The kernel's
 * policy (proc_mem.force_override, 6.12), found out on a page of our own, once.
 */
bool machvm__own_memory_forces(void);

/* Fresh zero pages of the caller's, NULL when there are none; and back. */
void *machvm__own_memory_map(size_t size);
void machvm__own_memory_unmap(void *data, size_t size);

/*
 * The same for large results: on huge pages where the kernel has some (it makes
 * and clears one in half the time of 512 small ones).
 */
#define MACHVM__OWN_HUGE ((size_t)2 << 20)
void *machvm__own_memory_map_large(size_t size);

/* A fork does not copy these pages: a child has none of them. */
void machvm__own_memory_keep_from_children(void *data, size_t size);

/* Unmaps whole pages, whatever is there. 0 or -errno. */
int machvm__own_memory_free(uintptr_t start, size_t size);

#endif
