/* SPDX-License-Identifier: MIT */
/*
 * unprotect - writing where a process has no permission to write, and could have it.
 *
 * The bytes arrive as if the pages had been made writable, written and protected
 * again. But no protection is touched: nothing has to be restored afterwards, so
 * whatever ends this program, and at whatever instant, no protection is left
 * changed; nor does a thread that executes the pages meanwhile ever lose them.
 *
 * Private pages are written as a debugger writes them. Shared ones are mapped a
 * second time, writable, for as long as the write takes: here, where the kernel
 * permits that; else in the process, and what is left of a machvm that is killed
 * just then is that second mapping.
 */
#ifndef CLI_UNPROTECT_H
#define CLI_UNPROTECT_H

#include <stddef.h>
#include <stdint.h>

#include "target.h"

/* All of it or nothing; the flags are machvm_write()'s. Complains. */
int unprotect_write(const struct target *target, uint64_t address, const void *data, size_t size,
		    unsigned flags);

#endif
