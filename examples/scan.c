/* SPDX-License-Identifier: MIT */
/* scan PID TEXT: finds text in the memory of a running process; as one writes it on macOS. */
#include <inttypes.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints where in a copy of the memory at `address` the text is; how often. */
static int search(const char *copy, size_t size, mach_vm_address_t address, const char *text)
{
	size_t length = strlen(text);
	int found = 0;

	for (size_t i = 0; length && i + length <= size; i++)
		if (copy[i] == text[0] && memcmp(copy + i, text, length) == 0)
			found += printf("0x%" PRIx64 "\n", (uint64_t)address + i) > 0;
	return found;
}

static int scan(mach_port_t task, const char *text)
{
	mach_vm_address_t address = 0;
	mach_vm_size_t size;
	int found = 0;

	for (;; address += size) {
		vm_region_basic_info_data_64_t info;
		mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64, copied;
		mach_port_t object;
		vm_offset_t copy;

		if (mach_vm_region(task, &address, &size, VM_REGION_BASIC_INFO_64,
				   (vm_region_info_t)&info, &count, &object) != KERN_SUCCESS)
			return found;
		if (!(info.protection & VM_PROT_READ))
			continue;
		/*
		 * It may be gone by now, its file may be shorter than the mapping, or it is
		 * larger than the 4 GiB - 1 that one read can bring: passed over.
		 */
		if (mach_vm_read(task, address, size, &copy, &copied) != KERN_SUCCESS)
			continue;
		found += search((const char *)copy, copied, address, text);
		mach_vm_deallocate(mach_task_self(), copy, copied);
	}
}

int main(int argc, char **argv)
{
	mach_port_t task;
	kern_return_t kr;
	int found;

	if (argc != 3) {
		fprintf(stderr, "usage: scan PID TEXT\n");
		return 2;
	}
	kr = task_for_pid(mach_task_self(), atoi(argv[1]), &task);
	if (kr != KERN_SUCCESS) {
		mach_error("scan: task_for_pid:", kr);
		return 1;
	}
	found = scan(task, argv[2]);
	mach_port_deallocate(mach_task_self(), task);
	return found ? 0 : 1;
}
