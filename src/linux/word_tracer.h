/* SPDX-License-Identifier: MIT */
/*
 * word_tracer.h - the last rung: moving bytes by ptrace(2), a word at a time,
 * with the thread stopped. Only where the kernel offers nothing better. It
 * ignores protections on private memory, as a debugger must.
 */
#ifndef MACHVM_LINUX_WORD_TRACER_H
#define MACHVM_LINUX_WORD_TRACER_H

#include <stddef.h>
#include <stdint.h>

#include "copy.h"

/*
 * Stops thread `tid`, moves up to `size` bytes, lets it go on as it was. 0 or
 * -errno, with *done bytes moved either way: -EFAULT at the first byte that
 * cannot be moved, -EPERM when the thread may not be traced (somebody else may
 * be tracing it), -ETIMEDOUT when it would not stop.
 */
int machvm__word_tracer_move(enum machvm__direction direction, int tid, uint64_t raddr, void *local,
                             size_t size, size_t *done);

#endif
