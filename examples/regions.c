/* SPDX-License-Identifier: MIT */
/* regions PID: lists what is mapped into a process, and counts what it may write. */
#include <inttypes.h>
#include <mach/mach.h>
#include <machvm.h>
#include <stdio.h>
#include <stdlib.h>

static int print(const struct machvm_region *region, void *context)
{
	uint64_t *writable = context;

	*writable += region->protection & VM_PROT_WRITE ? region->size : 0;
	return printf("%012" PRIx64 "-%012" PRIx64 " %c%c%c %s\n", region->address,
		      region->address + region->size, region->protection & VM_PROT_READ ? 'r' : '-',
		      region->protection & VM_PROT_WRITE ? 'w' : '-',
		      region->protection & VM_PROT_EXECUTE ? 'x' : '-', region->name) < 0;
}

int main(int argc, char **argv)
{
	uint64_t writable = 0;
	mach_port_t task;

	if (argc != 2) {
		fprintf(stderr, "usage: regions PID\n");
		return 2;
	}
	/* Looking at regions needs less than reading them: an inspect right will do. */
	if (task_inspect_for_pid(mach_task_self(), atoi(argv[1]), &task) != 0 ||
	    machvm_region_walk(task, 0, MACH_VM_MAX_ADDRESS, print, &writable) != KERN_SUCCESS) {
		fprintf(stderr, "regions: %s\n", machvm_last_error()->message);
		return 1;
	}
	printf("%" PRIu64 " KiB are writable\n", writable / 1024);
	return mach_port_deallocate(mach_task_self(), task);
}
