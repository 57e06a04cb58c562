/* SPDX-License-Identifier: MIT */
/*
 * maximum.h - what protection the kernel permits a region at most (VM_MAYREAD,
 * VM_MAYWRITE, VM_MAYEXEC), which only smaps shows.
 *
 * Most regions need no look, because mmap(2) has a rule: private anonymous
 * memory may have everything, a private mapping of a file likewise, without
 * execute where the file lies on a mount with noexec. Shared memory (by how its
 * file was opened, and its seals), the kernel's own mappings and device files are
 * read once from smaps, all of the target's in one pass, and believed as long as
 * the live region has the same bounds, object and offset, and a read-only one the
 * same open mode of its file (/proc/PID/map_files). The bits of a region never
 * change during its life.
 */
#ifndef MACHVM_TARGET_MAXIMUM_H
#define MACHVM_TARGET_MAXIMUM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "maps.h"
#include "mounts.h"

struct machvm__target;

struct machvm__maximum {
	pthread_mutex_t lock;
	int mountinfo; /* -1 until it is held */
	struct machvm__mount *mounts;
	int mount_count;
	struct machvm__known *known; /* in ascending order */
	size_t known_count;
};

void machvm__maximum_init(struct machvm__maximum *maximum);
void machvm__maximum_renew(struct machvm__maximum *maximum);
void machvm__maximum_drop(struct machvm__maximum *maximum);

#endif
