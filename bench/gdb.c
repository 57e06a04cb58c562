/* SPDX-License-Identifier: MIT */
/* gdb.c - talking to gdb through two pipes. */
#include "gdb.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

static void exec_gdb(int in, int out, pid_t target)
{
	char pid[16];

	snprintf(pid, sizeof pid, "%d", target);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execlp("gdb", "gdb", "--nx", "--quiet", "-ex", "set confirm off", "-ex",
	       "set pagination off", "-p", pid, (char *)NULL);
	_exit(127);
}

int gdb_start(struct gdb *gdb, pid_t target)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe2: %s", strerror(errno));
	/* A gdb that is not there is found out by writing to it. */
	signal(SIGPIPE, SIG_IGN);
	gdb->pid = fork();
	if (gdb->pid < 0)
		die("fork: %s", strerror(errno));
	if (gdb->pid == 0)
		exec_gdb(to[0], from[1], target);
	close(to[0]);
	close(from[1]);
	gdb->to = fdopen(to[1], "w");
	gdb->from = fdopen(from[0], "r");
	if (!gdb->to || !gdb->from)
		die("fdopen: %s", strerror(errno));
	int first = fgetc(gdb->from);
	if (first == EOF) {
		gdb_end(gdb);
		return -1;
	}
	ungetc(first, gdb->from);
	gdb_do(gdb, "echo");
	return 0;
}

void gdb_do(struct gdb *gdb, const char *command)
{
	static const char end[] = "command-has-ended";
	char line[4096];

	fprintf(gdb->to, "%s\necho %s\\n\n", command, end);
	fflush(gdb->to);
	do {
		if (!fgets(line, sizeof line, gdb->from))
			die("gdb went away");
	} while (!strstr(line, end));
}

void gdb_end(struct gdb *gdb)
{
	/* The end of its input is the end of gdb, which lets go of the target. */
	fclose(gdb->to);
	waitpid(gdb->pid, NULL, 0);
	fclose(gdb->from);
}
