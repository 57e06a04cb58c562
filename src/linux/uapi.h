/* SPDX-License-Identifier: MIT */
/*
 * uapi.h - kernel interfaces that Debian 12's headers do not have yet.
 * Layouts follow the kernel's own include/uapi; the version is the first that
 * has the call. A kernel without it answers ENOTTY, EINVAL or ENOSYS, and
 * whoever calls falls back: nothing here is decided by a version number.
 */
#ifndef MACHVM_LINUX_UAPI_H
#define MACHVM_LINUX_UAPI_H

#include <linux/types.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* PROCMAP_QUERY on /proc/PID/maps: one region by address. Linux 6.11. */
struct machvm__procmap_query {
	__u64 size;
	__u64 query_flags;
	__u64 query_addr;
	__u64 vma_start;
	__u64 vma_end;
	__u64 vma_flags;
	__u64 vma_page_size;
	__u64 vma_offset;
	__u64 inode;
	__u32 dev_major;
	__u32 dev_minor;
	__u32 vma_name_size;
	__u32 build_id_size;
	__u64 vma_name_addr;
	__u64 build_id_addr;
};

#define MACHVM__PROCMAP_QUERY          _IOWR('f', 17, struct machvm__procmap_query)
#define MACHVM__PROCMAP_COVERING_OR_UP 0x10 /* the region at the address, or the next one above */

/* PAGEMAP_SCAN on /proc/PID/pagemap. Linux 6.7; guard regions since 6.15. */
struct machvm__page_region {
	__u64 start;
	__u64 end;
	__u64 categories;
};

struct machvm__pagemap_scan {
	__u64 size;
	__u64 flags;
	__u64 start;
	__u64 end;
	__u64 walk_end;
	__u64 vec;
	__u64 vec_len;
	__u64 max_pages;
	__u64 category_inverted;
	__u64 category_mask;
	__u64 category_anyof_mask;
	__u64 return_mask;
};

#define MACHVM__PAGEMAP_SCAN _IOWR('f', 16, struct machvm__pagemap_scan)

enum {
	MACHVM__SCAN_WP_ALLOWED = 1 << 0,
	MACHVM__SCAN_WRITTEN = 1 << 1, /* not protected by a userfaultfd */
	MACHVM__SCAN_PRESENT = 1 << 3,
	MACHVM__SCAN_SWAPPED = 1 << 4,
	MACHVM__SCAN_GUARD = 1 << 8,
};

#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

#ifndef MADV_GUARD_INSTALL /* Linux 6.13 */
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

/* PIDFD_GET_INFO: the pid in the caller's own namespace. Linux 6.13. */
struct machvm__pidfd_info {
	__u64 mask;
	__u64 cgroupid;
	__u32 pid;
	__u32 tgid;
	__u32 ppid;
	__u32 ids[8];
	__s32 exit_code;
};

#define MACHVM__PIDFD_GET_INFO _IOWR(0xFF, 11, struct machvm__pidfd_info)
#define MACHVM__PIDFD_INFO_PID (1 << 0)

/* statfs(2) of a pidfd, since Linux 6.9. */
#define MACHVM__PIDFS_MAGIC 0x50494446u

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#endif
