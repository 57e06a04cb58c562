/* SPDX-License-Identifier: MIT */
/* A process that shares our descriptors and not our memory. */
#include "nursery.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct message {
	void (*live)(const void *order);
	char order[NURSERY_ORDER];
};

static int ends[2] = {-1, -1};

static void serve(pid_t parent)
{
	static struct message message;
	pid_t child;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	while (recv(ends[1], &message, sizeof(message), 0) == (ssize_t)sizeof(message)) {
		/* A sibling of ours, with descriptors of its own from here on. */
		child = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (child == 0)
			message.live(message.order);
		if (child == 0 || send(ends[1], &child, sizeof(child), 0) != (ssize_t)sizeof(child))
			_exit(1);
	}
	_exit(0);
}

void nursery_open(void)
{
	pid_t self = getpid(), child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		perror("socketpair");
		exit(1);
	}
	child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		serve(self);
	if (child < 0) {
		perror("clone");
		exit(1);
	}
}

bool nursery_is_open(void)
{
	return ends[0] >= 0;
}

pid_t nursery_bear(void (*live)(const void *order), const void *order, size_t size)
{
	static struct message message;
	pid_t child;

	message.live = live;
	memcpy(message.order, order, size);
	if (send(ends[0], &message, sizeof(message), 0) != (ssize_t)sizeof(message) ||
	    recv(ends[0], &child, sizeof(child), 0) != (ssize_t)sizeof(child))
		return -1;
	return child;
}
