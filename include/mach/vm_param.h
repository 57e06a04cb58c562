/* SPDX-License-Identifier: MIT */
/*
 * Page arithmetic.
 *
 * The size of a page is a property of the running system, so PAGE_SIZE and
 * its companions read the variables of <mach/vm_page_size.h>; only
 * PAGE_MAX_SIZE and PAGE_MIN_SIZE are constants.  Macros that a system header
 * defined earlier (PAGE_SIZE in <limits.h> of some C libraries) are left alone.
 */
#ifndef MACH_VM_PARAM_H
#define MACH_VM_PARAM_H

#include <mach/machine/vm_param.h>
#include <mach/vm_page_size.h>
#include <mach/vm_types.h>

#ifndef PAGE_SHIFT
#define PAGE_SHIFT vm_page_shift
#endif
#ifndef PAGE_SIZE
#define PAGE_SIZE vm_page_size
#endif
#ifndef PAGE_MASK
#define PAGE_MASK vm_page_mask
#endif

/* The number of bytes in a number of pages; the value has the type of the argument. */
#define ptoa(x) ((vm_offset_t)(x) << vm_page_shift)
#define atop(x) ((vm_address_t)(x) >> vm_page_shift)
#define mach_vm_ptoa(x) ((mach_vm_offset_t)(x) << vm_page_shift)
#define mach_vm_atop(x) ((mach_vm_offset_t)(x) >> vm_page_shift)

#define page_aligned(x) ((((vm_object_offset_t)(x)) & vm_page_mask) == 0)
#define mach_vm_page_aligned(x) ((((mach_vm_offset_t)(x)) & vm_page_mask) == 0)

#endif
