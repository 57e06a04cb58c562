/* SPDX-License-Identifier: MIT */
/*
 * Flags of vm_msync().
 */
#ifndef MACH_VM_SYNC_H
#define MACH_VM_SYNC_H

typedef unsigned vm_sync_t;

#define VM_SYNC_ASYNCHRONOUS ((vm_sync_t)0x01) /* start the write-back, do not wait */
#define VM_SYNC_SYNCHRONOUS ((vm_sync_t)0x02)  /* return when the write-back is done */
#define VM_SYNC_INVALIDATE ((vm_sync_t)0x04)
#define VM_SYNC_KILLPAGES ((vm_sync_t)0x08)
#define VM_SYNC_DEACTIVATE ((vm_sync_t)0x10)
#define VM_SYNC_CONTIGUOUS ((vm_sync_t)0x20) /* a hole makes the answer KERN_INVALID_ADDRESS */
#define VM_SYNC_REUSABLEPAGES ((vm_sync_t)0x40)

#endif
