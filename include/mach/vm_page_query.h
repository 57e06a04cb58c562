/* SPDX-License-Identifier: MIT */
/*
 * Dispositions of a page, as mach_vm_page_query(), mach_vm_page_info() and
 * mach_vm_page_range_query() report them.
 *
 * The source is /proc/PID/pagemap: bit 63 for PRESENT, bit 62 for PAGED_OUT,
 * bit 61 for EXTERNAL, bit 55 (soft-dirty) for DIRTY.  A kernel without
 * soft-dirty tracking reports every present anonymous page as dirty.  A bit
 * without a remark is never set.
 */
#ifndef MACH_VM_PAGE_QUERY_H
#define MACH_VM_PAGE_QUERY_H

#define VM_PAGE_QUERY_PAGE_PRESENT 0x1 /* resident */
#define VM_PAGE_QUERY_PAGE_FICTITIOUS 0x2
#define VM_PAGE_QUERY_PAGE_REF 0x4        /* referenced; set with PRESENT */
#define VM_PAGE_QUERY_PAGE_DIRTY 0x8      /* written since the soft-dirty bits were cleared */
#define VM_PAGE_QUERY_PAGE_PAGED_OUT 0x10 /* in swap */
#define VM_PAGE_QUERY_PAGE_COPIED 0x20    /* an anonymous page in a mapping of a file */
#define VM_PAGE_QUERY_PAGE_SPECULATIVE 0x40
#define VM_PAGE_QUERY_PAGE_EXTERNAL 0x80 /* a page of a file or of shared memory */
#define VM_PAGE_QUERY_PAGE_CS_VALIDATED 0x100
#define VM_PAGE_QUERY_PAGE_CS_TAINTED 0x200
#define VM_PAGE_QUERY_PAGE_CS_NX 0x400
#define VM_PAGE_QUERY_PAGE_REUSABLE 0x800

#endif
