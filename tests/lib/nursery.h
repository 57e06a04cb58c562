/* SPDX-License-Identifier: MIT */
/*
 * A nursery: a process that was made before the test took calls away from itself,
 * and that bears children for it which have lost none. It sees the descriptors of
 * the test as they come and go; its children are the test's own to reap.
 */
#ifndef TESTS_NURSERY_H
#define TESTS_NURSERY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Once, before any filter. The program ends when there is none to be had. */
void nursery_open(void);
bool nursery_is_open(void);

/* A child that runs live(order) on a copy of `size` bytes, at most NURSERY_ORDER; its pid, or -1. */
#define NURSERY_ORDER 4096
pid_t nursery_bear(void (*live)(const void *order), const void *order, size_t size);

#endif
