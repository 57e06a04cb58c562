/* SPDX-License-Identifier: MIT */
/*
 * What a child gets of a region at fork.
 */
#ifndef MACH_VM_INHERIT_H
#define MACH_VM_INHERIT_H

typedef unsigned int vm_inherit_t;

/* The child shares the memory.  Private memory is moved to a shared object
 * (memfd) first. */
#define VM_INHERIT_SHARE ((vm_inherit_t)0)
/* The child gets a copy of its own. */
#define VM_INHERIT_COPY ((vm_inherit_t)1)
/* The child has nothing at these addresses (MADV_DONTFORK). */
#define VM_INHERIT_NONE ((vm_inherit_t)2)
/* Rejected by every routine with KERN_INVALID_ARGUMENT, as in XNU. */
#define VM_INHERIT_DONATE_COPY ((vm_inherit_t)3)

#define VM_INHERIT_DEFAULT VM_INHERIT_COPY
#define VM_INHERIT_LAST_VALID VM_INHERIT_NONE

#endif
