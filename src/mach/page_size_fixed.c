/* SPDX-License-Identifier: MIT */
/*
 * page_size_fixed.c - the page size where the machine has only one. A program
 * may read the variables before any code of the library has run.
 */
#include <mach/machine/vm_param.h>
#include <mach/vm_page_size.h>

_Static_assert(PAGE_MIN_SHIFT == PAGE_MAX_SHIFT, "this machine has several page sizes");

vm_size_t vm_page_size = PAGE_MIN_SIZE;
vm_size_t vm_page_mask = PAGE_MIN_MASK;
int vm_page_shift = PAGE_MIN_SHIFT;

vm_size_t vm_kernel_page_size = PAGE_MIN_SIZE;
vm_size_t vm_kernel_page_mask = PAGE_MIN_MASK;
int vm_kernel_page_shift = PAGE_MIN_SHIFT;
