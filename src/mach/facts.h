/* SPDX-License-Identifier: MIT */
/*
 * facts.h - a region in Mach's terms, for the routines that describe regions in
 * one structure or another.
 */
#ifndef MACHVM_MACH_FACTS_H
#define MACHVM_MACH_FACTS_H

#include <mach/kern_return.h>
#include <mach/vm_region.h>

#include "task.h"

struct machvm__facts {
	uint64_t address;
	uint64_t size;
	vm_prot_t protection;
	vm_prot_t maximum;
	vm_inherit_t inheritance;
	bool shared;
	uint64_t offset;
	vm_behavior_t behavior;
	unsigned short wired;
	/* The rest is there when pages were counted. All counts are of vm_page_size. */
	unsigned tag;
	unsigned resident;
	unsigned resident_private;
	unsigned resident_shared;
	unsigned copied; /* anonymous pages in a private mapping of a file */
	unsigned swapped;
	unsigned dirty;
	unsigned references;
	unsigned char mode; /* SM_* */
	bool file;
	uint64_t object; /* identity of what is shared, 0 for private memory */
};

/*
 * The region at `raddr` of a live target, else the next above: KERN_SUCCESS, or
 * KERN_INVALID_ADDRESS when there is none, or what kept us from looking. A
 * failure is on record.
 *
 * Without counting, what only smaps knows is told by rule: inheritance is SHARE
 * or COPY, behavior DEFAULT, wired 0.
 */
kern_return_t machvm__facts_find(struct machvm__target *target, uint64_t raddr, bool count,
                                 struct machvm__facts *facts);

/* For the programs of a short word: KERN_INVALID_ADDRESS for a region that one cannot describe. */
kern_return_t machvm__facts_fit(const struct machvm__facts *facts);

/* Why a look failed with -errno: GONE, SHORTAGE or DENIED. */
kern_return_t machvm__facts_fault(struct machvm__target *target, uint64_t raddr, int r,
                                  const char *step);

/*
 * Pins the task for a look at its regions: as machvm__task_hold(), and the
 * process lives. To be released when it is KERN_SUCCESS.
 */
kern_return_t machvm__facts_hold(mach_port_name_t name, struct machvm__hold *hold);

/* The identity of the object behind a region, 0 for private memory. */
uint64_t machvm__facts_object(const struct machvm__vma *vma);

static inline vm_prot_t machvm__facts_protection(unsigned access)
{
	return (access & MACHVM__VMA_READ ? VM_PROT_READ : 0) |
	       (access & MACHVM__VMA_WRITE ? VM_PROT_WRITE : 0) |
	       (access & MACHVM__VMA_EXECUTE ? VM_PROT_EXECUTE : 0);
}

#endif
