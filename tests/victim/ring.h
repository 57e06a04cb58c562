/* SPDX-License-Identifier: MIT */
/* An io_uring of the victim that holds on to some of its memory. */
#ifndef TESTS_RING_H
#define TESTS_RING_H

#include <stddef.h>

/* Registers a fixed buffer; 0 or -errno, -ENOSYS where there is no io_uring. */
int ring_pin(void *address, size_t size);

#endif
