/* SPDX-License-Identifier: MIT */
/*
 * The thread states of this machine, and the generic names for them.
 */
#ifndef MACH_MACHINE_THREAD_STATUS_H
#define MACH_MACHINE_THREAD_STATUS_H

#if defined(__x86_64__) || defined(__i386__)
#include <mach/i386/thread_status.h>
#define THREAD_STATE_NONE 13
#define MACHINE_THREAD_STATE x86_THREAD_STATE
#define MACHINE_THREAD_STATE_COUNT x86_THREAD_STATE_COUNT
#elif defined(__arm__) || defined(__aarch64__)
#include <mach/arm/thread_status.h>
#define THREAD_STATE_NONE 5
#define MACHINE_THREAD_STATE ARM_THREAD_STATE
#define MACHINE_THREAD_STATE_COUNT ARM_UNIFIED_THREAD_STATE_COUNT
#else
#define THREAD_STATE_NONE 5
#endif
#include <mach/machine/thread_state.h>
#define THREAD_MACHINE_STATE_MAX THREAD_STATE_MAX

#endif
