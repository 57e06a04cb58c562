/* SPDX-License-Identifier: MIT */
/*
 * The virtual-memory routines, in their natural-size spelling, and memory entries.
 *
 * vm_X() behaves as mach_vm_X() of <mach/mach_vm.h>, whose contracts hold here
 * word for word; addresses and sizes have the word length of the program.  A
 * 32-bit program reaches all of a 32-bit target this way; for a 64-bit target
 * it needs the mach_vm_ spelling, and a result that does not fit in a word is
 * KERN_INVALID_ADDRESS.  Only differences are noted.
 * Since: 0.1, all of them.
 */
#ifndef MACH_VM_MAP_H
#define MACH_VM_MAP_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/machvm_export.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/vm_debug_info.h>
#include <mach/vm_types.h>

__BEGIN_DECLS

/*
 * Writes data_count bytes from data of the caller into the target at address,
 * exact to the byte, as if the target had written them: mach_vm_write().
 *
 * MACH_SEND_INVALID_MEMORY  the caller's buffer is not readable.
 * KERN_INVALID_ADDRESS      the address is illegal, the range wraps, or some page is
 *                           not allocated.
 * KERN_PROTECTION_FAILURE   the memory is valid but does not permit writing.
 * KERN_MEMORY_ERROR         a page cannot be supplied.
 * KERN_NO_ACCESS            the kernel lets no other process touch a page.
 * A failure has written nothing.
 */
MACHVM_EXPORT kern_return_t vm_write(vm_map_t target_task, vm_address_t address, vm_offset_t data,
				     mach_msg_type_number_t data_count);

/*
 * Reads size bytes of the target into fresh memory: mach_vm_read().
 *
 * The caller frees with vm_deallocate(mach_task_self(), *data, *data_count).
 * Size 0 succeeds with 0 and 0.
 *
 * KERN_INVALID_ARGUMENT     size exceeds 4 GiB - 1.
 * KERN_INVALID_ADDRESS      the range wraps, or some page is not allocated.
 * KERN_PROTECTION_FAILURE   some page does not permit reading.
 * KERN_MEMORY_ERROR, KERN_NO_ACCESS  as vm_write().
 */
MACHVM_EXPORT kern_return_t vm_read(vm_map_read_t target_task, vm_address_t address, vm_size_t size,
				    vm_offset_t *data, mach_msg_type_number_t *data_count);

/*
 * Reads size bytes of the target into the caller's memory at data:
 * mach_vm_read_overwrite().
 *
 * MACH_SEND_INVALID_MEMORY  the caller's memory is not writable.
 * The other codes are those of vm_read(); size has no limit.  A failure leaves
 * the caller's memory untouched.
 */
MACHVM_EXPORT kern_return_t vm_read_overwrite(vm_map_read_t target_task, vm_address_t address,
					      vm_size_t size, vm_address_t data,
					      vm_size_t *outsize);

/*
 * Reads up to 256 ranges, each into fresh memory: mach_vm_read_list().
 *
 * An entry has the word length of the program.  A failed entry becomes {0, 0};
 * the answer is the code of the last entry whose size is not 0.
 * KERN_INVALID_ARGUMENT  count exceeds 256.
 */
MACHVM_EXPORT kern_return_t vm_read_list(vm_map_read_t target_task, vm_read_entry_t data_list,
					 natural_t count);

/*
 * Copies size bytes inside the target, like memmove: mach_vm_copy().
 *
 * KERN_INVALID_ADDRESS      a range wraps, or some page is not allocated.
 * KERN_PROTECTION_FAILURE   the source does not permit reading, or the destination
 *                           writing.
 * KERN_MEMORY_ERROR, KERN_NO_ACCESS  as vm_write().
 * The source is judged first.  A failure has changed nothing.
 */
MACHVM_EXPORT kern_return_t vm_copy(vm_map_t target_task, vm_address_t source_address,
				    vm_size_t size, vm_address_t dest_address);

/*
 * Sets the current (set_maximum FALSE) or the maximum protection of every page
 * that the range touches: mach_vm_protect().
 *
 * KERN_INVALID_ADDRESS      the range wraps, or some page is not allocated.
 * KERN_PROTECTION_FAILURE   new_protection exceeds the maximum, or the system
 *                           forbids it.
 * KERN_INVALID_ARGUMENT     unknown bits in new_protection.
 * All pages change or none.
 */
MACHVM_EXPORT kern_return_t vm_protect(vm_map_t target_task, vm_address_t address, vm_size_t size,
				       boolean_t set_maximum, vm_prot_t new_protection);

