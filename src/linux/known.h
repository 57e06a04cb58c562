/* SPDX-License-Identifier: MIT */
/*
 * known.h - a yes or no of the kernel's that holds for as long as there is this process,
 * and for its children. It is asked for once; by several threads that come at one time,
 * each may ask.
 */
#ifndef MACHVM_LINUX_KNOWN_H
#define MACHVM_LINUX_KNOWN_H

#include <stdatomic.h>
#include <stdbool.h>

static inline bool machvm__known(_Atomic int *known, bool (*ask)(void))
{
	enum { UNKNOWN, NO, YES };
	int answer = atomic_load_explicit(known, memory_order_relaxed);

	if (answer == UNKNOWN) {
		answer = ask() ? YES : NO;
		atomic_store_explicit(known, answer, memory_order_relaxed);
	}
	return answer == YES;
}

#endif
