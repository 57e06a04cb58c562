/* SPDX-License-Identifier: MIT */
/*
 * replace.h - regions of a target replaced by others at the same addresses with
 * the same contents and protection: shared memory by a private copy of it, private
 * memory by a mapping of a memfd.
 */
#ifndef MACHVM_TASK_REPLACE_H
#define MACHVM_TASK_REPLACE_H

#include <mach/kern_return.h>

#include "map.h"
#include "space.h"

struct machvm__replacement {
	bool (*wanted)(const struct machvm__piece *piece);
	unsigned flags; /* mmap's */
	int fd;         /* in the target, or -1 */
	/* The access that a new region gets; null: what the old one has. */
	unsigned (*access)(const struct machvm__piece *piece, const void *context);
	/* Called when all that is left to do cannot fail; what it refuses ends everything. */
	kern_return_t (*ready)(struct machvm__space *space, const struct machvm__map *map,
			       const void *context);
	const void *context;
};

/*
 * Replaces every piece that is wanted, or none. The new regions are filled beside
 * the old ones, and what could still stand in the way of the moves (a seal, the limit
 * on mappings) is tried, before the first is moved. A piece at
 * offset n of the map is put at offset n of the file. All threads of the
 * target stand still. KERN_SUCCESS, or a code that is on record.
 */
kern_return_t machvm__replace_pieces(struct machvm__space *space, const struct machvm__map *map,
				     const struct machvm__replacement *how);

/* Private copies of whatever is shared in the map (VM_PROT_COPY). */
bool machvm__replace_is_shared(const struct machvm__piece *piece);
bool machvm__replace_has_shared(const struct machvm__map *map);
kern_return_t machvm__replace_shared(struct machvm__space *space, const struct machvm__map *map,
				     const struct machvm__replacement *how);
/* What a shared region looks like afterwards. */
void machvm__replace_identity(struct machvm__vma *vma);

#endif
