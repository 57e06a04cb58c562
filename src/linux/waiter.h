/* SPDX-License-Identifier: MIT */
/* waiter.h - a thread that stands still by itself until another one counts it down. */
#ifndef MACHVM_LINUX_WAITER_H
#define MACHVM_LINUX_WAITER_H

#include <stdatomic.h>
#include <stdbool.h>

/* Adds one to the count, and returns when it is 0 again. No signal is handled meanwhile. */
void machvm__waiter_wait(_Atomic unsigned *count);

/* Takes one away; false when there is none. */
bool machvm__waiter_release(_Atomic unsigned *count);

#endif
