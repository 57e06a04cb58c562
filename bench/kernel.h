/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - the look-ups that are timed on their own, PROCMAP_QUERY (Linux 6.11)
 * and PAGEMAP_SCAN (6.7), and pidfs: what Debian 12's headers do not have.
 */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include <linux/types.h>
#include <sys/ioctl.h>

struct procmap_query {
	__u64 size, flags, address;
	__u64 start, end, vma_flags, page_size, offset, inode;
	__u32 device_major, device_minor;
	__u32 name_size, build_id_size;
	__u64 name, build_id;
};
#define PROCMAP_QUERY_REQUEST _IOWR('f', 17, struct procmap_query)

struct page_region {
	__u64 start, end, categories;
};
struct pagemap_scan {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	__u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define PAGEMAP_SCAN_REQUEST _IOWR('f', 16, struct pagemap_scan)
#define PAGE_IS_SWAPPED      (1 << 4)
#define PAGE_IS_GUARD        (1 << 8)

/* What statfs(2) says of a pidfd, since Linux 6.9. */
#define PIDFS_MAGIC 0x50494446u

#endif
