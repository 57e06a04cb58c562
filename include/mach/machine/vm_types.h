/* SPDX-License-Identifier: MIT */
/*
 * The integer types of the Mach interface.
 *
 * natural_t and integer_t are 32 bits wide on every machine.  The vm_ types
 * have the word length of the compiled program; the mach_vm_ types are 64
 * bits wide always, so that a program of either word length can name any
 * address of a target of either word length.
 */
#ifndef MACH_MACHINE_VM_TYPES_H
#define MACH_MACHINE_VM_TYPES_H

#include <stdint.h>

typedef uint32_t natural_t;
typedef int32_t integer_t;

/* Natural size: 4 bytes in a 32-bit program, 8 bytes in a 64-bit one. */
typedef uintptr_t vm_offset_t;
typedef uintptr_t vm_size_t;

/* Always 8 bytes. */
typedef uint64_t mach_vm_address_t;
typedef uint64_t mach_vm_offset_t;
typedef uint64_t mach_vm_size_t;

/* The spellings of addresses in a map of fixed width. */
typedef uint64_t vm_map_offset_t;
typedef uint64_t vm_map_address_t;
typedef uint64_t vm_map_size_t;

/* Addresses and sizes of a 32-bit task. */
typedef uint32_t vm32_offset_t;
typedef uint32_t vm32_address_t;
typedef uint32_t vm32_size_t;

typedef mach_vm_address_t mach_port_context_t;

#endif
