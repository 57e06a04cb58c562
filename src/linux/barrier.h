/* SPDX-License-Identifier: MIT */
/*
 * barrier.h - a memory barrier in every thread of this process, from one of them.
 *
 * It takes the barrier out of what is done often, and puts it where it is rare:
 * membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED (Linux 4.14).
 */
#ifndef MACHVM_LINUX_BARRIER_H
#define MACHVM_LINUX_BARRIER_H

#include <stdbool.h>

/* Will there be such barriers? To be asked before anybody relies on one. */
bool machvm__barrier_offered(void);

/*
 * What every other thread has stored before is visible here afterwards, and what
 * this one has stored before to them. False when the kernel refuses.
 */
bool machvm__barrier_everywhere(void);

#endif
