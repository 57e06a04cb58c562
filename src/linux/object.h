/* SPDX-License-Identifier: MIT */
/*
 * object.h - the objects behind shared mappings: another process's descriptors of
 * them, what an object is, and mappings of it in the own address space. Every
 * function returns >= 0 or -errno.
 */
#ifndef MACHVM_LINUX_OBJECT_H
#define MACHVM_LINUX_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Our own copy of descriptor `fd` of the process (pidfd_getfd, Linux 5.6). */
int machvm__object_take(int pidfd, int fd);

/*
 * The lowest descriptor above *number that is of a file with this inode number, by a
 * descriptor of the process's "fdinfo" folder ("ino:", Linux 5.14): 0, or -ENOENT.
 * Nothing is asked of the files themselves, so none can keep us waiting. Begin with -1.
 */
int machvm__object_find(int fdinfo, uint64_t inode, int *number);

/* Opens a regular file once more, for `flags`, by an O_PATH descriptor, which it closes. */
int machvm__object_reopen(int path_fd, int flags);

struct machvm__object_facts {
	bool regular; /* and not a device, whose driver decides what a mapping is */
	uint64_t size;
	bool steady; /* sealed: it never gets shorter */
};
int machvm__object_look(int fd, struct machvm__object_facts *facts);

/* Makes it steady, where it is a memfd that permits seals. */
int machvm__object_seal(int fd);

/* Are the two descriptors of one file? */
bool machvm__object_same(int a, int b);

/* Maps a part of it: at `at`, over whatever is there, or anywhere when that is null. */
int machvm__object_map(void *at, size_t size, bool writable, int fd, uint64_t offset, void **where);

/* The same for a part of a System V segment, which no descriptor is needed for. */
int machvm__object_attach(void *at, size_t size, bool writable, int id, uint64_t offset,
			  void **where);

/* Address space that nothing is in. NULL when there is none left. */
void *machvm__object_room(size_t size);
/* A page of shared anonymous memory, to see what such looks like. NULL as well. */
void *machvm__object_shared_page(void);

#endif