/*
 * Allocates zero-filled memory: mach_vm_allocate().
 *
 * KERN_NO_SPACE          no gap is large enough, or the fixed range is taken.
 * KERN_INVALID_ADDRESS   the fixed range is outside the address space, or page 0.
 * KERN_INVALID_ARGUMENT  a bad flag, or the size rounds to 0.
 * A 32-bit program gets KERN_NO_SPACE where a 64-bit target has no room below
 * 4 GiB.
 */
MACHVM_EXPORT kern_return_t vm_allocate(vm_map_t target_task, vm_address_t *address, vm_size_t size,
					int flags);

/*
 * Frees every page that the range touches: mach_vm_deallocate().
 *
 * Holes are no error; size 0 succeeds.
 * KERN_INVALID_ARGUMENT  the range wraps.
 */
MACHVM_EXPORT kern_return_t vm_deallocate(vm_map_t target_task, vm_address_t address,
					  vm_size_t size);

/*
 * Sets what a child of the target gets of the range at fork: mach_vm_inherit().
 *
 * KERN_INVALID_ARGUMENT  new_inheritance exceeds 2, or the range wraps.
 * KERN_NOT_SUPPORTED     VM_INHERIT_SHARE of memory that cannot be moved.
 */
MACHVM_EXPORT kern_return_t vm_inherit(vm_map_t target_task, vm_address_t address, vm_size_t size,
				       vm_inherit_t new_inheritance);

/*
 * Maps an object or zero-filled memory: mach_vm_map(), with an offset of one
 * word.
 *
 * KERN_NO_SPACE, KERN_INVALID_ADDRESS, KERN_INVALID_ARGUMENT, KERN_INVALID_RIGHT,
 * KERN_INVALID_OBJECT, KERN_PROTECTION_FAILURE  as mach_vm_map().
 */
MACHVM_EXPORT kern_return_t vm_map(vm_map_t target_task, vm_address_t *address, vm_size_t size,
				   vm_address_t mask, int flags, mem_entry_name_port_t object,
				   vm_offset_t offset, boolean_t copy, vm_prot_t cur_protection,
				   vm_prot_t max_protection, vm_inherit_t inheritance);

/*
 * vm_map() with a 64-bit offset, in every program.
 */
MACHVM_EXPORT kern_return_t vm_map_64(vm_map_t target_task, vm_address_t *address, vm_size_t size,
				      vm_address_t mask, int flags, mem_entry_name_port_t object,
				      memory_object_offset_t offset, boolean_t copy,
				      vm_prot_t cur_protection, vm_prot_t max_protection,
				      vm_inherit_t inheritance);

/*
 * Maps memory of src_task into target_task as well: mach_vm_remap().
 *
 * copy FALSE shares it, TRUE takes a snapshot.  *cur_protection and
 * *max_protection are out.
 * KERN_INVALID_ADDRESS   a source page is not allocated.
 * KERN_NO_SPACE          no gap, or the fixed range is taken.
 * KERN_INVALID_ARGUMENT  a bad flag or inheritance, size 0, a range wraps.
 * KERN_NOT_SUPPORTED     memory that cannot be moved.
 */
MACHVM_EXPORT kern_return_t vm_remap(vm_map_t target_task, vm_address_t *target_address,
				     vm_size_t size, vm_address_t mask, int flags,
				     vm_map_t src_task, vm_address_t src_address, boolean_t copy,
				     vm_prot_t *cur_protection, vm_prot_t *max_protection,
				     vm_inherit_t inheritance);

/*
 * vm_remap() with requested protections, which are in/out: mach_vm_remap_new().
 *
 * KERN_PROTECTION_FAILURE  the source does not permit what is asked for.
 * The other codes are those of vm_remap().
 */
MACHVM_EXPORT kern_return_t vm_remap_new(vm_map_t target_task, vm_address_t *target_address,
					 vm_size_t size, vm_address_t mask, int flags,
					 vm_map_read_t src_task, vm_address_t src_address,
					 boolean_t copy, vm_prot_t *cur_protection,
					 vm_prot_t *max_protection, vm_inherit_t inheritance);

/*
 * Describes the region at or above *address: mach_vm_region().
 *
 * In a 32-bit program VM_REGION_BASIC_INFO is answered with the 32-bit
 * structure, count 8; in a 64-bit one with the 64-bit structure, count 9.
 * KERN_INVALID_ADDRESS   no region there or above: the end of a walk.
 * KERN_INVALID_ARGUMENT  an unknown flavor, or a count below the flavor's.
 */
