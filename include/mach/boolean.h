/* SPDX-License-Identifier: MIT */
/*
 * The truth value of Mach.
 *
 * 32 bits wide; unsigned on x86-64 and signed elsewhere, as in the SDK.  Any
 * value other than zero counts as true in every routine of this interface.
 */
#ifndef MACH_BOOLEAN_H
#define MACH_BOOLEAN_H

#if defined(__x86_64__) && !defined(__ILP32__)
typedef unsigned int boolean_t;
#else
typedef int boolean_t;
#endif

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

#endif
