/* SPDX-License-Identifier: MIT */
/* mounts.h - what kind of file system a device number is, by /proc/PID/mountinfo. */
#ifndef MACHVM_LINUX_MOUNTS_H
#define MACHVM_LINUX_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Do its pages come from a program (FUSE)? False also when it cannot be told. */
bool machvm__mounts_served(uint32_t device_major, uint32_t device_minor);

/*
 * May a mapping of a file on that device be made executable? The kernel decides
 * it for good when the file is mapped: mmap(2) takes VM_MAYEXEC away on a mount
 * with noexec, and leaves it however the mount changes afterwards.
 */
enum machvm__execution {
	MACHVM__EXECUTION_UNKNOWN, /* mounts of the device differ, or drivers decide */
	MACHVM__EXECUTION_ALLOWED,
	MACHVM__EXECUTION_REFUSED,
};

struct machvm__mount {
	uint32_t device_major;
	uint32_t device_minor;
	enum machvm__execution execution;
};

/* Parses one line, null-terminated. 0 or -EINVAL. */
int machvm__mounts_parse(const char *line, struct machvm__mount *mount);

/*
 * The devices of a mountinfo file, each once: how many, with *list from malloc
 * (null when there are none), or -errno.
 */
int machvm__mounts_read(int mountinfo_fd, struct machvm__mount **list);

/* Has a mount been made, changed or taken away since this was asked last on that descriptor? */
bool machvm__mounts_changed(int mountinfo_fd);

#endif
