/* SPDX-License-Identifier: MIT */
/*
 * process - what /proc tells everybody about a process.
 *
 * Names only: nothing here opens or changes a process. /proc/PID/stat is
 * readable by all; exe and auxv need the right to look (proc(5)).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

#define PF_KTHREAD        0x00200000u /* the flags field of stat, proc(5) */
#define COMMAND_NAME_SIZE 15          /* where the kernel cuts a command name */

static ssize_t read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = -errno;
	else
		text[n] = '\0';
	close(fd);
	return n;
}

int process_read(int pid, struct process *process)
{
	char path[64], stat[1024], state;
	const char *open_name, *close_name;
	unsigned flags;
	long threads;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	n = read_file(path, stat, sizeof(stat));
	if (n <= 0)
		return !n || n == -ENOENT ? -ESRCH : (int)n;
	/* The name may hold anything, parentheses and newlines included. */
	open_name = strchr(stat, '(');
	close_name = strrchr(stat, ')');
	if (!open_name || !close_name)
		return -ESRCH;
	if (sscanf(close_name + 1,
		   " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld", &state,
		   &flags, &threads) != 3)
		return -ESRCH;
	process->pid = pid;
	process->kernel = !!(flags & PF_KTHREAD);
	process->zombie = (state == 'Z' || state == 'X') && threads <= 1;
	snprintf(process->name, sizeof(process->name), "%.*s", (int)(close_name - open_name - 1),
		 open_name + 1);
	return 0;
}

/* Calls `use` with /proc/PID/exe, then with that of each thread, until it is not refused. */
static int try_program(int pid, int (*use)(const char *link, char *result), char *result)
{
	char path[320];
	struct dirent *entry;
	DIR *threads;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	r = use(path, result);
	if (r != -ENOENT)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	if (!threads)
		return r;
	while (r == -ENOENT && (entry = readdir(threads))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/exe", pid, entry->d_name);
		r = use(path, result);
	}
	closedir(threads);
	return r;
}

static int read_link(const char *link, char *path)
{
	static const char deleted[] = " (deleted)";
	ssize_t n = readlink(link, path, PATH_MAX - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	if (n >= (ssize_t)sizeof(deleted) && !strcmp(path + n - (sizeof(deleted) - 1), deleted))
		path[n - (sizeof(deleted) - 1)] = '\0';
	return 0;
}

static int open_link(const char *link, char *path)
{
	int fd = open(link, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int process_program(int pid, char path[PATH_MAX])
{
	return try_program(pid, read_link, path);
}

int process_program_open(int pid)
{
	return try_program(pid, open_link, NULL);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int process_is(const struct process *process, const char *name)
{
	char path[PATH_MAX], real[PATH_MAX], link[64];

	if (!strcmp(process->name, name))
		return 1;
	if (!process_program(process->pid, path)) {
		if (!strchr(name, '/'))
			return !strcmp(base_name(path), name);
		return !strcmp(path, name) || (realpath(name, real) && !strcmp(path, real));
	}
	/* Somebody else's: the program is hidden, the words it was started with are not. */
	if (strlen(process->name) != COMMAND_NAME_SIZE ||
	    strncmp(process->name, name, COMMAND_NAME_SIZE))
		return 0;
	snprintf(link, sizeof(link), "/proc/%d/cmdline", process->pid);
	return read_file(link, path, sizeof(path)) > 0 && !strcmp(base_name(path), name);
}

int process_of_thread(int tid)
{
	char path[64], status[1024];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	if (read_file(path, status, sizeof(status)) <= 0)
		return 0;
	line = strstr(status, "\nTgid:");
	return line ? atoi(line + strlen("\nTgid:")) : 0;
}

int process_each(int (*visit)(const struct process *process, void *context), void *context)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!proc)
		return -errno;
	while (!r && (entry = readdir(proc))) {
		struct process process;
		int pid = atoi(entry->d_name);

		if (pid > 0 && !process_read(pid, &process))
			r = visit(&process, context);
	}
	closedir(proc);
	return r;
}
