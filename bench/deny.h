/* SPDX-License-Identifier: MIT */
/* deny.h - taking a kernel facility away from this process, as an older kernel or a policy would.
 */
#ifndef BENCH_DENY_H
#define BENCH_DENY_H

/* perf_event_open() answers EACCES from now on. */
void deny_perf(void);
/* PROCMAP_QUERY answers ENOTTY from now on. */
void deny_query(void);
/* Could this process watch another by a perf event? */
int perf_allowed(void);

#endif
