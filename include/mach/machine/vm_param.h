/* SPDX-License-Identifier: MIT */
/*
 * Bounds of pages and address spaces, per machine.
 *
 * The bounds are those of user space on Linux, where they differ from macOS:
 * a 47-bit space on x86-64, 48 bits on arm64 (52 on request of a program).
 * task_info(TASK_VM_INFO) reports the bounds of one task.
 */
#ifndef MACH_MACHINE_VM_PARAM_H
#define MACH_MACHINE_VM_PARAM_H

#include <mach/machine/vm_types.h>

#define BYTE_SIZE 8

#if defined(__x86_64__) || defined(__i386__)
#define PAGE_MIN_SHIFT 12
#define PAGE_MAX_SHIFT 12
#else
#define PAGE_MIN_SHIFT 12
#define PAGE_MAX_SHIFT 16
#endif
#define PAGE_MIN_SIZE (1 << PAGE_MIN_SHIFT)
#define PAGE_MAX_SIZE (1 << PAGE_MAX_SHIFT)
#define PAGE_MIN_MASK (PAGE_MIN_SIZE - 1)
#define PAGE_MAX_MASK (PAGE_MAX_SIZE - 1)

/* Address 0 is never allocatable. */
#define MACH_VM_MIN_ADDRESS ((mach_vm_offset_t)0)
#define VM_MIN_ADDRESS ((vm_offset_t)0)
#define VM_MIN_ADDRESS64 ((mach_vm_offset_t)0)

/* The first address beyond user space. */
#if defined(__x86_64__) || defined(__i386__)
#define MACH_VM_MAX_ADDRESS ((mach_vm_offset_t)0x00007FFFFFFFF000ULL)
#else
#define MACH_VM_MAX_ADDRESS ((mach_vm_offset_t)0x0001000000000000ULL)
#endif
#define MACH_VM_MAX_PAGE_ADDRESS MACH_VM_MAX_ADDRESS
#define VM_MAX_PAGE_ADDRESS MACH_VM_MAX_ADDRESS
#if UINTPTR_MAX > 0xFFFFFFFFu
#define VM_MAX_ADDRESS ((vm_offset_t)MACH_VM_MAX_ADDRESS)
#else
#define VM_MAX_ADDRESS ((vm_offset_t)0xFFFFE000u)
#endif

#endif
