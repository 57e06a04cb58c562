/* SPDX-License-Identifier: MIT */
/* talk.c - a child process behind two pipes. */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

static void exec_program(int in, int out, const char *const argv[])
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int talk_start(struct talk *talk, const char *const argv[])
{
	int to[2], from[2], first;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe2: %s", strerror(errno));
	/* A program that is not there is found out by writing to it. */
	signal(SIGPIPE, SIG_IGN);
	talk->pid = fork();
	if (talk->pid < 0)
		die("fork: %s", strerror(errno));
	if (talk->pid == 0)
		exec_program(to[0], from[1], argv);
	close(to[0]);
	close(from[1]);
	talk->to = fdopen(to[1], "w");
	talk->from = fdopen(from[0], "r");
	if (!talk->to || !talk->from)
		die("fdopen: %s", strerror(errno));
	first = fgetc(talk->from);
	if (first == EOF) {
		talk_end(talk);
		return -1;
	}
	ungetc(first, talk->from);
	return 0;
}

void talk_do(struct talk *talk, const char *lines, const char *end)
{
	char line[4096];

	fprintf(talk->to, "%s\n", lines);
	fflush(talk->to);
	do {
		if (!fgets(line, sizeof line, talk->from))
			die("a program that was talked to went away");
	} while (!strstr(line, end));
}

void talk_end(struct talk *talk)
{
	fclose(talk->to);
	waitpid(talk->pid, NULL, 0);
	fclose(talk->from);
}
