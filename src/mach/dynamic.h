/* SPDX-License-Identifier: MIT */
/* dynamic.h - where a program keeps the list of what its dynamic linker has loaded. */
#ifndef MACHVM_MACH_DYNAMIC_H
#define MACHVM_MACH_DYNAMIC_H

#include "target.h"

/*
 * The address of the target's struct r_debug, of a program with words of `word` bytes; 0 in a static
 * program, and until the linker has made it. 0 or -errno.
 */
int machvm__dynamic_links(struct machvm__target *target, int word, uint64_t *raddr);

#endif
