/* SPDX-License-Identifier: MIT */
/*
 * Seconds and microseconds, 32 bits each, as task_info() and thread_info()
 * report times.
 */
#ifndef MACH_TIME_VALUE_H
#define MACH_TIME_VALUE_H

#include <mach/machine/vm_types.h>

struct time_value {
	integer_t seconds;
	integer_t microseconds; /* 0 .. 999999 */
};
typedef struct time_value time_value_t;

#define TIME_MICROS_MAX (1000000)

#define time_value_add_usec(val, micros)                          \
	{                                                             \
		if (((val)->microseconds += (micros)) >= TIME_MICROS_MAX) { \
			(val)->microseconds -= TIME_MICROS_MAX;                   \
			(val)->seconds++;                                         \
		}                                                         \
	}

#define time_value_add(result, addend)                            \
	{                                                             \
		(result)->microseconds += (addend)->microseconds;         \
		(result)->seconds += (addend)->seconds;                   \
		if ((result)->microseconds >= TIME_MICROS_MAX) {          \
			(result)->microseconds -= TIME_MICROS_MAX;            \
			(result)->seconds++;                                  \
		}                                                         \
	}

#endif
