/* SPDX-License-Identifier: MIT */
/* One shape for every way to ask for a region. */
#include "regions.h"

#include <string.h>

#define CANARY 0x5ca1ab1e
#define ROOM   64

static void read_basic_64(const int *info, struct region *region)
{
	const struct vm_region_basic_info_64 *basic = (const void *)info;

	region->protection = basic->protection;
	region->maximum = basic->max_protection;
	region->inheritance = basic->inheritance;
	region->shared = basic->shared;
	region->offset = basic->offset;
	region->behavior = basic->behavior;
	region->wired = basic->user_wired_count;
	assert_false(basic->reserved);
}

static void read_extended(const int *info, struct region *region)
{
	const struct vm_region_extended_info__legacy *extended = (const void *)info;

	region->protection = extended->protection;
	region->tag = extended->user_tag;
	region->resident = extended->pages_resident;
	region->copied = extended->pages_shared_now_private;
	region->swapped = extended->pages_swapped_out;
	region->dirty = extended->pages_dirtied;
	region->references = extended->ref_count;
	region->external = extended->external_pager;
	region->mode = extended->share_mode;
	assert_int_equal(extended->shadow_depth, 0);
}

static void read_top(const int *info, struct region *region)
{
	const struct vm_region_top_info *top = (const void *)info;

	region->object = top->obj_id;
	region->references = top->ref_count;
	region->resident_private = top->private_pages_resident;
	region->resident_shared = top->shared_pages_resident;
	region->mode = top->share_mode;
}

static void read_short(const int *info, struct region *region)
{
	const struct vm_region_submap_short_info_64 *submap = (const void *)info;

	region->protection = submap->protection;
	region->maximum = submap->max_protection;
	region->inheritance = submap->inheritance;
	region->offset = submap->offset;
	region->tag = submap->user_tag;
	region->references = submap->ref_count;
	region->external = submap->external_pager;
	region->mode = submap->share_mode;
	region->behavior = submap->behavior;
	region->object = submap->object_id;
	region->wired = submap->user_wired_count;
	assert_false(submap->is_submap);
}

static void read_whole(const int *info, struct region *region)
{
	const struct vm_region_submap_info_64 *submap = (const void *)info;

	region->protection = submap->protection;
	region->maximum = submap->max_protection;
	region->inheritance = submap->inheritance;
	region->offset = submap->offset;
	region->tag = submap->user_tag;
	region->resident = submap->pages_resident;
	region->copied = submap->pages_shared_now_private;
	region->swapped = submap->pages_swapped_out;
	region->dirty = submap->pages_dirtied;
	region->references = submap->ref_count;
	region->external = submap->external_pager;
	region->mode = submap->share_mode;
	region->behavior = submap->behavior;
	region->object = submap->object_id;
	region->wired = submap->user_wired_count;
	assert_false(submap->is_submap);
}

static void read_latest(const int *info, struct region *region)
{
	const struct vm_region_submap_info_64 *submap = (const void *)info;

	read_whole(info, region);
	assert_int_equal(submap->pages_reusable, 0);
	assert_int_equal((uint32_t)submap->object_id_full, submap->object_id);
}

/* object_name both asked for and not. */
static mach_port_t *object_place(mach_port_t *object)
{
	static unsigned turn;

	*object = 0xdead;
	return turn++ % 2 ? object : NULL;
}

#define FLAVOR_CALLS(name, flavor)                                                               \
	static kern_return_t mach_##name(mach_port_t task, uint64_t *address, uint64_t *size,    \
					 int *info, mach_msg_type_number_t *count)               \
	{                                                                                        \
		mach_port_t object, *place = object_place(&object);                              \
		kern_return_t kr =                                                               \
			mach_vm_region(task, address, size, flavor, info, count, place);         \
                                                                                                 \
		assert_true(object == (kr == KERN_SUCCESS && place ? MACH_PORT_NULL : 0xdead));  \
		return kr;                                                                       \
	}                                                                                        \
	static kern_return_t natural_##name(mach_port_t task, uint64_t *address, uint64_t *size, \
					    int *info, mach_msg_type_number_t *count)            \
	{                                                                                        \
		mach_port_t object, *place = object_place(&object);                              \
		vm_address_t at = (vm_address_t)*address;                                        \
		vm_size_t length = (vm_size_t)*size;                                             \
		kern_return_t kr = vm_region_64(task, &at, &length, flavor, info, count, place); \
                                                                                                 \
		assert_true(object == (kr == KERN_SUCCESS && place ? MACH_PORT_NULL : 0xdead));  \
		*address = at;                                                                   \
		*size = length;                                                                  \
		return kr;                                                                       \
	}                                                                                        \
	static kern_return_t old_##name(mach_port_t task, uint64_t *address, uint64_t *size,     \
					int *info, mach_msg_type_number_t *count)                \
	{                                                                                        \
		mach_port_t object, *place = object_place(&object);                              \
		vm_address_t at = (vm_address_t)*address;                                        \
		vm_size_t length = (vm_size_t)*size;                                             \
		kern_return_t kr = vm_region(task, &at, &length, flavor, info, count, place);    \
                                                                                                 \
		assert_true(object == (kr == KERN_SUCCESS && place ? MACH_PORT_NULL : 0xdead));  \
		*address = at;                                                                   \
		*size = length;                                                                  \
		return kr;                                                                       \
	}

FLAVOR_CALLS(basic_64, VM_REGION_BASIC_INFO_64)
FLAVOR_CALLS(basic, VM_REGION_BASIC_INFO)
FLAVOR_CALLS(extended, VM_REGION_EXTENDED_INFO)
FLAVOR_CALLS(legacy, VM_REGION_EXTENDED_INFO__legacy)
FLAVOR_CALLS(top, VM_REGION_TOP_INFO)

