/* SPDX-License-Identifier: MIT */
/*
 * The routines that move bytes, each in every spelling, behind one shape, so
 * that a test of a promise runs over all of them. Each call also checks what
 * belongs to the routine itself: out parameters untouched by a failure, counts
 * and page offsets right after a success.
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "harness.h"

struct call {
	const char *name;
	/* Moves `size` bytes between `address` in the task and `local`. */
	kern_return_t (*run)(mach_port_t task, uint64_t address, void *local, uint64_t size);
	/* Can be told to give up on pages that somebody has to supply. */
	bool no_wait;
	/* Has no buffer of the caller's that could be bad. */
	bool fresh_memory;
};

extern const struct call write_calls[], read_calls[];
extern const unsigned write_call_count, read_call_count;

struct copy_call {
	const char *name;
	kern_return_t (*run)(mach_port_t task, uint64_t source, uint64_t size, uint64_t dest);
};

extern const struct copy_call copy_calls[];
extern const unsigned copy_call_count;

/*
 * Reads a byte again and again, thousands of times: what the library has for
 * those who come back only is in use afterwards.
 */
void task_use_much(mach_port_t task, uint64_t address);

/* Gives memory that mach_vm_read() returned back. */
void read_release(vm_offset_t data, mach_msg_type_number_t size);

#endif
