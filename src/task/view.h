/* SPDX-License-Identifier: MIT */
/*
 * view.h - a range of a target's memory mapped into the own address space: one piece
 * here, whatever objects it is made of there.
 */
#ifndef MACHVM_TASK_VIEW_H
#define MACHVM_TASK_VIEW_H

#include <mach/kern_return.h>
#include <stdbool.h>
#include <stdint.h>

#include "target.h"

struct machvm__view {
	struct machvm__target *target;
	uint64_t address;    /* what was asked for; the lowest that a failure blames */
	uint64_t start, end; /* whole pages */
	bool writable;
	bool skip;   /* private memory is left out: it is to be moved first */
	bool faults; /* memory that can get shorter will do */
	int memory;  /* where private memory has gone to, or -1; the caller's to close */
	/* Set by machvm__view_open(). */
	uint64_t alignment;
	char *room; /* for the range from `low` to `high`, multiples of the alignment; or null */
	uint64_t low, high;
	uint64_t first, last; /* what is mapped of it */
};

/* Maps all of the range, or nothing: KERN_SUCCESS, or a code on record. */
kern_return_t machvm__view_open(struct machvm__view *view);
/* Gives all of it back. */
void machvm__view_close(struct machvm__view *view);
/* Gives back what stands empty beside it; the pointer to view->address is the caller's. */
void *machvm__view_keep(struct machvm__view *view);

/* Records a code for an address of the range. */
kern_return_t machvm__view_refuse(const struct machvm__view *view, uint64_t raddr,
				  kern_return_t code, int error, const char *why);

/* What the range must permit, MACHVM__VMA_*. */
static inline unsigned machvm__view_needs(const struct machvm__view *view)
{
	return (unsigned)MACHVM__VMA_READ | (view->writable ? (unsigned)MACHVM__VMA_WRITE : 0u);
}

/* Is it the same page of one object, at an address in one region and at an address in another? */
bool machvm__view_same(const struct machvm__vma *a, const char *a_name, uint64_t a_at,
		       const struct machvm__vma *b, const char *b_name, uint64_t b_at);

#endif
