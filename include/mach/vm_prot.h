/* SPDX-License-Identifier: MIT */
/*
 * Protections of memory.
 *
 * A region has a current protection, which governs accesses, and a maximum
 * protection, which bounds what the current one may become.  The current
 * protection never exceeds the maximum, and the maximum only shrinks.
 */
#ifndef MACH_VM_PROT_H
#define MACH_VM_PROT_H

typedef int vm_prot_t;

#define VM_PROT_NONE ((vm_prot_t)0x00)
#define VM_PROT_READ ((vm_prot_t)0x01)
/* Alone it is PROT_WRITE: whether the CPU then lets the target read is
 * machine-dependent, and vm_read() refuses. */
#define VM_PROT_WRITE ((vm_prot_t)0x02)
#define VM_PROT_EXECUTE ((vm_prot_t)0x04)

/* What vm_allocate() gives. */
#define VM_PROT_DEFAULT (VM_PROT_READ | VM_PROT_WRITE)
/* The most that any region can have. */
#define VM_PROT_ALL (VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE)

/* Not protections but requests, each valid only where a routine says so. */

/* vm_protect(): make a private writable copy of the range first; write
 * permission joins the maximum protection. */
#define VM_PROT_COPY ((vm_prot_t)0x10)
#define VM_PROT_WANTS_COPY ((vm_prot_t)0x10)

/* vm_map(), vm_remap_new(), memory entries: reduce the request to what is
 * permitted instead of failing. */
#define VM_PROT_IS_MASK ((vm_prot_t)0x40)

/* Defined for source compatibility; every routine rejects them. */
#define VM_PROT_NO_CHANGE_LEGACY ((vm_prot_t)0x08)
#define VM_PROT_NO_CHANGE ((vm_prot_t)0x01000000)
#define VM_PROT_STRIP_READ ((vm_prot_t)0x80)
#define VM_PROT_EXECUTE_ONLY (VM_PROT_EXECUTE | VM_PROT_STRIP_READ)
#define VM_PROT_RORW_TP (VM_PROT_EXECUTE)
#define VM_PROT_TPRO ((vm_prot_t)0x200)

#if defined(__x86_64__)
#define VM_PROT_UEXEC ((vm_prot_t)0x8)
#define VM_PROT_ALLEXEC (VM_PROT_EXECUTE | VM_PROT_UEXEC)
#else
#define VM_PROT_ALLEXEC (VM_PROT_EXECUTE)
#endif

#endif
