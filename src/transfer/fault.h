/* SPDX-License-Identifier: MIT */
/*
 * fault.h - why bytes did not move: the vocabulary between the layers that find
 * out and the one that turns it into a kern_return_t and a sentence.
 */
#ifndef MACHVM_TRANSFER_FAULT_H
#define MACHVM_TRANSFER_FAULT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps.h"

enum machvm__cause {
	MACHVM__CAUSE_UNMAPPED,  /* no region there */
	MACHVM__CAUSE_NO_REGION, /* nor anywhere above: the end of a walk */
	MACHVM__CAUSE_RANGE,     /* the range wraps or leaves the user's half */
	MACHVM__CAUSE_PROTECTED, /* the region does not permit it */
	MACHVM__CAUSE_FORCE,     /* nor may it be forced: that takes tracing, and we may not */
	MACHVM__CAUSE_GUARD,     /* a guard page within a region that would */
	MACHVM__CAUSE_CONTENTS,  /* permitted, and yet no page: end of file, poison, no memory */
	MACHVM__CAUSE_WAIT,      /* it would have to be waited for */
	MACHVM__CAUSE_SECRET,    /* permitted to the target, and to nobody else */
	MACHVM__CAUSE_CALLER,    /* the caller's own buffer */
	MACHVM__CAUSE_GONE,      /* the process */
	MACHVM__CAUSE_DENIED,    /* the system refuses this caller this target */
	MACHVM__CAUSE_TIMEOUT,   /* it had to be stopped, and would not */
	MACHVM__CAUSE_SHORTAGE,  /* no memory or descriptor left here */
	MACHVM__CAUSE_RESTLESS,  /* there at each look and away at each try: the map keeps changing */
	MACHVM__CAUSE_CHANGED,   /* exec in the middle, or a put-back that was refused */
};

struct machvm__fault {
	enum machvm__cause cause;
	int error;        /* errno, positive; 0 when no call failed */
	uint64_t raddr;   /* the first failing address */
	size_t done;      /* bytes known to be changed */
	bool writing;     /* what was wanted of the page */
	bool forced;      /* whatever its protection */
	bool watched;     /* pages were met whose writes a userfaultfd wants to know of */
	const char *step; /* a constant */
	bool has_region;
	struct machvm__vma region;
	char name[256]; /* of the region, cut at the front when it is longer */
};

/* A system call that looks or moves has failed with -errno, and no page is to blame. */
static inline enum machvm__cause machvm__fault_cause(int r)
{
	switch (r) {
	case -ESRCH:
		return MACHVM__CAUSE_GONE;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return MACHVM__CAUSE_SHORTAGE;
	case -ETIMEDOUT:
		return MACHVM__CAUSE_TIMEOUT;
	case -ECANCELED:
		return MACHVM__CAUSE_CHANGED;
	case -EKEYREJECTED:
		return MACHVM__CAUSE_FORCE;
	default:
		return MACHVM__CAUSE_DENIED;
	}
}

static inline bool machvm__fault_wraps(uint64_t raddr, size_t size)
{
	uint64_t end;

	return __builtin_add_overflow(raddr, size, &end);
}

/* The faults that need no look. Always false, for `return`. */
static inline bool machvm__fault_range(struct machvm__fault *fault, uint64_t raddr, bool writing)
{
	*fault = (struct machvm__fault){.cause = MACHVM__CAUSE_RANGE,
	                                .raddr = raddr,
	                                .writing = writing,
	                                .step = "range check"};
	return false;
}

static inline bool machvm__fault_no_memory(struct machvm__fault *fault, const char *step)
{
	*fault = (struct machvm__fault){
		.cause = MACHVM__CAUSE_SHORTAGE, .error = ENOMEM, .step = step};
	return false;
}

#endif
