/* SPDX-License-Identifier: MIT */
/*
 * The two linkage macros that every other header of this interface uses.
 *
 * MACHVM_EXPORT marks what libmachvm exports; everything else in the library
 * is hidden.  __BEGIN_DECLS and __END_DECLS, which macOS headers use for C
 * linkage in C++, come from <sys/cdefs.h> or are supplied here.
 */
#ifndef MACH_MACHVM_EXPORT_H
#define MACH_MACHVM_EXPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h> /* pulls in <sys/cdefs.h> on glibc; musl has neither macro */

#ifndef MACHVM_EXPORT
#if defined(__GNUC__) || defined(__clang__)
#define MACHVM_EXPORT __attribute__((visibility("default")))
#else
#define MACHVM_EXPORT
#endif
#endif

#ifndef __BEGIN_DECLS
#ifdef __cplusplus
#define __BEGIN_DECLS extern "C" {
#define __END_DECLS }
#else
#define __BEGIN_DECLS
#define __END_DECLS
#endif
#endif

/*
 * A compile-time assertion in every C, and in C++ from C++11 on; before, C++ has
 * no word for it, and takes a prototype instead, which asserts nothing.
 */
#if !defined(__cplusplus)
#define MACHVM_STATIC_ASSERT(condition, text) __extension__ _Static_assert(condition, text)
#elif __cplusplus >= 201103L
#define MACHVM_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define MACHVM_STATIC_ASSERT(condition, text) extern int machvm__not_asserted(void)
#endif

#endif
