/* SPDX-License-Identifier: MIT */
/*
 * Scheduling policies, as reported by task_info() and thread_info().
 */
#ifndef MACH_POLICY_H
#define MACH_POLICY_H

#include <mach/machine/vm_types.h>

typedef int policy_t;
typedef integer_t *policy_info_t;
typedef integer_t *policy_base_t;
typedef integer_t *policy_limit_t;

#define POLICY_NULL 0
#define POLICY_TIMESHARE 1 /* SCHED_OTHER, SCHED_BATCH, SCHED_IDLE */
#define POLICY_RR 2        /* SCHED_RR */
#define POLICY_FIFO 4      /* SCHED_FIFO */

#define POLICYCLASS_FIXEDPRI (POLICY_RR | POLICY_FIFO)

#endif
