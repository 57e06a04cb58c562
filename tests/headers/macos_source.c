/* SPDX-License-Identifier: MIT */
/*
 * A program as one writes it for macOS: walks the regions of a process, scans
 * them for a value, patches it, looks at threads, shares memory.  It must
 * compile unchanged, with nothing here that knows of machvm.
 */
#include <mach/error.h>
#include <mach/mach.h>
#include <mach/mach_error.h>
#include <mach/mach_host.h>
#include <mach/mach_init.h>
#include <mach/mach_port.h>
#include <mach/mach_traps.h>
#include <mach/mach_types.h>
#include <mach/mach_vm.h>
#include <mach/machine.h>
#include <mach/port.h>
#include <mach/task.h>
#include <mach/task_info.h>
#include <mach/thread_act.h>
#include <mach/thread_status.h>
#include <mach/vm_map.h>
#include <mach/vm_page_size.h>
#include <mach/vm_prot.h>
#include <mach/vm_region.h>
#include <mach/vm_statistics.h>
#include <mach/vm_types.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_ON_MACH_ERROR(msg, retval)        \
	if (kr != KERN_SUCCESS) {                  \
		mach_error(msg ":", kr);               \
		exit((retval));                        \
	}

static const char *behavior_name(vm_behavior_t behavior)
{
	switch (behavior) {
	case VM_BEHAVIOR_DEFAULT:
		return "default";
	case VM_BEHAVIOR_RANDOM:
		return "random";
	case VM_BEHAVIOR_SEQUENTIAL:
		return "sequential";
	case VM_BEHAVIOR_RSEQNTL:
		return "reverse sequential";
	default:
		return "?";
	}
}

static const char *share_name(unsigned char mode)
{
	switch (mode) {
	case SM_COW:
		return "COW";
	case SM_PRIVATE:
		return "PRV";
	case SM_EMPTY:
		return "NUL";
	case SM_SHARED:
		return "SHM";
	case SM_TRUESHARED:
		return "SHR";
	default:
		return "???";
	}
}

/* The walk of a memory scanner. */
static void scan(task_t task, uint32_t wanted)
{
	mach_vm_address_t address = VM_MIN_ADDRESS;
	mach_vm_size_t size = 0;

	for (;;) {
		vm_region_basic_info_data_64_t info;
		mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
		mach_port_t object_name = MACH_PORT_NULL;
		kern_return_t kr = mach_vm_region(task, &address, &size, VM_REGION_BASIC_INFO_64,
						  (vm_region_info_t)&info, &count, &object_name);
		if (kr == KERN_INVALID_ADDRESS)
			break;
		if (kr != KERN_SUCCESS) {
			fprintf(stderr, "mach_vm_region: %s\n", mach_error_string(kr));
			break;
		}
		mach_port_deallocate(mach_task_self(), object_name);

		if ((info.protection & VM_PROT_READ) && !(info.protection & VM_PROT_EXECUTE)) {
			vm_offset_t data = 0;
			mach_msg_type_number_t data_count = 0;
			kr = mach_vm_read(task, address, size, &data, &data_count);
			if (kr == KERN_SUCCESS) {
				for (mach_msg_type_number_t i = 0; i + 4 <= data_count; i += 4)
					if (memcmp((char *)data + i, &wanted, 4) == 0)
						printf("0x%llx %s\n",
						       (unsigned long long)address + i,
						       behavior_name(info.behavior));
				vm_deallocate(mach_task_self(), data, data_count);
			}
		}
		address += size;
	}
}

/* The walk of vmmap. */
static void walk(vm_map_t task)
{
	vm_address_t address = 0;
	vm_size_t size = 0;
	natural_t depth = 1;
	struct vm_region_submap_info_64 info;

	while (1) {
		mach_msg_type_number_t count = VM_REGION_SUBMAP_INFO_COUNT_64;
		if (vm_region_recurse_64(task, &address, &size, &depth,
					 (vm_region_recurse_info_64_t)&info, &count))
			break;
		if (info.is_submap) {
			depth++;
			continue;
		}
		printf("%p-%p %c%c%c SM=%s tag=%u\n", (void *)address, (void *)(address + size),
		       info.protection & VM_PROT_READ ? 'r' : '-',
		       info.protection & VM_PROT_WRITE ? 'w' : '-',
		       info.protection & VM_PROT_EXECUTE ? 'x' : '-', share_name(info.share_mode),
		       info.user_tag);
		address += size;
	}
}

/* The patch of a debugger: make the text writable, write, put it back. */
static kern_return_t patch(mach_port_t task, mach_vm_address_t where, const void *code, size_t n)
{
	vm_machine_attribute_val_t flush = MATTR_VAL_CACHE_FLUSH;
	kern_return_t kr;

	task_suspend(task);
	kr = mach_vm_protect(task, mach_vm_trunc_page(where), mach_vm_round_page(where + n) -
			     mach_vm_trunc_page(where), FALSE,
			     VM_PROT_READ | VM_PROT_WRITE | VM_PROT_COPY);
	if (kr == KERN_SUCCESS) {
		kr = mach_vm_write(task, where, (vm_offset_t)code, (mach_msg_type_number_t)n);
		mach_vm_machine_attribute(task, where, n, MATTR_CACHE, &flush);
		vm_protect(task, (vm_address_t)where, n, false, VM_PROT_READ | VM_PROT_EXECUTE);
	}
	task_resume(task);
	return kr;
}

