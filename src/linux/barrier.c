/* SPDX-License-Identifier: MIT */
/* barrier.c - membarrier(2). */
#include "barrier.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) ? -errno : 0;
}

bool machvm__barrier_offered(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

bool machvm__barrier_everywhere(void)
{
	int r = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);

	/* Not registered: an address space that has come after the question. */
	if (r == -EPERM && machvm__barrier_offered())
		r = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	return r == 0;
}
