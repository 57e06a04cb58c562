/* SPDX-License-Identifier: MIT */
/* poke PID ADDRESS TEXT: writes text into the memory of a running process. */
#include <mach/mach.h>
#include <machvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	mach_port_t task;

	if (argc != 4) {
		fprintf(stderr, "usage: poke PID ADDRESS TEXT\n");
		return 2;
	}
	/* The closing null is written as well. */
	if (task_for_pid(mach_task_self(), atoi(argv[1]), &task) != KERN_SUCCESS ||
	    mach_vm_write(task, strtoull(argv[2], NULL, 0), (vm_offset_t)argv[3],
			  (mach_msg_type_number_t)strlen(argv[3]) + 1) != KERN_SUCCESS) {
		fprintf(stderr, "poke: %s\n", machvm_last_error()->message);
		return 1;
	}
	return mach_port_deallocate(mach_task_self(), task);
}
