/* SPDX-License-Identifier: MIT */
/* remap.h - what vm_remap was asked for, and mapping it. */
#ifndef MACHVM_MACH_REMAP_H
#define MACHVM_MACH_REMAP_H

#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>

#include "entry.h"
#include "placement.h"

struct machvm__remap {
	struct machvm__target *target;
	struct machvm__target *source;
	uint64_t start, end; /* of the source, whole pages */
	uint64_t data_offset;
	struct machvm__placement placement;
	vm_inherit_t inheritance;
	bool copy;
	bool within; /* one process, whatever its ports are called */
	bool chosen; /* remap_new: the protections below are asked for */
	unsigned current, maximum;
	const struct machvm__entry *entry; /* sharing between two tasks */
};

static inline unsigned machvm__remap_current(const struct machvm__remap *request,
					     const struct machvm__piece *piece)
{
	return request->chosen ? request->current : piece->vma.access & VM_PROT_ALL;
}

static inline unsigned machvm__remap_maximum(const struct machvm__remap *request,
					     const struct machvm__piece *piece)
{
	return request->chosen ? request->maximum
	       : request->copy ? piece->attributes.maximum
			       : piece->maximum;
}

/* May the source be remapped so, and is it all there? On record if not. */
kern_return_t machvm__remap_judge(const struct machvm__remap *request,
				  const struct machvm__map *map);

/*
 * Maps or copies all of the source, or nothing: KERN_SUCCESS with the source's *map, which is
 * to be freed either way, and the *address of the result; or a code that is on record.
 */
kern_return_t machvm__remap_pieces(const struct machvm__remap *request, struct machvm__map *map,
				   uint64_t *address);

#endif
