/* SPDX-License-Identifier: MIT */
/*
 * page_size_probed.c - the page size where the kernel was built for one of
 * several. The variables are part of the interface and have no accessor, so
 * they must be right before main(): the one constructor of the library, which
 * asks the auxiliary vector and nobody else.
 */
#include <sys/auxv.h>

#include <mach/vm_page_size.h>

vm_size_t vm_page_size;
vm_size_t vm_page_mask;
int vm_page_shift;

vm_size_t vm_kernel_page_size;
vm_size_t vm_kernel_page_mask;
int vm_kernel_page_shift;

__attribute__((constructor(101))) static void probe(void)
{
	vm_page_size = vm_kernel_page_size = (vm_size_t)getauxval(AT_PAGESZ);
	vm_page_mask = vm_kernel_page_mask = vm_page_size - 1;
	vm_page_shift = vm_kernel_page_shift = __builtin_ctzl(vm_page_size);
}
