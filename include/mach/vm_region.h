/* SPDX-License-Identifier: MIT */
/*
 * What the region routines report: flavors, structures and counts.
 *
 * The structures are packed to 4 bytes, so that a 64-bit field may stand at
 * an odd multiple of 4: vm_region_basic_info_64 has 36 bytes and its offset
 * is at byte 20.  A count is a number of 32-bit words.
 */
#ifndef MACH_VM_REGION_H
#define MACH_VM_REGION_H

#include <mach/boolean.h>
#include <mach/machine/vm_param.h>
#include <mach/machine/vm_types.h>
#include <mach/machvm_export.h>
#include <mach/memory_object_types.h>
#include <mach/message.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/vm_types.h>

#pragma pack(push, 4)

typedef uint32_t vm32_object_id_t;

#define VM_REGION_INFO_MAX (1024)
typedef int *vm_region_info_t;
typedef int *vm_region_info_64_t;
typedef int *vm_region_recurse_info_t;
typedef int *vm_region_recurse_info_64_t;
typedef int vm_region_flavor_t;
typedef int vm_region_info_data_t[VM_REGION_INFO_MAX];

/* Flavor 9, count 9: protections, inheritance, offset.  What the target itself
 * asked of the kernel for a region (MADV_DONTFORK, MADV_RANDOM, MADV_SEQUENTIAL,
 * mlock) is not looked at: inheritance is SHARE or COPY, behavior DEFAULT,
 * user_wired_count 0.  The recursive routines look. */
#define VM_REGION_BASIC_INFO_64 9
struct vm_region_basic_info_64 {
	vm_prot_t protection;            /* current */
	vm_prot_t max_protection;        /* maximum */
	vm_inherit_t inheritance;        /* what a child gets */
	boolean_t shared;                /* mapped shared (MAP_SHARED) */
	boolean_t reserved;              /* a submap; always FALSE */
	memory_object_offset_t offset;   /* of the start of the region, in its object */
	vm_behavior_t behavior;          /* DEFAULT, RANDOM, SEQUENTIAL or RSEQNTL */
	unsigned short user_wired_count; /* 1 when locked (mlock), else 0 */
};
typedef struct vm_region_basic_info_64 *vm_region_basic_info_64_t;
typedef struct vm_region_basic_info_64 vm_region_basic_info_data_64_t;
#define VM_REGION_BASIC_INFO_COUNT_64 \
	((mach_msg_type_number_t)(sizeof(vm_region_basic_info_data_64_t) / sizeof(int)))

/* Flavor 10, count 8.  mach_vm_region() and vm_region_64() answer flavor 9
 * in its place, and then need count 9. */
#define VM_REGION_BASIC_INFO 10
struct vm_region_basic_info {
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
	boolean_t shared;
	boolean_t reserved;
	uint32_t offset; /* the low 32 bits */
	vm_behavior_t behavior;
	unsigned short user_wired_count;
};
typedef struct vm_region_basic_info *vm_region_basic_info_t;
typedef struct vm_region_basic_info vm_region_basic_info_data_t;
#define VM_REGION_BASIC_INFO_COUNT \
	((mach_msg_type_number_t)(sizeof(vm_region_basic_info_data_t) / sizeof(int)))

/* How the pages of a region are shared. */
#define SM_COW 1             /* a page is copied when it is written */
#define SM_PRIVATE 2         /* private, and touched */
#define SM_EMPTY 3           /* no page was ever there */
#define SM_SHARED 4          /* shared with another region */
#define SM_TRUESHARED 5      /* shared, by a named entry or a shared remap */
#define SM_PRIVATE_ALIASED 6 /* machvm reports PRIVATE instead */
#define SM_SHARED_ALIASED 7  /* machvm reports SHARED instead */
#define SM_LARGE_PAGE 8      /* huge pages */

