/* SPDX-License-Identifier: MIT */
/* child.c - starting, ending and opening it. */
#include "child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	return pid;
}

bool child_open(struct child *child)
{
	struct machvm__process_numbers numbers;
	enum machvm__handle kind;
	int handle;

	child->pid = start();
	handle = machvm__process_open(child->pid, &kind);
	if (handle < 0 || machvm__process_identify(handle, &kind, &numbers))
		return false;
	machvm__target_init(&child->target, handle, kind, numbers, true);
	return true;
}

void child_kill(struct child *child)
{
	if (child->pid > 0 && kill(child->pid, SIGKILL) == 0)
		waitpid(child->pid, NULL, 0);
	child->pid = 0;
}

void child_close(struct child *child)
{
	child_kill(child);
	machvm__target_fini(&child->target);
}
