/* SPDX-License-Identifier: MIT */
/*
 * The largest thread state of this machine, in 32-bit words.
 */
#ifndef MACH_MACHINE_THREAD_STATE_H
#define MACH_MACHINE_THREAD_STATE_H

#if defined(__x86_64__) || defined(__i386__)
#define THREAD_STATE_MAX (614)
#else
#define THREAD_STATE_MAX (1296)
#endif

#endif
