/* SPDX-License-Identifier: MIT */
/*
 * region.c - mach_vm_region, vm_region and vm_region_64.
 *
 * Order of checks, as in XNU: the port, the flavor and its count, the address.
 * An answer never takes more words than its flavor has, whatever the caller has
 * room for, and a failure writes nothing.
 */
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <string.h>

#include "error.h"
#include "facts.h"

static void basic_64(const struct machvm__facts *facts, void *info)
{
	const struct vm_region_basic_info_64 answer = {
		.protection = facts->protection,
		.max_protection = facts->maximum,
		.inheritance = facts->inheritance,
		.shared = facts->shared,
		.offset = facts->offset,
		.behavior = facts->behavior,
		.user_wired_count = facts->wired,
	};

	memcpy(info, &answer, sizeof answer);
}

static void basic_32(const struct machvm__facts *facts, void *info)
{
	const struct vm_region_basic_info answer = {
		.protection = facts->protection,
		.max_protection = facts->maximum,
		.inheritance = facts->inheritance,
		.shared = facts->shared,
		.offset = (uint32_t)facts->offset,
		.behavior = facts->behavior,
		.user_wired_count = facts->wired,
	};

	memcpy(info, &answer, sizeof answer);
}

static void extended(const struct machvm__facts *facts, void *info)
{
	const struct vm_region_extended_info answer = {
		.protection = facts->protection,
		.user_tag = facts->tag,
		.pages_resident = facts->resident,
		.pages_shared_now_private = facts->copied,
		.pages_swapped_out = facts->swapped,
		.pages_dirtied = facts->dirty,
		.ref_count = facts->references,
		.external_pager = facts->file,
		.share_mode = facts->mode,
	};

	memcpy(info, &answer, sizeof answer);
}

static void extended_legacy(const struct machvm__facts *facts, void *info)
{
	struct vm_region_extended_info whole;

	extended(facts, &whole);
	memcpy(info, &whole, sizeof(struct vm_region_extended_info__legacy));
}

static void top(const struct machvm__facts *facts, void *info)
{
	const struct vm_region_top_info answer = {
		.obj_id = (unsigned)facts->object,
		.ref_count = facts->references,
		.private_pages_resident = facts->resident_private,
		.shared_pages_resident = facts->resident_shared,
		.share_mode = facts->mode,
	};

	memcpy(info, &answer, sizeof answer);
}

struct flavor {
	vm_region_flavor_t flavor;
	mach_msg_type_number_t count;
	bool counted; /* needs page counts */
	void (*fill)(const struct machvm__facts *facts, void *info);
};

static const struct flavor flavors[] = {
	{VM_REGION_BASIC_INFO_64, VM_REGION_BASIC_INFO_COUNT_64, false, basic_64},
	{VM_REGION_BASIC_INFO, VM_REGION_BASIC_INFO_COUNT_64, false, basic_64},
	{VM_REGION_EXTENDED_INFO, VM_REGION_EXTENDED_INFO_COUNT, true, extended},
	{VM_REGION_EXTENDED_INFO__legacy, VM_REGION_EXTENDED_INFO_COUNT__legacy, true,
         extended_legacy},
	{VM_REGION_TOP_INFO, VM_REGION_TOP_INFO_COUNT, true, top},
};

/* Of a 32-bit program's vm_region() alone. */
static const struct flavor short_basic = {VM_REGION_BASIC_INFO, VM_REGION_BASIC_INFO_COUNT, false,
                                          basic_32};

static kern_return_t choose(vm_region_flavor_t flavor, mach_msg_type_number_t count, bool natural,
                            const struct flavor **chosen)
{
	*chosen = NULL;
	for (size_t i = 0; i < sizeof flavors / sizeof *flavors; i++)
		if (flavors[i].flavor == flavor)
			*chosen = &flavors[i];
	if (natural && flavor == VM_REGION_BASIC_INFO)
		*chosen = &short_basic;
	if (!*chosen)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     "%d is no flavor of region information", flavor);
	if (count < (*chosen)->count)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     "flavor %d takes %u words; there is room for %u", flavor,
		                     (*chosen)->count, count);
	return KERN_SUCCESS;
}

static kern_return_t find(vm_map_read_t task, uint64_t raddr, vm_region_flavor_t flavor,
                          mach_msg_type_number_t count, bool natural, const struct flavor **chosen,
                          struct machvm__facts *facts)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__facts_hold(task, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = choose(flavor, count, natural, chosen);
	if (kr == KERN_SUCCESS)
		kr = machvm__facts_find(hold.target, raddr, (*chosen)->counted, facts);
	machvm__task_release(&hold);
	return kr;
}

/* All that every form of the routine returns beside the place. */
static void answer(const struct flavor *chosen, const struct machvm__facts *facts,
                   vm_region_info_t info, mach_msg_type_number_t *info_count,
                   mach_port_t *object_name)
{
	chosen->fill(facts, info);
	*info_count = chosen->count;
	if (object_name)
		*object_name = MACH_PORT_NULL;
}

kern_return_t mach_vm_region(vm_map_read_t target_task, mach_vm_address_t *address,
                             mach_vm_size_t *size, vm_region_flavor_t flavor, vm_region_info_t info,
                             mach_msg_type_number_t *info_count, mach_port_t *object_name)
{
	const struct flavor *chosen;
	struct machvm__facts facts;
	kern_return_t kr =
		find(target_task, *address, flavor, *info_count, false, &chosen, &facts);

	if (kr != KERN_SUCCESS)
		return kr;
	*address = facts.address;
	*size = facts.size;
	answer(chosen, &facts, info, info_count, object_name);
	return KERN_SUCCESS;
}

static kern_return_t region(vm_map_read_t task, vm_address_t *address, vm_size_t *size,
                            vm_region_flavor_t flavor, vm_region_info_t info,
                            mach_msg_type_number_t *info_count, mach_port_t *object_name,
                            bool natural)
{
	const struct flavor *chosen;
	struct machvm__facts facts;
	kern_return_t kr = find(task, *address, flavor, *info_count, natural, &chosen, &facts);

	if (kr == KERN_SUCCESS)
		kr = machvm__facts_fit(&facts);
	if (kr != KERN_SUCCESS)
		return kr;
	*address = (vm_address_t)facts.address;
	*size = (vm_size_t)facts.size;
	answer(chosen, &facts, info, info_count, object_name);
	return KERN_SUCCESS;
}

kern_return_t vm_region(vm_map_read_t target_task, vm_address_t *address, vm_size_t *size,
                        vm_region_flavor_t flavor, vm_region_info_t info,
                        mach_msg_type_number_t *info_count, mach_port_t *object_name)
{
	return region(target_task, address, size, flavor, info, info_count, object_name,
	              sizeof(vm_address_t) < sizeof(mach_vm_address_t));
}

kern_return_t vm_region_64(vm_map_read_t target_task, vm_address_t *address, vm_size_t *size,
                           vm_region_flavor_t flavor, vm_region_info_t info,
                           mach_msg_type_number_t *info_count, mach_port_t *object_name)
{
	return region(target_task, address, size, flavor, info, info_count, object_name, false);
}
