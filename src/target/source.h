/* SPDX-License-Identifier: MIT */
/*
 * source.h - descriptors of our own that may be of the object behind a target's
 * shared region. The kernel has a link for each region (map_files), for those who may
 * restore processes; others look among the target's descriptors. What is found is a
 * guess by inode number: who maps it compares the mapping with the region.
 */
#ifndef MACHVM_SOURCE_H
#define MACHVM_SOURCE_H

#include <stdbool.h>

#include "target.h"

struct machvm__source {
	struct machvm__target *target;
	struct machvm__vma vma;
	bool writable;
	bool linked; /* the link has been tried */
	int fdinfo;  /* the target's folder, once it is open */
	int number;  /* the last descriptor that was tried */
	int refused; /* -errno: why there were no more; 0 when all have been tried */
};

void machvm__source_init(struct machvm__source *source, struct machvm__target *target,
			 const struct machvm__vma *vma, bool writable);
/* The next one, the caller's to close; or -ENOENT. */
int machvm__source_next(struct machvm__source *source);
void machvm__source_fini(struct machvm__source *source);

/* Our own descriptor on what the target has open as `fd`, for writing if that is to be had. */
int machvm__source_borrow(struct machvm__target *target, int fd);

/* Do the target and we have the same System V segments by the same numbers? */
bool machvm__source_same_ipc(struct machvm__target *target);

#endif
