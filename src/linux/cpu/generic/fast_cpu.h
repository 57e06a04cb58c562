/* SPDX-License-Identifier: MIT */
/* fast_cpu.h - any CPU: through libc. */
#ifndef MACHVM_FAST_CPU_H
#define MACHVM_FAST_CPU_H

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

size_t machvm__page_size_asked(void);
#define MACHVM__PAGE_SIZE (machvm__page_size_asked())

static inline long machvm__fast_call(long number, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(number, a, b, c, d, e, f);

	return result == -1 ? -errno : result;
}

#endif
