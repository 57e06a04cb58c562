/* SPDX-License-Identifier: MIT */
/*
 * force_policy.h - does the kernel let memory descriptors go past protections?
 *
 * Since Linux 6.12 a kernel is told so when it starts (proc_mem.force_override), for
 * good: always; only for who traces the process; or never.
 */
#ifndef MACHVM_LINUX_FORCE_POLICY_H
#define MACHVM_LINUX_FORCE_POLICY_H

#include <stdbool.h>

/*
 * Never, also not for a tracer? Found out by a tracer of our own on a page of our own, once
 * in a process. False as well where there is no telling.
 */
bool machvm__force_policy_never(void);

#endif
