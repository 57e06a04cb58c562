/* SPDX-License-Identifier: MIT */
/* standing.h - MACHVM_STOP: a transfer while every thread of the target stands still. */
#ifndef MACHVM_MACH_STANDING_H
#define MACHVM_MACH_STANDING_H

#include <mach/kern_return.h>
#include <stdint.h>

#include "target.h"

struct machvm__standing {
	struct machvm__target *target;
	/* The transfer, its looks included. Its failures are on record. */
	kern_return_t (*move)(void *context);
	void *context;
	/* What is said to be changed should the target have run before all was done. */
	uint64_t raddr;
	uint64_t changes;
};

/*
 * The code of the transfer, or why there was none: KERN_DENIED, KERN_OPERATION_TIMED_OUT,
 * KERN_NOT_SUPPORTED, ... KERN_ABORTED when it was done, and not all the while in a target
 * that stood still. A program of one thread stands still for itself.
 */
kern_return_t machvm__standing_do(const struct machvm__standing *standing);

#endif
