/* SPDX-License-Identifier: MIT */
#include "runs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * By way of a shell, which tells what it could not execute (126); valgrind does not
 * survive an execve that fails.
 */
static void execute(const char *path)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int fd = 0; fd < 3; fd++)
		dup2(nothing, fd);
	execl("/bin/sh", "sh", "-c", "exec \"$0\"", path, NULL);
	abort();
}

bool program_runs(const char *path)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		execute(path);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return !WIFEXITED(status) || WEXITSTATUS(status) != 126;
}
