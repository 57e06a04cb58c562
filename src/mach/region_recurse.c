/* SPDX-License-Identifier: MIT */
/*
 * region_recurse.c - mach_vm_region_recurse, vm_region_recurse and
 * vm_region_recurse_64. Linux has no maps within maps: the depth that is asked
 * for means nothing, and the one that is reached is always 0.
 */
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <string.h>

#include "error.h"
#include "facts.h"

static void short_64(const struct machvm__facts *facts, void *info, size_t size)
{
	const struct vm_region_submap_short_info_64 answer = {
		.protection = facts->protection,
		.max_protection = facts->maximum,
		.inheritance = facts->inheritance,
		.offset = facts->offset,
		.user_tag = facts->tag,
		.ref_count = facts->references,
		.external_pager = facts->file,
		.share_mode = facts->mode,
		.behavior = facts->behavior,
		.object_id = (vm32_object_id_t)facts->object,
		.user_wired_count = facts->wired,
	};

	memcpy(info, &answer, size);
}

/* Each later version adds a field at the end: an answer is as long as its version. */
static void whole_64(const struct machvm__facts *facts, void *info, size_t size)
{
	const struct vm_region_submap_info_64 answer = {
		.protection = facts->protection,
		.max_protection = facts->maximum,
		.inheritance = facts->inheritance,
		.offset = facts->offset,
		.user_tag = facts->tag,
		.pages_resident = facts->resident,
		.pages_shared_now_private = facts->copied,
		.pages_swapped_out = facts->swapped,
		.pages_dirtied = facts->dirty,
		.ref_count = facts->references,
		.external_pager = facts->file,
		.share_mode = facts->mode,
		.behavior = facts->behavior,
		.object_id = (vm32_object_id_t)facts->object,
		.user_wired_count = facts->wired,
		.object_id_full = facts->object,
	};

	memcpy(info, &answer, size);
}

static void whole_32(const struct machvm__facts *facts, void *info, size_t size)
{
	const struct vm_region_submap_info answer = {
		.protection = facts->protection,
		.max_protection = facts->maximum,
		.inheritance = facts->inheritance,
		.offset = (uint32_t)facts->offset,
		.user_tag = facts->tag,
		.pages_resident = facts->resident,
		.pages_shared_now_private = facts->copied,
		.pages_swapped_out = facts->swapped,
		.pages_dirtied = facts->dirty,
		.ref_count = facts->references,
		.external_pager = facts->file,
		.share_mode = facts->mode,
		.behavior = facts->behavior,
		.object_id = (vm32_object_id_t)facts->object,
		.user_wired_count = facts->wired,
	};

	memcpy(info, &answer, size);
}

struct version {
	mach_msg_type_number_t count; /* of words; from this count on */
	void (*fill)(const struct machvm__facts *facts, void *info, size_t size);
};

/* Largest first. */
static const struct version versions[] = {
	{VM_REGION_SUBMAP_INFO_V2_COUNT_64, whole_64},
	{VM_REGION_SUBMAP_INFO_V1_COUNT_64, whole_64},
	{VM_REGION_SUBMAP_INFO_V0_COUNT_64, whole_64},
	{VM_REGION_SUBMAP_SHORT_INFO_COUNT_64, short_64},
	{0, NULL},
};

/* Of a 32-bit program's vm_region_recurse() alone. */
static const struct version natural_version[] = {
	{VM_REGION_SUBMAP_INFO_COUNT, whole_32},
	{0, NULL},
};

static kern_return_t find(vm_map_read_t task, uint64_t raddr, mach_msg_type_number_t count,
                          const struct version **chosen, struct machvm__facts *facts)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__facts_hold(task, &hold);
	mach_msg_type_number_t least = 0;

	if (kr != KERN_SUCCESS)
		return kr;
	for (; count < (*chosen)->count; (*chosen)++)
		least = (*chosen)->count;
	if (!(*chosen)->fill)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                   "the information takes at least %u words; there is room for %u",
		                   least, count);
	else
		kr = machvm__facts_find(hold.target, raddr, true, facts);
	machvm__task_release(&hold);
	return kr;
}

/* All that every form of the routine returns beside the place. */
static void answer(const struct version *chosen, const struct machvm__facts *facts,
                   natural_t *nesting_depth, vm_region_recurse_info_t info,
                   mach_msg_type_number_t *info_count)
{
	*nesting_depth = 0;
	chosen->fill(facts, info, chosen->count * sizeof(natural_t));
	*info_count = chosen->count;
}

kern_return_t mach_vm_region_recurse(vm_map_read_t target_task, mach_vm_address_t *address,
                                     mach_vm_size_t *size, natural_t *nesting_depth,
                                     vm_region_recurse_info_t info,
                                     mach_msg_type_number_t *info_count)
{
	const struct version *chosen = versions;
	struct machvm__facts facts;
	kern_return_t kr = find(target_task, *address, *info_count, &chosen, &facts);

	if (kr != KERN_SUCCESS)
		return kr;
	*address = facts.address;
	*size = facts.size;
	answer(chosen, &facts, nesting_depth, info, info_count);
	return KERN_SUCCESS;
}

static kern_return_t recurse(vm_map_read_t task, vm_address_t *address, vm_size_t *size,
                             natural_t *nesting_depth, vm_region_recurse_info_t info,
                             mach_msg_type_number_t *info_count, const struct version *chosen)
{
	struct machvm__facts facts;
	kern_return_t kr = find(task, *address, *info_count, &chosen, &facts);

	if (kr == KERN_SUCCESS)
		kr = machvm__facts_fit(&facts);
	if (kr != KERN_SUCCESS)
		return kr;
	*address = (vm_address_t)facts.address;
	*size = (vm_size_t)facts.size;
	answer(chosen, &facts, nesting_depth, info, info_count);
	return KERN_SUCCESS;
}

kern_return_t vm_region_recurse(vm_map_read_t target_task, vm_address_t *address, vm_size_t *size,
                                natural_t *nesting_depth, vm_region_recurse_info_t info,
                                mach_msg_type_number_t *info_count)
{
	return recurse(target_task, address, size, nesting_depth, info, info_count,
	               sizeof(vm_address_t) < sizeof(mach_vm_address_t) ? natural_version : versions);
}

kern_return_t vm_region_recurse_64(vm_map_read_t target_task, vm_address_t *address,
                                   vm_size_t *size, natural_t *nesting_depth,
                                   vm_region_recurse_info_64_t info,
                                   mach_msg_type_number_t *info_count)
{
	return recurse(target_task, address, size, nesting_depth, info, info_count, versions);
}
