/* SPDX-License-Identifier: MIT */
/*
 * light.h - where the held memory descriptor serves instead of process_vm_*.
 *
 * It is the lighter way: no number to look up, no access to check, and no number that
 * could be another process's by now. But it may go past protections, unless the kernel's policy
 * is "never" (force_policy.h).
 *
 * Under "ptrace" it does for the thread that traces the target's leader, and whether the
 * calling one does is not ours to know: the program may have attached by a system call of its
 * own, a child may have made its parent the tracer (PTRACE_TRACEME), or come to be traced with
 * its own parent (PTRACE_O_TRACEFORK). To ask takes a system call, which is more than this way
 * spares. So under "ptrace" it is closed to everybody.
 *
 * Whatever the policy, it does two things that process_vm_* do not (mm/memory.c,
 * __access_remote_vm): a hole below a stack is filled by growing the stack, and device memory
 * that has a way of its own is reached by that, whatever the protection. So it is used
 * in an area that was looked up before, and is ordinary memory: one region at a time,
 * and a call elsewhere goes the other way.
 */
#ifndef MACHVM_LIGHT_H
#define MACHVM_LIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "copy.h"

struct machvm__target;

/*
 * An area in one word, so that it changes at one instant: the number of its first 4 KiB, and
 * how many there are in 28 bits. 0 where this way is closed for good; none in
 * MACHVM__LIGHT_NOWHERE.
 */
#define MACHVM__LIGHT_UNIT    12
#define MACHVM__LIGHT_COUNT   28
#define MACHVM__LIGHT_NOWHERE ((uint64_t)1 << MACHVM__LIGHT_COUNT)

struct machvm__light {
	_Atomic uint64_t area;
	_Atomic size_t most;       /* bytes in a call; there from the first area on */
	_Atomic unsigned strange;  /* calls outside the area */
	_Atomic unsigned patience; /* after so many of them their region is looked up */
};

/* Open until it is found out that the policy does not allow it, unless `closed`. */
void machvm__light_init(struct machvm__light *light, bool closed);

/* For a range inside one page. */
static inline bool machvm__light_holds(uint64_t area, uint64_t raddr)
{
	return (raddr >> MACHVM__LIGHT_UNIT) - (area >> MACHVM__LIGHT_COUNT) <
	       (area & (MACHVM__LIGHT_NOWHERE - 1));
}

/* Has it not been found out yet that this way is closed? */
static inline bool machvm__light_open(const struct machvm__light *light)
{
	return atomic_load_explicit(&light->area, memory_order_relaxed) != 0;
}

/*
 * A copy inside one page on both sides, where the descriptor may serve; elsewhere the call
 * is counted, and now and then its region becomes the area. True when the bytes have
 * moved, wholly. Where most kernels never come: out of the way of those that do not.
 */
__attribute__((noinline)) bool machvm__light_move(struct machvm__target *target,
						  enum machvm__direction direction, uint64_t raddr,
						  void *local, size_t size);

/* What is known of the area holds no longer. */
static inline void machvm__light_drop(struct machvm__light *light)
{
	uint64_t area = atomic_load_explicit(&light->area, memory_order_relaxed);

	while (area && !atomic_compare_exchange_weak(&light->area, &area, MACHVM__LIGHT_NOWHERE))
		;
}

#endif
