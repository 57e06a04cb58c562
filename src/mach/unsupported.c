/* SPDX-License-Identifier: MIT */
/*
 * unsupported.c - routines that make no sense outside Apple's kernel. They exist
 * so that source compiles and links, look at their task, and refuse. A routine
 * never pretends.
 */
#include <mach/mach_vm.h>
#include <mach/vm_map.h>

#include "error.h"
#include "task.h"

static kern_return_t refuse(mach_port_name_t task, enum machvm_right right, kern_return_t code,
			    const char *routine, const char *why)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__task_hold(task, right, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	machvm__task_release(&hold);
	return machvm__error(code, routine, "%s %s", routine, why);
}

static kern_return_t not_supported(mach_port_name_t task, const char *routine, const char *why)
{
	return refuse(task, MACHVM_RIGHT_CONTROL, KERN_NOT_SUPPORTED, routine, why);
}

#define NO_RANGES      "reserves ranges for an allocator of Apple's, which Linux does not have"
#define NO_RECLAMATION "shares a ring with Apple's kernel; MADV_FREE is what Linux has for it"
#define OBSOLETE       "is obsolete and fails on macOS as well; use mach_vm_region"

kern_return_t mach_vm_range_create(vm_map_t target_task, mach_vm_range_flavor_t flavor,
				   mach_vm_range_recipes_raw_t recipes,
				   mach_msg_type_number_t recipes_count)
{
	return not_supported(target_task, "mach_vm_range_create", NO_RANGES);
}

kern_return_t mach_vm_deferred_reclamation_buffer_allocate(task_t target_task,
							   mach_vm_address_t *address,
							   uint64_t *sampling_period,
							   uint32_t initial_capacity,
							   uint32_t maximum_capacity)
{
	return not_supported(target_task, "mach_vm_deferred_reclamation_buffer_allocate",
			     NO_RECLAMATION);
}

kern_return_t mach_vm_deferred_reclamation_buffer_flush(task_t target_task, uint32_t num_entries)
{
	return not_supported(target_task, "mach_vm_deferred_reclamation_buffer_flush",
			     NO_RECLAMATION);
}

kern_return_t
mach_vm_deferred_reclamation_buffer_update_reclaimable_bytes(task_t target_task,
							     mach_vm_size_t reclaimable_bytes)
{
	return not_supported(target_task,
			     "mach_vm_deferred_reclamation_buffer_update_reclaimable_bytes",
			     NO_RECLAMATION);
}

kern_return_t task_wire(vm_map_t target_task, boolean_t must_wire)
{
	return not_supported(target_task, "task_wire",
			     "is not supported on macOS either; use vm_wire");
}

kern_return_t vm_map_exec_lockdown(vm_map_t target_task)
{
	return not_supported(target_task, "vm_map_exec_lockdown",
			     "sets a flag of Apple's maps; a program can ask Linux for "
			     "prctl(PR_SET_MDWE)");
}

static kern_return_t obsolete(mach_port_name_t task, const char *routine)
{
	return refuse(task, MACHVM_RIGHT_READ, KERN_FAILURE, routine, OBSOLETE);
}

kern_return_t mach_vm_region_info(vm_map_read_t task, vm_address_t address,
				  vm_info_region_t *region, vm_info_object_array_t *objects,
				  mach_msg_type_number_t *objects_count)
{
	return obsolete(task, "mach_vm_region_info");
}

kern_return_t mach_vm_region_info_64(vm_map_read_t task, vm_address_t address,
				     vm_info_region_64_t *region, vm_info_object_array_t *objects,
				     mach_msg_type_number_t *objects_count)
{
	return obsolete(task, "mach_vm_region_info_64");
}

kern_return_t vm_mapped_pages_info(vm_map_read_t task, page_address_array_t *pages,
				   mach_msg_type_number_t *pages_count)
{
	return obsolete(task, "vm_mapped_pages_info");
}
