/* SPDX-License-Identifier: MIT */
/*
 * maps.h - the regions of an address space, from a descriptor of /proc/PID/maps.
 *
 * Two ways: PROCMAP_QUERY asks for one region by address (Linux 6.11, 0.2 us);
 * the text lists all of them (0.1 us each when read in large pieces), on every
 * kernel. The descriptor is bound to the address space it was opened on.
 */
#ifndef MACHVM_LINUX_MAPS_H
#define MACHVM_LINUX_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "text.h"

enum {
	MACHVM__VMA_READ = 1 << 0,
	MACHVM__VMA_WRITE = 1 << 1,
	MACHVM__VMA_EXECUTE = 1 << 2,
	MACHVM__VMA_SHARED = 1 << 3,
};

/* PATH_MAX with every byte escaped would not fit; the kernel truncates too. */
#define MACHVM__VMA_NAME 4096

struct machvm__vma {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	uint32_t device_major;
	uint32_t device_minor;
	uint32_t page_size; /* 0 where the source does not tell (the text) */
	unsigned access;    /* MACHVM__VMA_* */
	size_t name_length; /* 0 when it has none or none was asked for */
};

/*
 * The region at `raddr`, else the next one above. 0, or -ENOENT when there is
 * none, -ESRCH when the address space is gone, -ENOTTY when the kernel cannot
 * say. `name` may be null; a name that is longer than its buffer is left out.
 */
int machvm__maps_query(int maps_fd, uint64_t raddr, struct machvm__vma *vma, char *name,
                       size_t name_size);

/*
 * The next region of a text that was begun with machvm__text_init() on a maps
 * descriptor: 1, or 0 at the end, or -errno. *name (when not null) points into
 * the text's buffer, null-terminated, and is good until the next call. What lies
 * above the user's half ("[vsyscall]") is no region of the address space, and is
 * left out.
 */
int machvm__maps_next(struct machvm__text *text, struct machvm__vma *vma, const char **name);

/*
 * Parses one line of the text, without its newline, and null-terminated. The
 * name is line[*name_at .. *name_at + vma->name_length). 0 or -EINVAL.
 */
int machvm__maps_parse(const char *line, size_t length, struct machvm__vma *vma, size_t *name_at);

/*
 * The region of a text that must be exactly one region's: 0 or -EINVAL. The text
 * is changed, and *name points into it.
 */
int machvm__maps_single(char *text, size_t size, struct machvm__vma *vma, const char **name);

/* Is that address in the half of the address space that is the user's? */
static inline bool machvm__maps_reachable(uint64_t raddr)
{
	return !(raddr >> 63);
}

#endif
