/* SPDX-License-Identifier: MIT */
/* fast_cpu.h - x86-64: what the shortest way wants to know at compile time. */
#ifndef MACHVM_FAST_CPU_H
#define MACHVM_FAST_CPU_H

#include <stddef.h>

/* The only page size of this CPU; huge pages are the regions' affair. */
#define MACHVM__PAGE_SIZE ((size_t)4096)

/* A system call of six arguments: the result or -errno, and libc's errno left alone. */
static inline long machvm__fast_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return result;
}

#endif
