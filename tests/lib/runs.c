/* SPDX-License-Identifier: MIT */
#include "runs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Tells why it could not be executed by what it writes; the pipe closes when it could. */
static void execute(const char *path, int failure)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int fd = 0; fd < 3; fd++)
		dup2(nothing, fd);
	execl(path, path, NULL);
	(void)!write(failure, &errno, sizeof(errno));
	_exit(127);
}

bool program_runs(const char *path)
{
	int ends[2], error = 0;
	bool told;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();
	pid = fork();
	if (pid == 0)
		execute(path, ends[1]);
	close(ends[1]);
	told = read(ends[0], &error, sizeof(error)) == sizeof(error);
	close(ends[0]);
	if (pid < 0)
		abort();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return !told || error != ENOEXEC;
}
