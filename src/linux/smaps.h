/* SPDX-License-Identifier: MIT */
/*
 * smaps.h - what only /proc/PID/smaps tells of a region: page counts, and the
 * VmFlags with the maximum protection. Slow (the kernel walks every page table
 * to write it), so it is read for those fields alone.
 */
#ifndef MACHVM_LINUX_SMAPS_H
#define MACHVM_LINUX_SMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps.h"
#include "text.h"

enum {
	MACHVM__VM_MAY_READ = 1 << 0,    /* mr */
	MACHVM__VM_MAY_WRITE = 1 << 1,   /* mw */
	MACHVM__VM_MAY_EXECUTE = 1 << 2, /* me */
	MACHVM__VM_SHARED = 1 << 3,      /* sh: stores reach the object (and may be written) */
	MACHVM__VM_MAY_SHARE = 1 << 4,   /* ms */
	MACHVM__VM_IO = 1 << 5,          /* io: device memory */
	MACHVM__VM_PFNMAP = 1 << 6,      /* pf: pages without struct page */
	MACHVM__VM_DONTCOPY = 1 << 7,    /* dc: MADV_DONTFORK */
	MACHVM__VM_LOCKED = 1 << 8,      /* lo */
	MACHVM__VM_UFFD_MISSING = 1 << 9,
	MACHVM__VM_UFFD_WP = 1 << 10,
	MACHVM__VM_SEQUENTIAL = 1 << 11, /* sr */
	MACHVM__VM_RANDOM = 1 << 12,     /* rr */
	MACHVM__VM_HUGETLB = 1 << 13,    /* ht */
	MACHVM__VM_SEALED = 1 << 14,     /* sl */
	MACHVM__VM_GROWS_DOWN = 1 << 15, /* gd */
	MACHVM__VM_WIPE_ON_FORK = 1 << 16, /* wf */
};

/* What is kept of a region's name: the kernel's own names fit; a path is cut. */
#define MACHVM__SMAPS_NAME 128

/* Sizes in bytes. */
struct machvm__smaps {
	struct machvm__vma vma; /* name_length is the whole name's */
	char name[MACHVM__SMAPS_NAME];
	uint64_t kernel_page_size;
	uint64_t resident;
	uint64_t shared_clean;
	uint64_t shared_dirty;
	uint64_t private_clean;
	uint64_t private_dirty;
	uint64_t anonymous;
	uint64_t swap;
	uint64_t shared_huge; /* pages of hugetlbfs count neither as resident nor as anonymous */
	uint64_t private_huge;
	unsigned flags; /* MACHVM__VM_* */
};

/*
 * The next region of a text that was begun with machvm__text_init() on a smaps
 * descriptor: 1, 0 at the end, or -errno. As machvm__maps_next().
 */
int machvm__smaps_next(struct machvm__text *text, struct machvm__smaps *region);

/* The region of a text that must be exactly one region's: 0 or -EINVAL. The text is changed. */
int machvm__smaps_single(char *text, size_t size, struct machvm__smaps *region);

/*
 * Parses one line that is not a region's first ("Rss:  4 kB", "VmFlags: rd wr"),
 * null-terminated, into *region; lines it does not know are left alone. True for
 * the last line of a region (VmFlags).
 */
bool machvm__smaps_parse(const char *line, size_t length, struct machvm__smaps *region);

#endif
