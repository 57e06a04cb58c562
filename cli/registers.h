/* SPDX-License-Identifier: MIT */
/* registers - the general registers of a thread, by name. */
#ifndef CLI_REGISTERS_H
#define CLI_REGISTERS_H

#include <mach/mach.h>

struct registers {
	unsigned count;
	struct {
		const char *name;
		uint64_t value;
	} items[40];
};

/* Stops the thread for a moment. */
kern_return_t registers_read(thread_read_t thread, struct registers *registers);

#endif