MACHVM_EXPORT kern_return_t vm_region(vm_map_read_t target_task, vm_address_t *address,
				      vm_size_t *size, vm_region_flavor_t flavor,
				      vm_region_info_t info, mach_msg_type_number_t *info_count,
				      mach_port_t *object_name);

/*
 * As vm_region(); VM_REGION_BASIC_INFO is answered with the 64-bit structure in
 * every program.
 */
MACHVM_EXPORT kern_return_t vm_region_64(vm_map_read_t target_task, vm_address_t *address,
					 vm_size_t *size, vm_region_flavor_t flavor,
					 vm_region_info_t info, mach_msg_type_number_t *info_count,
					 mach_port_t *object_name);

/*
 * Describes the region at or above *address in a vm_region_submap_info.
 *
 * In a 64-bit program it is vm_region_recurse_64().
 * KERN_INVALID_ADDRESS   no region there or above.
 * KERN_INVALID_ARGUMENT  32-bit program: the count is below 15.
 */
MACHVM_EXPORT kern_return_t vm_region_recurse(vm_map_read_t target_task, vm_address_t *address,
					      vm_size_t *size, natural_t *nesting_depth,
					      vm_region_recurse_info_t info,
					      mach_msg_type_number_t *info_count);

/*
 * Describes the region at or above *address in a vm_region_submap_info_64, in
 * every program: mach_vm_region_recurse().
 *
 * KERN_INVALID_ADDRESS   no region there or above.
 * KERN_INVALID_ARGUMENT  the count is below 12.
 */
MACHVM_EXPORT kern_return_t vm_region_recurse_64(vm_map_read_t target_task, vm_address_t *address,
						 vm_size_t *size, natural_t *nesting_depth,
						 vm_region_recurse_info_64_t info,
						 mach_msg_type_number_t *info_count);

/*
 * Reports one page: mach_vm_page_query().  An address that is not mapped
 * succeeds with 0 and 0.
 */
MACHVM_EXPORT kern_return_t vm_map_page_query(vm_map_read_t target_map, vm_offset_t offset,
					      integer_t *disposition, integer_t *ref_count);

/*
 * Gives advice about a range: mach_vm_behavior_set().
 *
 * VM_BEHAVIOR_DONTNEED never loses anonymous data.
 * KERN_INVALID_ARGUMENT    an unknown behavior, or the range wraps.
 * KERN_INVALID_ADDRESS     some page is not allocated.
 * KERN_NO_SPACE, KERN_PROTECTION_FAILURE, KERN_NO_ACCESS, KERN_NOT_SUPPORTED
 *                          as mach_vm_behavior_set().
 */
MACHVM_EXPORT kern_return_t vm_behavior_set(vm_map_t target_task, vm_address_t address,
					    vm_size_t size, vm_behavior_t new_behavior);

/*
 * Writes modified pages back to their files: mach_vm_msync().
 *
 * KERN_INVALID_TASK      the port is of the wrong kind or too weak.
 * KERN_INVALID_ARGUMENT  SYNCHRONOUS together with ASYNCHRONOUS.
 * KERN_INVALID_ADDRESS   the range wraps, or CONTIGUOUS met a hole.
 * KERN_FAILURE           the file system reports an error.
 */
MACHVM_EXPORT kern_return_t vm_msync(vm_map_t target_task, vm_address_t address, vm_size_t size,
				     vm_sync_t sync_flags);

/*
 * Gets or sets a machine attribute: mach_vm_machine_attribute().
 *
 * KERN_INVALID_ADDRESS   the range wraps or leaves the address space.
 * KERN_FAILURE           MATTR_CACHE over a hole.
 * KERN_INVALID_ARGUMENT, KERN_NOT_SUPPORTED  the attribute.
 */
MACHVM_EXPORT kern_return_t vm_machine_attribute(vm_map_t target_task, vm_address_t address,
						 vm_size_t size, vm_machine_attribute_t attribute,
						 vm_machine_attribute_val_t *value);

/*
 * Sets or gets the state of purgeable memory: mach_vm_purgable_control().
 *
 * KERN_INVALID_ARGUMENT    a bad control or state, or memory that is not purgeable.
 * KERN_INVALID_ADDRESS     the address is not allocated.
 * KERN_PROTECTION_FAILURE  SET on memory that is not writable.
 */
MACHVM_EXPORT kern_return_t vm_purgable_control(vm_map_t target_task, vm_address_t address,
						vm_purgable_t control, int *state);

