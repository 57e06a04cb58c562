/* SPDX-License-Identifier: MIT */
/*
 * Another kernel's policy for memory descriptors: with MACHVM_TEST_POLICY=never, what this
 * program asks of /proc/PID/mem honours protections, as under
 * proc_mem.force_override=never (Linux 6.12). Positioned reads and writes of the whole program
 * come by here, the library's as well; whatever a protection permits is the kernel's.
 */
#ifndef TESTS_POLICY_H
#define TESTS_POLICY_H

#include <stdbool.h>

/* Takes MACHVM_TEST_POLICY to heart, if it is set. Before the tests. */
void policy_from_environment(void);

/* Is it played here that descriptors honour protections? */
bool policy_never(void);

#endif
