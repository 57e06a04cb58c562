/* SPDX-License-Identifier: MIT */
/*
 * entry.h - memory entries: what mach_make_memory_entry_64 makes and vm_map maps.
 * An entry is a part of a file of memory (a memfd, or whatever file a shared region was of).
 */
#ifndef MACHVM_TASK_ENTRY_H
#define MACHVM_TASK_ENTRY_H

#include <mach/kern_return.h>
#include <stdbool.h>
#include <stdint.h>

#include "port.h"
#include "space.h"

struct machvm__entry {
	int fd;
	uint64_t offset;      /* in the file, of the first page */
	uint64_t size;        /* whole pages */
	uint64_t data_offset; /* of the first byte in its page, with MAP_MEM_USE_DATA_ADDR */
	unsigned protection;  /* what a mapping may have, MACHVM__VMA_* */
	bool copy;            /* a snapshot: mapped privately */
};

/* A port for the entry, which takes `fd` over, also on failure. On record when it fails. */
kern_return_t machvm__entry_new(const struct machvm__entry *entry, mach_port_name_t *name);

/* A new file of memory of ours. A descriptor or -errno. */
int machvm__entry_memory(uint64_t size);

/*
 * The same with what is in a part of an entry's file now: a later store is not seen in it.
 * -EFAULT when the part lies beyond the end of the file.
 */
int machvm__entry_snapshot(const struct machvm__entry *entry, uint64_t offset, uint64_t size);

/*
 * Pins the entry behind a port: KERN_SUCCESS, and then to be released with
 * machvm__port_release(); KERN_INVALID_OBJECT for another kind of port,
 * KERN_INVALID_ARGUMENT for none. On record when it fails.
 */
kern_return_t machvm__entry_hold(mach_port_name_t name, struct machvm__port_entry **held,
				 const struct machvm__entry **entry);

/*
 * The entry's file as a descriptor of the space's own, for its mmap: ours, or one that
 * the target opens through /proc, which it must be allowed to. -errno when it is not.
 */
int machvm__entry_lend(struct machvm__space *space, int fd, bool writable);
void machvm__entry_take_back(struct machvm__space *space, int fd);

#endif
