/* SPDX-License-Identifier: MIT */
/* holder - the process that keeps a suspension. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "holder.h"

/* The number behind a name in /proc/PID/task/TID/status; 0 when it is not there. */
static long status_number(pid_t pid, pid_t tid, const char *name)
{
	char path[64], line[256];
	size_t length = strlen(name);
	long number = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, length)) {
			number = strtol(line + length, NULL, 10);
			break;
		}
	}
	if (file)
		fclose(file);
	return number;
}

static void read_name(pid_t pid, char *name, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	name[0] = '\0';
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, (int)size, file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

/* Of whichever thread has one: a first thread that has ended has none. */
static pid_t tracer_of(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	pid_t tracer = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	directory = opendir(path);
	if (!directory)
		return -1;
	while (!tracer && (entry = readdir(directory))) {
		pid_t tid = (pid_t)atoi(entry->d_name);

		if (tid)
			tracer = (pid_t)status_number(pid, tid, "TracerPid:");
	}
	closedir(directory);
	return tracer;
}

int holder_find(pid_t pid, struct holder *holder)
{
	memset(holder, 0, sizeof(*holder));
	holder->tracer = tracer_of(pid);
	if (holder->tracer < 0)
		return -ESRCH;
	if (!holder->tracer)
		return 0;
	read_name(holder->tracer, holder->name, sizeof(holder->name));
	if (strcmp(holder->name, "machvm-tracer")) {
		holder->pid = holder->tracer;
		return 0;
	}
	holder->pid = (pid_t)status_number(holder->tracer, holder->tracer, "PPid:");
	read_name(holder->pid, holder->name, sizeof(holder->name));
	holder->ours = !strcmp(holder->name, "machvm");
	return 0;
}

int holder_end(pid_t pid, const struct holder *holder)
{
	struct timespec moment = {0, 1000000};
	struct holder now;
	int fd = pidfd_open(holder->pid, 0), tries = 10000, r;

	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	/* While it is this one that holds, its number is its own. */
	r = holder_find(pid, &now);
	if (r || now.pid != holder->pid || pidfd_send_signal(fd, SIGTERM, NULL, 0))
		r = r || now.pid != holder->pid || errno == ESRCH ? 0 : -errno;
	close(fd);
	while (!r && tries-- > 0 && tracer_of(pid) == holder->tracer)
		nanosleep(&moment, NULL);
	return r ? r : tries < 0 ? -ETIMEDOUT : 0;
}

void holder_wait(int (*gone)(void *context), void *context)
{
	struct timespec second = {1, 0};
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	while (sigtimedwait(&ends, NULL, &second) < 0) {
		if (gone(context))
			return;
	}
}