static void threads(task_t task)
{
	thread_act_array_t list;
	mach_msg_type_number_t n;

	if (task_threads(task, &list, &n) != KERN_SUCCESS)
		return;
	for (mach_msg_type_number_t i = 0; i < n; i++) {
		thread_basic_info_data_t basic;
		mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;
		thread_info(list[i], THREAD_BASIC_INFO, (thread_info_t)&basic, &count);
#if defined(__x86_64__)
		x86_thread_state64_t state;
		count = x86_THREAD_STATE64_COUNT;
		if (thread_get_state(list[i], x86_THREAD_STATE64, (thread_state_t)&state, &count) ==
		    KERN_SUCCESS)
			printf("rip 0x%llx\n", (unsigned long long)state.__rip);
#elif defined(__aarch64__)
		arm_thread_state64_t state;
		count = ARM_THREAD_STATE64_COUNT;
		if (thread_get_state(list[i], ARM_THREAD_STATE64, (thread_state_t)&state, &count) ==
		    KERN_SUCCESS)
			printf("pc 0x%llx\n", (unsigned long long)arm_thread_state64_get_pc(state));
#endif
		mach_port_deallocate(mach_task_self(), list[i]);
	}
	vm_deallocate(mach_task_self(), (vm_address_t)list, n * sizeof(thread_t));
}

static void memory(task_t task)
{
	struct mach_task_basic_info basic;
	mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
	task_vm_info_data_t vm;
	struct task_dyld_info dyld;
	vm_statistics64_data_t host;
	mach_msg_type_number_t host_count = HOST_VM_INFO64_COUNT;
	host_basic_info_data_t machine;
	vm_size_t page;

	if (task_info(task, MACH_TASK_BASIC_INFO, (task_info_t)&basic, &count) == KERN_SUCCESS)
		printf("resident %llu\n", (unsigned long long)basic.resident_size);
	count = TASK_VM_INFO_COUNT;
	if (task_info(task, TASK_VM_INFO, (task_info_t)&vm, &count) == KERN_SUCCESS)
		printf("footprint %llu\n", (unsigned long long)vm.phys_footprint);
	count = TASK_DYLD_INFO_COUNT;
	if (task_info(task, TASK_DYLD_INFO, (task_info_t)&dyld, &count) == KERN_SUCCESS)
		printf("images 0x%llx\n", (unsigned long long)dyld.all_image_info_addr);
	if (host_statistics64(mach_host_self(), HOST_VM_INFO64, (host_info64_t)&host, &host_count) ==
	    KERN_SUCCESS)
		printf("free %llu\n", (unsigned long long)host.free_count * vm_page_size);
	count = HOST_BASIC_INFO_COUNT;
	host_info(mach_host_self(), HOST_BASIC_INFO, (host_info_t)&machine, &count);
	host_page_size(mach_host_self(), &page);
	printf("pages of %lu, shift %d, %d CPUs\n", (unsigned long)page, vm_page_shift,
	       machine.max_cpus);
}

/* A buffer mapped twice in a row, the ring buffer of many audio programs. */
static void *ring(vm_size_t length)
{
	vm_address_t buffer = 0, mirror;
	vm_prot_t cur, max;
	kern_return_t kr;

	length = round_page(length);
	kr = vm_allocate(mach_task_self(), &buffer, length * 2,
			 VM_FLAGS_ANYWHERE | VM_MAKE_TAG(VM_MEMORY_APPLICATION_SPECIFIC_1));
	EXIT_ON_MACH_ERROR("vm_allocate", 1);
	kr = vm_deallocate(mach_task_self(), buffer + length, length);
	EXIT_ON_MACH_ERROR("vm_deallocate", 1);
	mirror = buffer + length;
	kr = vm_remap(mach_task_self(), &mirror, length, 0, 0, mach_task_self(), buffer, 0, &cur,
		      &max, VM_INHERIT_DEFAULT);
	EXIT_ON_MACH_ERROR("vm_remap", 1);
	return (void *)buffer;
}

/* A named entry, mapped a second time. */
static void share(void)
{
	memory_object_size_t size = PAGE_SIZE;
	mach_port_t entry = MACH_PORT_NULL;
	mach_vm_address_t address = 0;

	if (mach_make_memory_entry_64(mach_task_self(), &size, 0,
				      MAP_MEM_NAMED_CREATE | VM_PROT_DEFAULT, &entry,
				      MACH_PORT_NULL) != KERN_SUCCESS)
		return;
	mach_vm_map(mach_task_self(), &address, size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE,
		    VM_PROT_DEFAULT, VM_PROT_DEFAULT, VM_INHERIT_NONE);
	mach_port_deallocate(mach_task_self(), entry);
	mach_vm_deallocate(mach_task_self(), address, size);
}

int main(int argc, char **argv)
{
	mach_port_name_t task = TASK_NULL;
	mach_port_t self = current_task();
	int pid = argc > 1 ? atoi(argv[1]) : 0;
	uint8_t nop = 0x90;
	uint32_t value;
	mach_vm_size_t got;
	kern_return_t kr;

	kr = task_for_pid(mach_task_self(), pid, &task);
	if (kr != KERN_SUCCESS || !MACH_PORT_VALID(task)) {
		fprintf(stderr, "task_for_pid(%d): %s (%d)\n", pid, mach_error_string(kr), kr);
		return 1;
	}
	if (pid_for_task(task, &pid) == KERN_SUCCESS && task != self) {
		walk(task);
		scan(task, 0xfeedfacf);
		threads(task);
		memory(task);
		kr = mach_vm_read_overwrite(task, 0x1000, sizeof(value),
					    (mach_vm_address_t)(uintptr_t)&value, &got);
		if (err_get_code(kr) == KERN_INVALID_ADDRESS)
			patch(task, 0x1000, &nop, sizeof(nop));
		vm_copy(task, 0x1000, 16, 0x2000);
	}
	share();
	free(ring(1) ? NULL : NULL);
	mach_port_mod_refs(mach_task_self(), task, MACH_PORT_RIGHT_SEND, -1);
	return 0;
}