static kern_return_t mach_recurse(mach_port_t task, uint64_t *address, uint64_t *size, int *info,
				  mach_msg_type_number_t *count)
{
	natural_t depth = 0x77777777;
	kern_return_t kr = mach_vm_region_recurse(task, address, size, &depth, info, count);

	assert_true(depth == (kr == KERN_SUCCESS ? 0 : 0x77777777));
	return kr;
}

static kern_return_t natural_recurse(mach_port_t task, uint64_t *address, uint64_t *size, int *info,
				     mach_msg_type_number_t *count)
{
	vm_address_t at = (vm_address_t)*address;
	vm_size_t length = (vm_size_t)*size;
	natural_t depth = 0;
	kern_return_t kr = vm_region_recurse_64(task, &at, &length, &depth, info, count);

	*address = at;
	*size = length;
	return kr;
}

static kern_return_t old_recurse(mach_port_t task, uint64_t *address, uint64_t *size, int *info,
				 mach_msg_type_number_t *count)
{
	vm_address_t at = (vm_address_t)*address;
	vm_size_t length = (vm_size_t)*size;
	natural_t depth = 3;
	kern_return_t kr = vm_region_recurse(task, &at, &length, &depth, info, count);

	assert_true(depth == (kr == KERN_SUCCESS ? 0 : 3));
	*address = at;
	*size = length;
	return kr;
}

#define BASIC    (HAS_PROTECTION | HAS_RULES | HAS_SHARED)
#define EXTENDED (HAS_PROTECTION | HAS_USE | HAS_SOURCE | HAS_COUNTS)
#define TOP      (HAS_USE | HAS_SPLIT | HAS_OBJECT)
#define SHORT    (HAS_PROTECTION | HAS_RULES | HAS_LIVE_RULES | HAS_USE | HAS_SOURCE | HAS_OBJECT)
#define WHOLE    (SHORT | HAS_COUNTS)

const struct region_call region_calls[] = {
	{"mach_vm_region BASIC_INFO_64", BASIC, 9, ROOM, mach_basic_64, read_basic_64},
	{"vm_region_64 BASIC_INFO_64", BASIC, 9, ROOM, natural_basic_64, read_basic_64},
	{"vm_region BASIC_INFO_64", BASIC, 9, ROOM, old_basic_64, read_basic_64},
	{"mach_vm_region BASIC_INFO", BASIC, 9, ROOM, mach_basic, read_basic_64},
	{"vm_region_64 BASIC_INFO", BASIC, 9, ROOM, natural_basic, read_basic_64},
	{"vm_region BASIC_INFO", BASIC, 9, ROOM, old_basic, read_basic_64},
	{"mach_vm_region EXTENDED_INFO", EXTENDED, 9, ROOM, mach_extended, read_extended},
	{"vm_region_64 EXTENDED_INFO", EXTENDED, 9, ROOM, natural_extended, read_extended},
	{"vm_region EXTENDED_INFO", EXTENDED, 9, ROOM, old_extended, read_extended},
	{"mach_vm_region EXTENDED_INFO__legacy", EXTENDED, 8, ROOM, mach_legacy, read_extended},
	{"vm_region_64 EXTENDED_INFO__legacy", EXTENDED, 8, ROOM, natural_legacy, read_extended},
	{"vm_region EXTENDED_INFO__legacy", EXTENDED, 8, ROOM, old_legacy, read_extended},
	{"mach_vm_region TOP_INFO", TOP, 5, ROOM, mach_top, read_top},
	{"vm_region_64 TOP_INFO", TOP, 5, ROOM, natural_top, read_top},
	{"vm_region TOP_INFO", TOP, 5, ROOM, old_top, read_top},
	{"mach_vm_region_recurse short", SHORT, 12, 15, mach_recurse, read_short},
	{"mach_vm_region_recurse V0", WHOLE, 16, 16, mach_recurse, read_whole},
	{"mach_vm_region_recurse V1", WHOLE, 17, 18, mach_recurse, read_whole},
	{"mach_vm_region_recurse V2", WHOLE, 19, ROOM, mach_recurse, read_latest},
	{"vm_region_recurse_64 short", SHORT, 12, 15, natural_recurse, read_short},
	{"vm_region_recurse_64 V0", WHOLE, 16, 16, natural_recurse, read_whole},
	{"vm_region_recurse_64 V1", WHOLE, 17, 18, natural_recurse, read_whole},
	{"vm_region_recurse_64 V2", WHOLE, 19, ROOM, natural_recurse, read_latest},
	{"vm_region_recurse V2", WHOLE, 19, ROOM, old_recurse, read_latest},
};
const unsigned region_call_count = ARRAY_SIZE(region_calls);

kern_return_t region_ask(const struct region_call *call, mach_port_t task, uint64_t address,
			 struct region *region)
{
	mach_msg_type_number_t count = call->count;
	uint64_t at = address, size = 0x1234;
	int info[ROOM];
	kern_return_t kr;

	for (unsigned i = 0; i < ROOM; i++)
		info[i] = CANARY;
	kr = call->ask(task, &at, &size, info, &count);
	expect_number(count, call->count);
	for (unsigned i = kr == KERN_SUCCESS ? call->count : 0; i < ROOM; i++)
		expect_number((uint32_t)info[i], CANARY);
	if (kr != KERN_SUCCESS) {
		expect_number(at, address);
		expect_number(size, 0x1234);
		return kr;
	}
	memset(region, 0, sizeof(*region));
	call->read(info, region);
	region->address = at;
	region->size = size;
	region->has = call->has;
	return kr;
}