/* Flavor 11, count 8: flavor 13 without its last field. */
#define VM_REGION_EXTENDED_INFO__legacy 11
struct vm_region_extended_info__legacy {
	vm_prot_t protection;
	unsigned int user_tag;
	unsigned int pages_resident;
	unsigned int pages_shared_now_private;
	unsigned int pages_swapped_out;
	unsigned int pages_dirtied;
	unsigned int ref_count;
	unsigned short shadow_depth;
	unsigned char external_pager;
	unsigned char share_mode;
};
#define VM_REGION_EXTENDED_INFO_COUNT__legacy \
	((mach_msg_type_number_t)(sizeof(struct vm_region_extended_info__legacy) / sizeof(natural_t)))

/* Flavor 13, count 9: pages.  All pages_ fields count pages of vm_page_size. */
#define VM_REGION_EXTENDED_INFO 13
struct vm_region_extended_info {
	vm_prot_t protection;
	unsigned int user_tag; /* the tag given at allocation, 0 when unknown */
	unsigned int pages_resident;
	unsigned int pages_shared_now_private; /* anonymous pages in a mapping of a file */
	unsigned int pages_swapped_out;
	unsigned int pages_dirtied;
	unsigned int ref_count;
	unsigned short shadow_depth;
	unsigned char external_pager; /* nonzero for a mapping of a file */
	unsigned char share_mode;     /* SM_ above */
	unsigned int pages_reusable;
};
typedef struct vm_region_extended_info *vm_region_extended_info_t;
typedef struct vm_region_extended_info vm_region_extended_info_data_t;
#define VM_REGION_EXTENDED_INFO_COUNT \
	((mach_msg_type_number_t)(sizeof(vm_region_extended_info_data_t) / sizeof(natural_t)))

/* Flavor 12, count 5: identity of the object and residency. */
#define VM_REGION_TOP_INFO 12
struct vm_region_top_info {
	unsigned int obj_id;
	unsigned int ref_count;
	unsigned int private_pages_resident;
	unsigned int shared_pages_resident;
	unsigned char share_mode;
};
typedef struct vm_region_top_info *vm_region_top_info_t;
typedef struct vm_region_top_info vm_region_top_info_data_t;
#define VM_REGION_TOP_INFO_COUNT \
	((mach_msg_type_number_t)(sizeof(vm_region_top_info_data_t) / sizeof(natural_t)))

/* vm_region_recurse(), the 32-bit form: count 15. */
struct vm_region_submap_info {
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
	uint32_t offset; /* the low 32 bits */
	unsigned int user_tag;
	unsigned int pages_resident;
	unsigned int pages_shared_now_private;
	unsigned int pages_swapped_out;
	unsigned int pages_dirtied;
	unsigned int ref_count;
	unsigned short shadow_depth;
	unsigned char external_pager;
	unsigned char share_mode;
	boolean_t is_submap; /* always FALSE */
	vm_behavior_t behavior;
	vm32_object_id_t object_id;
	unsigned short user_wired_count;
};
typedef struct vm_region_submap_info *vm_region_submap_info_t;
typedef struct vm_region_submap_info vm_region_submap_info_data_t;
#define VM_REGION_SUBMAP_INFO_COUNT \
	((mach_msg_type_number_t)(sizeof(vm_region_submap_info_data_t) / sizeof(natural_t)))

/* mach_vm_region_recurse() and vm_region_recurse_64(): count 19 (V2); 17 and
 * 18 (V1) end before object_id_full, 16 (V0) before pages_reusable. */
struct vm_region_submap_info_64 {
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
	memory_object_offset_t offset;
	unsigned int user_tag;
	unsigned int pages_resident;
	unsigned int pages_shared_now_private;
	unsigned int pages_swapped_out;
	unsigned int pages_dirtied;
	unsigned int ref_count;
	unsigned short shadow_depth;
	unsigned char external_pager;
	unsigned char share_mode;
	boolean_t is_submap; /* always FALSE */
	vm_behavior_t behavior;
	vm32_object_id_t object_id; /* the low 32 bits of object_id_full */
	unsigned short user_wired_count;
	unsigned int pages_reusable;
	vm_object_id_t object_id_full; /* device and inode of the object, mixed; 0 if private */
};
typedef struct vm_region_submap_info_64 *vm_region_submap_info_64_t;
typedef struct vm_region_submap_info_64 vm_region_submap_info_data_64_t;

