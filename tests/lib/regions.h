/* SPDX-License-Identifier: MIT */
/*
 * The region routines, each flavor and version in every spelling, behind one
 * shape. Each call also checks what belongs to the routine: counts, words beyond
 * the answer, out parameters of a failure.
 */
#ifndef TESTS_REGIONS_H
#define TESTS_REGIONS_H

#include "harness.h"

/* What an answer says; which of it is there is told by `has`. */
struct region {
	uint64_t address, size;
	unsigned has;
	vm_prot_t protection, maximum;
	vm_inherit_t inheritance;
	bool shared;
	uint64_t offset;
	vm_behavior_t behavior;
	unsigned wired;
	unsigned tag, resident, copied, swapped, dirty, references, external, mode;
	unsigned resident_private, resident_shared;
	uint64_t object;
};

enum {
	HAS_PROTECTION = 1 << 0,
	HAS_RULES = 1 << 1,    /* maximum, inheritance, offset, behavior, wired */
	HAS_SHARED = 1 << 2,
	HAS_USE = 1 << 3,      /* references, mode */
	HAS_SOURCE = 1 << 4,   /* tag, external */
	HAS_COUNTS = 1 << 5,   /* resident, copied, swapped, dirty */
	HAS_SPLIT = 1 << 6,    /* resident_private, resident_shared */
	HAS_OBJECT = 1 << 7,   /* the low 32 bits at least */
	HAS_LIVE_RULES = 1 << 8, /* inheritance NONE, behavior and wired as the target set them */
};

struct region_call {
	const char *name;
	unsigned has;
	mach_msg_type_number_t count; /* that it needs, and gives back */
	mach_msg_type_number_t most;  /* up to which it gives the same answer */
	/* Asks with a count of the caller's. *count comes back. */
	kern_return_t (*ask)(mach_port_t task, uint64_t *address, uint64_t *size, int *info,
			     mach_msg_type_number_t *count);
	void (*read)(const int *info, struct region *region);
};

extern const struct region_call region_calls[];
extern const unsigned region_call_count;

/*
 * Asks for the region at or above an address with the count that is needed.
 * After a success *region is filled in; after a failure nothing was written.
 */
kern_return_t region_ask(const struct region_call *call, mach_port_t task, uint64_t address,
			 struct region *region);

#endif
