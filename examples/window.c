/* SPDX-License-Identifier: MIT */
/* window PID ADDRESS: for each line it is sent, stores it as text in the memory of a running
 * process. */
#include <mach/mach.h>
#include <machvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 64

int main(int argc, char **argv)
{
	mach_port_t task;
	void *window;

	if (argc != 3) {
		fprintf(stderr, "usage: window PID ADDRESS\n");
		return 2;
	}
	if (task_for_pid(mach_task_self(), atoi(argv[1]), &task) != KERN_SUCCESS ||
	    machvm_window_open(task, strtoull(argv[2], NULL, 0), SIZE,
			       MACHVM_WINDOW_WRITE | MACHVM_WINDOW_MOVE, &window) != KERN_SUCCESS) {
		fprintf(stderr, "window: %s\n", machvm_last_error()->message);
		return 1;
	}
	/* The window needs no port; and from here on no system call reaches the process. */
	mach_port_deallocate(mach_task_self(), task);
	while (fgets(window, SIZE, stdin))
		((char *)window)[strcspn(window, "\n")] = '\0';
	return machvm_window_close(window, SIZE);
}