#define VM_REGION_SUBMAP_INFO_V2_SIZE (sizeof(vm_region_submap_info_data_64_t))
#define VM_REGION_SUBMAP_INFO_V1_SIZE (VM_REGION_SUBMAP_INFO_V2_SIZE - sizeof(vm_object_id_t))
#define VM_REGION_SUBMAP_INFO_V0_SIZE (VM_REGION_SUBMAP_INFO_V1_SIZE - sizeof(unsigned int))
#define VM_REGION_SUBMAP_INFO_V2_COUNT_64 \
	((mach_msg_type_number_t)(VM_REGION_SUBMAP_INFO_V2_SIZE / sizeof(natural_t)))
#define VM_REGION_SUBMAP_INFO_V1_COUNT_64 \
	((mach_msg_type_number_t)(VM_REGION_SUBMAP_INFO_V1_SIZE / sizeof(natural_t)))
#define VM_REGION_SUBMAP_INFO_V0_COUNT_64 \
	((mach_msg_type_number_t)(VM_REGION_SUBMAP_INFO_V0_SIZE / sizeof(natural_t)))
#define VM_REGION_SUBMAP_INFO_COUNT_64 VM_REGION_SUBMAP_INFO_V2_COUNT_64

/* The same routines with count 12 to 15: no page counts. */
struct vm_region_submap_short_info_64 {
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
	memory_object_offset_t offset;
	unsigned int user_tag;
	unsigned int ref_count;
	unsigned short shadow_depth;
	unsigned char external_pager;
	unsigned char share_mode;
	boolean_t is_submap; /* always FALSE */
	vm_behavior_t behavior;
	vm32_object_id_t object_id;
	unsigned short user_wired_count;
};
typedef struct vm_region_submap_short_info_64 *vm_region_submap_short_info_64_t;
typedef struct vm_region_submap_short_info_64 vm_region_submap_short_info_data_64_t;
#define VM_REGION_SUBMAP_SHORT_INFO_COUNT_64 \
	((mach_msg_type_number_t)(sizeof(vm_region_submap_short_info_data_64_t) / sizeof(natural_t)))

/* One range of mach_vm_read_list() and vm_read_list(). */
struct mach_vm_read_entry {
	mach_vm_address_t address;
	mach_vm_size_t size;
};
struct vm_read_entry {
	vm_address_t address;
	vm_size_t size;
};

#define VM_MAP_ENTRY_MAX (256)
typedef struct mach_vm_read_entry mach_vm_read_entry_t[VM_MAP_ENTRY_MAX];
typedef struct vm_read_entry vm_read_entry_t[VM_MAP_ENTRY_MAX];

#pragma pack(pop)

/* mach_vm_page_info(). */
#define VM_PAGE_INFO_MAX (32)
typedef int *vm_page_info_t;
typedef int vm_page_info_data_t[VM_PAGE_INFO_MAX];
typedef int vm_page_info_flavor_t;

/* Flavor 1, count 8 (7 without the pad). */
#define VM_PAGE_INFO_BASIC 1
struct vm_page_info_basic {
	int disposition; /* VM_PAGE_QUERY_ bits */
	int ref_count;   /* mappings of the page that are known */
	vm_object_id_t object_id;
	memory_object_offset_t offset; /* of the page, in its object */
	int depth;
	int __pad;
};
typedef struct vm_page_info_basic *vm_page_info_basic_t;
typedef struct vm_page_info_basic vm_page_info_basic_data_t;
#define VM_PAGE_INFO_BASIC_COUNT \
	((mach_msg_type_number_t)(sizeof(vm_page_info_basic_data_t) / sizeof(int)))

MACHVM_STATIC_ASSERT(sizeof(struct vm_region_basic_info_64) == 36, "XNU layout");
MACHVM_STATIC_ASSERT(sizeof(struct vm_region_submap_info_64) == 76, "XNU layout");

#endif
