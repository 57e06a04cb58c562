/* SPDX-License-Identifier: MIT */
/* scheduling.h - times, policies and priorities in Mach's terms. */
#ifndef MACHVM_MACH_SCHEDULING_H
#define MACHVM_MACH_SCHEDULING_H

#include <mach/policy.h>
#include <mach/time_value.h>
#include <sched.h>

#include "usage.h"

static inline time_value_t machvm__scheduling_time(uint64_t ns)
{
	return (time_value_t){(integer_t)(ns / 1000000000u), (integer_t)(ns / 1000u % 1000000u)};
}

static inline policy_t machvm__scheduling_policy(unsigned policy)
{
	return policy == SCHED_FIFO ? POLICY_FIFO : policy == SCHED_RR ? POLICY_RR : POLICY_TIMESHARE;
}

/* Mach's scale: 31 is an ordinary thread, as many less or more as it is nice; from 64 on are
 * those of real time. */
enum {
	MACHVM__SCHEDULING_BASE = 31,
	MACHVM__SCHEDULING_USER_MAXIMUM = 63,
	MACHVM__SCHEDULING_MAXIMUM = 127,
};

static inline int machvm__scheduling_priority(const struct machvm__usage *usage)
{
	if (usage->priority)
		return MACHVM__SCHEDULING_USER_MAXIMUM + 1 + (int)usage->priority * 63 / 99;
	return MACHVM__SCHEDULING_BASE - usage->nice;
}

static inline int machvm__scheduling_maximum(const struct machvm__usage *usage)
{
	return usage->priority ? MACHVM__SCHEDULING_MAXIMUM : MACHVM__SCHEDULING_USER_MAXIMUM;
}

#endif
