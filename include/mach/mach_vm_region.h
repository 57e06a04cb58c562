/* SPDX-License-Identifier: MIT */
/*
 * The second half of <mach/mach_vm.h>: looking at regions and pages, advice,
 * write-back, wiring.  Programs include <mach/mach_vm.h>; the rules at its
 * head hold here too.
 */
#ifndef MACH_MACH_VM_REGION_H
#define MACH_MACH_VM_REGION_H

#include <mach/mach_types.h>
#include <mach/machvm_export.h>

__BEGIN_DECLS

/*
 * Describes the region that contains *address, or else the next higher one.
 *
 * in/out *address and out *size become those of the whole region, so that
 * *address + *size is the place to go on from.  flavor chooses the structure
 * at info (<mach/vm_region.h>): BASIC_INFO_64, EXTENDED_INFO, TOP_INFO.
 * BASIC_INFO is answered as BASIC_INFO_64.  in/out *info_count is in words; a
 * larger count than the flavor's is legal.  *object_name is MACH_PORT_NULL,
 * which mach_port_deallocate() accepts; pass NULL to do without it.
 *
 * KERN_INVALID_ADDRESS   no region at or above the address: the end of a walk.
 * KERN_INVALID_ARGUMENT  an unknown flavor, or a count below the flavor's.
 *
 * Atomicity: one region is described as it is at one instant of the call; a
 * walk over a running target can miss or repeat what changes meanwhile.
 * Cost: BASIC_INFO is one quick look-up.  EXTENDED_INFO and TOP_INFO count pages,
 * for which the kernel's text (smaps) is read up to the region; a walk that goes on
 * where its thread's last answer ended reads each region once.  The same holds for
 * every flavor where the kernel has no PROCMAP_QUERY (before Linux 6.11).
 * XNU: regions are map entries, here Linux mappings; neither promises where
 * one ends.  XNU's comment and GNU Mach say KERN_NO_SPACE at the end.  XNU needs a
 * read right, here the inspect right is enough.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_region(vm_map_read_t target_task, mach_vm_address_t *address,
					   mach_vm_size_t *size, vm_region_flavor_t flavor,
					   vm_region_info_t info,
					   mach_msg_type_number_t *info_count,
					   mach_port_t *object_name);

/*
 * As mach_vm_region(), with vm_region_submap_info_64 as the answer.
 *
 * *info_count chooses the version: 12 to 15 the short structure, 16 V0, 17
 * and 18 V1, from 19 on V2.  in/out *nesting_depth is the level of submaps;
 * Linux has none, so any input is accepted and 0 comes back.  Every version
 * costs what EXTENDED_INFO does.
 *
 * KERN_INVALID_ADDRESS   no region at or above the address.
 * KERN_INVALID_ARGUMENT  *info_count is below 12.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_region_recurse(vm_map_read_t target_task,
						   mach_vm_address_t *address, mach_vm_size_t *size,
						   natural_t *nesting_depth,
						   vm_region_recurse_info_t info,
						   mach_msg_type_number_t *info_count);

/*
 * Reports one page: *disposition gets VM_PAGE_QUERY_ bits
 * (<mach/vm_page_query.h>), *ref_count the mappings that are known.
 *
 * An address that is not mapped succeeds with 0 and 0.  *ref_count is 1 for a
 * page that is mapped once, 2 for one that is mapped elsewhere too, 0 for none.
 * KERN_DENIED  the kernel does not show this caller the page map of the target.
 * Atomicity: true at some instant of the call.  The inspect right is enough.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_page_query(vm_map_read_t target_map, mach_vm_offset_t offset,
					       integer_t *disposition, integer_t *ref_count);

/*
 * Reports one page in more detail, in a vm_page_info_basic.
 *
 * KERN_INVALID_ARGUMENT  flavor is not VM_PAGE_INFO_BASIC, or *info_count is
 *                        neither 8 nor 7 (larger is refused, as in XNU).
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_page_info(vm_map_read_t target_task, mach_vm_address_t address,
					      vm_page_info_flavor_t flavor, vm_page_info_t info,
					      mach_msg_type_number_t *info_count);

/*
 * Reports the pages of a range, one int of VM_PAGE_QUERY_ bits for each.
 *
 * dispositions is the address of an array of the caller.  in/out
 * *dispositions_count is its length, then the number of entries filled: the
 * smaller of the array and the range.  Size 0 or count 0 succeeds, and fills
 * none.  Pages that are not mapped get 0.
 *
 * KERN_INVALID_ADDRESS      the range wraps.
 * KERN_INVALID_ARGUMENT     count * 4 overflows.
 * MACH_SEND_INVALID_MEMORY  the array is not writable where it would be filled;
 *                           judged before the target is looked at.
 *
 * Atomicity: each entry is true at some instant of the call.
 * XNU: an array that is not writable answers 14 (EFAULT, the number of
 * KERN_ABORTED).
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_page_range_query(vm_map_read_t target_map,
						     mach_vm_offset_t address, mach_vm_size_t size,
						     mach_vm_address_t dispositions,
						     mach_vm_size_t *dispositions_count);

/*
 * Gives advice about a range, or acts on its pages (<mach/vm_behavior.h>).  Remote.
 *
 * DEFAULT, RANDOM, SEQUENTIAL and RSEQNTL stay with the region and are
 * reported by mach_vm_region().  The others act once.  DONTNEED never loses
 * anonymous data; FREE may drop contents; ZERO makes pages read as zero.
 * Size 0 succeeds.
 *
 * KERN_INVALID_ARGUMENT    new_behavior is not in 0 .. 12, or the range wraps.
 * KERN_NO_SPACE            the range leaves the address space.
 * KERN_INVALID_ADDRESS     some page is not allocated, or REUSABLE, REUSE or
 *                          CAN_REUSE meets shared or file memory.
 * KERN_PROTECTION_FAILURE  ZERO, ZERO_WIRED_PAGES or REUSABLE on memory that is not
 *                          writable; ZERO on executable memory.
 * KERN_NO_ACCESS           ZERO on a private mapping of a file.
 * KERN_NOT_SUPPORTED       ZERO_WIRED_PAGES, and ZERO where the system cannot.
 *
 * Atomicity: the map is judged first; the pages then change in ascending order.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_behavior_set(vm_map_t target_task, mach_vm_address_t address,
						 mach_vm_size_t size, vm_behavior_t new_behavior);

/*
 * Writes modified pages of the range back to their files (<mach/vm_sync.h>).  Remote.
 *
 * Anonymous memory is left alone and succeeds.  Holes are skipped.  Size 0
 * succeeds.
 *
 * KERN_INVALID_TASK      the port is of the wrong kind or too weak.
 * KERN_INVALID_ARGUMENT  SYNCHRONOUS together with ASYNCHRONOUS.
 * KERN_INVALID_ADDRESS   the range wraps; or, with CONTIGUOUS, it has a hole (the
 *                        work is done nevertheless).
 * KERN_FAILURE           the file system reports an error.
 *
 * Atomicity: none; what was written stays written.  GNU Mach: a stub.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_msync(vm_map_t target_task, mach_vm_address_t address,
					  mach_vm_size_t size, vm_sync_t sync_flags);

/*
 * Gets or sets a machine attribute of a range (<mach/vm_attributes.h>).
 *
 * MATTR_CACHE with a flush value in *value makes stores visible to instruction
 * fetch in every thread of the target: what a debugger does after a patch.
 * The kernel does so on its own after mach_vm_write(); the call then costs
 * nothing.  Size 0 succeeds.
 *
 * KERN_INVALID_ADDRESS   the range wraps or leaves the address space.
 * KERN_FAILURE           MATTR_CACHE over a hole.
 * KERN_INVALID_ARGUMENT  an unknown attribute or value.
 * KERN_NOT_SUPPORTED     MATTR_MIGRATE and MATTR_REPLICATE, MATTR_VAL_OFF and GET_INFO.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_machine_attribute(vm_map_t target_task,
						      mach_vm_address_t address,
						      mach_vm_size_t size,
						      vm_machine_attribute_t attribute,
						      vm_machine_attribute_val_t *value);

/*
 * Sets or gets the state of purgeable memory (<mach/vm_purgable.h>).  Remote.
 *
 * in/out *state is the new state, then the previous one.  PURGE_ALL makes all
 * volatile memory of the task empty that this process knows of; address and
 * state are not looked at.  Memory is purgeable when it was allocated by this
 * process with VM_FLAGS_PURGABLE.
 *
 * KERN_INVALID_ARGUMENT    an unknown control, bits outside the masks, state DENY,
 *                          memory that is not purgeable, or an address that is not
 *                          the start of its object.
 * KERN_INVALID_ADDRESS     the address is not allocated.
 * KERN_PROTECTION_FAILURE  SET on memory that is not writable.
 *
 * Atomicity: the state changes at once.
 * Linux: volatile memory keeps its contents until it is purged or made empty.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_purgable_control(vm_map_t target_task,
						     mach_vm_address_t address,
						     vm_purgable_t control, int *state);

/*
 * Keeps the pages of a range resident, or stops doing so (access
 * VM_PROT_NONE).  Remote.  Declared by <mach/host_priv.h> on macOS.
 *
 * host is any host port here.  Wiring nests per region within this process.
 * Size 0 succeeds.
 *
 * KERN_INVALID_HOST        host is not a host port.
 * KERN_INVALID_TASK        task is of the wrong kind or too weak.
 * KERN_INVALID_ARGUMENT    access has bits other than 7, or the range wraps.
 * KERN_INVALID_ADDRESS     wiring meets a hole; unwiring starts at one.
 * KERN_PROTECTION_FAILURE  a page lacks the access that is asked for.
 * KERN_RESOURCE_SHORTAGE   the target's limit on locked memory (RLIMIT_MEMLOCK).
 * KERN_MEMORY_ERROR        a page cannot be supplied.
 *
 * Atomicity: a failure undoes what the call wired.  GNU Mach answers
 * KERN_NO_SPACE for holes and protections.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_wire(host_priv_t host, vm_map_t task, mach_vm_address_t address,
					 mach_vm_size_t size, vm_prot_t access);

/*
 * Reserved ranges and deferred reclamation of Apple's kernel.
 * KERN_NOT_SUPPORTED always, once the task argument is found valid.
 * Since: 0.1
 */
MACHVM_EXPORT kern_return_t mach_vm_range_create(vm_map_t target_task,
						 mach_vm_range_flavor_t flavor,
						 mach_vm_range_recipes_raw_t recipes,
						 mach_msg_type_number_t recipes_count);
MACHVM_EXPORT kern_return_t mach_vm_deferred_reclamation_buffer_allocate(
    task_t target_task, mach_vm_address_t *address, uint64_t *sampling_period,
    uint32_t initial_capacity, uint32_t maximum_capacity);
MACHVM_EXPORT kern_return_t mach_vm_deferred_reclamation_buffer_flush(task_t target_task,
								     uint32_t num_entries);
MACHVM_EXPORT kern_return_t mach_vm_deferred_reclamation_buffer_update_reclaimable_bytes(
    task_t target_task, mach_vm_size_t reclaimable_bytes);

__END_DECLS

#endif
