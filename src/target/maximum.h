/* SPDX-License-Identifier: MIT */
/*
 * maximum.h - what protection the kernel permits a region at most (VM_MAYREAD,
 * VM_MAYWRITE, VM_MAYEXEC), which only smaps shows.
 *
 * Most regions need no look, because mmap(2) has a rule: private anonymous
 * memory may have everything, and so may mappings of files, if shared ones are
 * writable now, without execute where the file lies on a mount with noexec. What
 * the kernel maps of its own, and files on no mount (memfd, shared anonymous
 * memory), is read from smaps once, all of the target's in one pass, and believed
 * as long as the live region has the same bounds, object and offset; the bits of a
 * region never change during its life, and these have no other bits the next time.
 *
 * That is not so for a shared mapping that cannot be written now: the same file
 * may be mapped at the same place from a descriptor that can do more or less, and
 * nothing cheaper than smaps tells them apart (the links in map_files keep the
 * mode of the mapping before). It is looked at each time, and so are files of
 * devices and files that mounts of both kinds lead to; a walk from region to region
 * reads smaps once for all of them, by its cursor.
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
