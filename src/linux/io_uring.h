/* SPDX-License-Identifier: MIT */
/* io_uring.h - memory that an io_uring of a process holds on to (fixed buffers). */
#ifndef MACHVM_LINUX_IO_URING_H
#define MACHVM_LINUX_IO_URING_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Is part of [start, end) registered with an io_uring that process `proc_pid` (0:
 * the caller) has open? Then *at is the first such address. False also when it
 * cannot be told.
 */
bool machvm__io_uring_pins(int proc_pid, uint64_t start, uint64_t end, uint64_t *at);

#endif