/*
 * Makes a named entry: a port for memory that mach_vm_map() can map, in any
 * task, also after target_task unmapped it or died.
 *
 * permission holds a protection and MAP_MEM_ flags
 * (<mach/memory_object_types.h>), which choose the kind:
 *   MAP_MEM_NAMED_CREATE  new zero-filled memory of round(*size) bytes; offset is ignored.
 *   MAP_MEM_VM_COPY       a snapshot of the range [offset, offset + *size) of the target.
 *   MAP_MEM_VM_SHARE      the memory of that range itself, across regions.
 *   none                  the memory of the first region of the range only; *size
 *                         can come back smaller than it was.
 * The last two move private memory to a memfd, as mach_vm_inherit(SHARE) does.
 * in/out *size is in pages' bytes, or exact with MAP_MEM_USE_DATA_ADDR.
 * parent_handle names an entry of which the new one is a part, or is
 * MACH_PORT_NULL.  *object_handle is the caller's, who gives it back with
 * mach_port_deallocate(); the memory lives as long as an entry or a mapping.
 *
 * KERN_INVALID_VALUE       an unknown flag.
 * KERN_INVALID_TASK        NAMED_CREATE with a port that is not a control right.
 * KERN_INVALID_ARGUMENT    size 0 (NAMED_CREATE: success and a null handle), the
 *                          range wraps or leaves the parent, PURGABLE without
 *                          write permission, the parent is a snapshot.
 * KERN_INVALID_ADDRESS     some page of the range is not allocated.
 * KERN_PROTECTION_FAILURE  permission exceeds what the memory has (current, with
 *                          VM_SHARE maximum); with VM_PROT_IS_MASK it is reduced,
 *                          and the code means that nothing is left.  Of a snapshot:
 *                          some page does not permit reading, and no more is asked.
 * KERN_INVALID_RIGHT       permission exceeds the parent's.
 * KERN_FAILURE             NAMED_CREATE of more than 2^32 - 1 pages.
 * KERN_MEMORY_ERROR        contents cannot be supplied.
 * KERN_NOT_SUPPORTED       memory that cannot be moved, a range of several objects, shared
 *                          memory whose object the caller may not open
 *                          (CAP_CHECKPOINT_RESTORE), MAP_MEM_LEDGER_TAGGED, MAP_MEM_ONLY.
 *
 * Atomicity: an entry is made or nothing is changed.  A snapshot is copied at
 * once and can be mixed when the target writes meanwhile.
 * XNU: entries can be of device memory and set caching; not here.
 */
MACHVM_EXPORT kern_return_t mach_make_memory_entry_64(vm_map_t target_task,
						      memory_object_size_t *size,
						      memory_object_offset_t offset,
						      vm_prot_t permission,
						      mach_port_t *object_handle,
						      mem_entry_name_port_t parent_handle);

/*
 * mach_make_memory_entry_64() with sizes of one word.
 */
MACHVM_EXPORT kern_return_t mach_make_memory_entry(vm_map_t target_task, vm_size_t *size,
						   vm_offset_t offset, vm_prot_t permission,
						   mem_entry_name_port_t *object_handle,
						   mem_entry_name_port_t parent_entry);

/*
 * Wiring of all future memory of a task.
 * KERN_NOT_SUPPORTED  always, as in XNU.
 */
MACHVM_EXPORT kern_return_t task_wire(vm_map_t target_task, boolean_t must_wire);

/*
 * Forbids new executable memory in the target.
 * KERN_NOT_SUPPORTED  always.  XNU sets a flag of the map.
 */
MACHVM_EXPORT kern_return_t vm_map_exec_lockdown(vm_map_t target_task);

/* Obsolete inspection routines.  KERN_FAILURE, as in XNU's release kernels. */
MACHVM_EXPORT kern_return_t mach_vm_region_info(vm_map_read_t task, vm_address_t address,
						vm_info_region_t *region,
						vm_info_object_array_t *objects,
						mach_msg_type_number_t *objects_count);
MACHVM_EXPORT kern_return_t mach_vm_region_info_64(vm_map_read_t task, vm_address_t address,
						   vm_info_region_64_t *region,
						   vm_info_object_array_t *objects,
						   mach_msg_type_number_t *objects_count);
MACHVM_EXPORT kern_return_t vm_mapped_pages_info(vm_map_read_t task, page_address_array_t *pages,
						 mach_msg_type_number_t *pages_count);

__END_DECLS

#endif
