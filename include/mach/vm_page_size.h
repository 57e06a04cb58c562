/* SPDX-License-Identifier: MIT */
/*
 * The page size as variables, and rounding to it.
 *
 * The variables are data of libmachvm, right from the moment it is loaded and
 * constant; every thread may read them at any time, and no program writes
 * them.  They hold the base page size of this system.  The kernel has one
 * page size for itself and for programs, so the vm_kernel_ ones are equal to
 * the others.  Regions of huge pages have a page size of their own, which the
 * routines respect and these macros do not know.
 */
#ifndef MACH_VM_PAGE_SIZE_H
#define MACH_VM_PAGE_SIZE_H

#include <mach/machvm_export.h>
#include <mach/vm_types.h>

__BEGIN_DECLS

extern MACHVM_EXPORT vm_size_t vm_page_size;  /* bytes in a page */
extern MACHVM_EXPORT vm_size_t vm_page_mask;  /* vm_page_size - 1 */
extern MACHVM_EXPORT int vm_page_shift;       /* log2 of vm_page_size */

extern MACHVM_EXPORT vm_size_t vm_kernel_page_size;
extern MACHVM_EXPORT vm_size_t vm_kernel_page_mask;
extern MACHVM_EXPORT int vm_kernel_page_shift;

__END_DECLS

/* Natural-size rounding.  Rounding up in the last page of the address space gives 0. */
#define trunc_page_kernel(x) ((x) & (~vm_kernel_page_mask))
#define round_page_kernel(x) trunc_page_kernel((x) + vm_kernel_page_mask)
#define trunc_page(x) ((x) & (~(vm_size_t)vm_page_mask))
#define round_page(x) trunc_page((x) + ((vm_size_t)vm_page_mask))

/* 64-bit rounding, of any operand. */
#define mach_vm_round_page(x) \
	(((mach_vm_offset_t)(x) + vm_page_mask) & ~((mach_vm_offset_t)vm_page_mask))
#define mach_vm_trunc_page(x) \
	((mach_vm_offset_t)(x) & ~((mach_vm_offset_t)vm_page_mask))

#endif
