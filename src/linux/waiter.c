/* SPDX-License-Identifier: MIT */
/* waiter.c - one futex. */
#include "waiter.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

void machvm__waiter_wait(_Atomic unsigned *count)
{
	sigset_t all, before;
	unsigned now;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_fetch_add(count, 1);
	while ((now = atomic_load(count)) != 0)
		syscall(SYS_futex, count, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool machvm__waiter_release(_Atomic unsigned *count)
{
	unsigned now = atomic_load(count);

	do {
		if (!now)
			return false;
	} while (!atomic_compare_exchange_weak(count, &now, now - 1));
	if (now == 1)
		syscall(SYS_futex, count, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	return true;
}
