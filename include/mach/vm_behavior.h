/* SPDX-License-Identifier: MIT */
/*
 * Advice about the use of memory, for vm_behavior_set().
 */
#ifndef MACH_VM_BEHAVIOR_H
#define MACH_VM_BEHAVIOR_H

typedef int vm_behavior_t;

/* Properties of a region, reported by vm_region(). */
#define VM_BEHAVIOR_DEFAULT ((vm_behavior_t)0)
#define VM_BEHAVIOR_RANDOM ((vm_behavior_t)1)
#define VM_BEHAVIOR_SEQUENTIAL ((vm_behavior_t)2)
#define VM_BEHAVIOR_RSEQNTL ((vm_behavior_t)3) /* sequential, from high addresses to low */

/* Requests that act at once and leave no trace in the region. */
#define VM_BEHAVIOR_WILLNEED ((vm_behavior_t)4)
/* Never loses anonymous data: this is not MADV_DONTNEED. */
#define VM_BEHAVIOR_DONTNEED ((vm_behavior_t)5)
/* The contents may be dropped (MADV_FREE). */
#define VM_BEHAVIOR_FREE ((vm_behavior_t)6)
#define VM_BEHAVIOR_ZERO_WIRED_PAGES ((vm_behavior_t)7)
#define VM_BEHAVIOR_REUSABLE ((vm_behavior_t)8)
#define VM_BEHAVIOR_REUSE ((vm_behavior_t)9)
#define VM_BEHAVIOR_CAN_REUSE ((vm_behavior_t)10)
#define VM_BEHAVIOR_PAGEOUT ((vm_behavior_t)11)
/* The pages read as zero afterwards. */
#define VM_BEHAVIOR_ZERO ((vm_behavior_t)12)

#define VM_BEHAVIOR_LAST_VALID VM_BEHAVIOR_ZERO

#endif
