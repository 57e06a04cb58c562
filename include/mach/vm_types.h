/* SPDX-License-Identifier: MIT */
/*
 * Types of the virtual-memory routines.
 *
 * A map is named by the port of its task: vm_map_t, task_t and mach_port_t
 * are one type.  vm_map_read_t marks arguments for which a read right is
 * enough.
 */
#ifndef MACH_VM_TYPES_H
#define MACH_VM_TYPES_H

#include <mach/machine/vm_types.h>
#include <mach/port.h>
#include <stdint.h>

typedef vm_offset_t pointer_t; /* out-of-line data, as an integer */
typedef vm_offset_t vm_address_t;

typedef uint64_t addr64_t;
typedef uint32_t reg64_t;
typedef uint32_t ppnum_t;
#define PPNUM_MAX UINT32_MAX

typedef mach_port_t vm_map_t;
typedef mach_port_t vm_map_read_t;
typedef mach_port_t vm_map_inspect_t;
typedef mach_port_t upl_t;
typedef mach_port_t vm_named_entry_t;

#define VM_MAP_NULL ((vm_map_t)0)
#define VM_MAP_READ_NULL ((vm_map_read_t)0)
#define VM_MAP_INSPECT_NULL ((vm_map_inspect_t)0)
#define UPL_NULL ((upl_t)0)
#define VM_NAMED_ENTRY_NULL ((vm_named_entry_t)0)

typedef uint64_t vm_object_offset_t;
typedef uint64_t vm_object_size_t;

/* A half-open range of addresses: min_address <= max_address. */
typedef struct mach_vm_range {
	mach_vm_offset_t min_address;
	mach_vm_offset_t max_address;
} *mach_vm_range_t;

/* Arguments of mach_vm_range_create(), which returns KERN_NOT_SUPPORTED. */
typedef uint32_t mach_vm_range_flavor_t;
enum {
	MACH_VM_RANGE_FLAVOR_INVALID,
	MACH_VM_RANGE_FLAVOR_V1
};
#define MACH_VM_RANGE_FLAVOR_DEFAULT MACH_VM_RANGE_FLAVOR_V1

typedef uint64_t mach_vm_range_flags_t;
enum {
	MACH_VM_RANGE_NONE = 0
};

typedef uint16_t mach_vm_range_tag_t;
enum {
	MACH_VM_RANGE_DEFAULT,
	MACH_VM_RANGE_DATA,
	MACH_VM_RANGE_FIXED
};

/* 24 bytes: a word of flags (48 bits), range tag (8) and region tag (8), then
 * the range.  The three fields are bit-fields in the SDK. */
#pragma pack(push, 1)
typedef struct {
#ifdef __cplusplus
	mach_vm_range_flags_t flags : 48;
	uint64_t range_tag : 8;
	uint64_t vm_tag : 8;
#else
	__extension__ mach_vm_range_flags_t flags : 48;
	__extension__ uint64_t range_tag : 8;
	__extension__ uint64_t vm_tag : 8;
#endif
	struct mach_vm_range range;
} mach_vm_range_recipe_v1_t;
#pragma pack(pop)

typedef mach_vm_range_recipe_v1_t mach_vm_range_recipe_t;
typedef uint8_t *mach_vm_range_recipes_raw_t;

#endif
