/* SPDX-License-Identifier: MIT */
/* debuggers.c - how each is started, and made to say that it is done. */
#include "debuggers.h"

#include <stdio.h>

int gdb_start(struct talk *gdb, pid_t target)
{
	char pid[16];
	const char *const argv[] = {"gdb", "--nx", "--quiet", "-ex", "set confirm off", "-ex",
			      "set pagination off", "-p", pid, NULL};

	snprintf(pid, sizeof pid, "%d", target);
	if (talk_start(gdb, argv))
		return -1;
	gdb_do(gdb, "echo");
	return 0;
}

void gdb_do(struct talk *gdb, const char *command)
{
	static const char end[] = "command-has-ended";
	char lines[4096];

	snprintf(lines, sizeof lines, "%s\necho %s\\n", command, end);
	talk_do(gdb, lines, end);
}

int lldb_start(struct talk *lldb, pid_t target)
{
	char pid[16];
	const char *const argv[] = {"lldb", "--no-lldbinit", "--no-use-colors", "-p", pid, NULL};

	snprintf(pid, sizeof pid, "%d", target);
	if (talk_start(lldb, argv))
		return -1;
	lldb_do(lldb, "process status");
	return 0;
}

/* It repeats what it is given, but not what it answers to that. */
void lldb_do(struct talk *lldb, const char *command)
{
	char lines[4096];

	snprintf(lines, sizeof lines, "%s\nversion", command);
	talk_do(lldb, lines, "lldb version");
}
