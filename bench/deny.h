/* SPDX-License-Identifier: MIT */
/* deny.h - taking a kernel facility away from this process, as an older kernel or a policy would.
 */
#ifndef BENCH_DENY_H
#define BENCH_DENY_H

/* io_setup() answers ENOSYS from now on. */
void deny_aio(void);
/* PROCMAP_QUERY answers ENOTTY from now on. */
void deny_query(void);
/*
 * Does the kernel tell of a death in memory? By AIO, of a pidfd that says what it
 * wakes for (Linux 6.9). Without it only a poll can prove identity.
 */
int death_told(void);

#endif
