/* SPDX-License-Identifier: MIT */
/*
 * io_uring.c - /proc/PID/fdinfo/FD of an io_uring lists its fixed buffers below
 * "UserBufs:", one "  INDEX: 0xADDRESS/LENGTH" a line (io_uring/fdinfo.c, Linux 5.12).
 */
#include "io_uring.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_io_uring(int links, const char *name)
{
	char text[64];
	ssize_t n = readlinkat(links, name, text, sizeof text - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return strstr(text, "[io_uring]") != NULL;
}

static bool lists(FILE *file, uint64_t start, uint64_t end, uint64_t *at)
{
	unsigned long long address, size;
	bool buffers = false;
	char line[256];

	while (fgets(line, sizeof line, file)) {
		if (!strncmp(line, "UserBufs:", 9)) {
			buffers = true;
			continue;
		}
		if (!buffers || sscanf(line, " %*u: %llx/%llu", &address, &size) != 2)
			buffers = buffers && line[0] == ' ';
		else if (address < end && address + size > start) {
			*at = address > start ? address : start;
			return true;
		}
	}
	return false;
}

static bool look(int texts, const char *name, uint64_t start, uint64_t end, uint64_t *at)
{
	int fd = openat(texts, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	bool found;

	if (!file) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	found = lists(file, start, end, at);
	fclose(file);
	return found;
}

static int open_part(int proc_pid, const char *part)
{
	char path[64];

	if (proc_pid)
		snprintf(path, sizeof path, "/proc/%d/%s", proc_pid, part);
	else
		snprintf(path, sizeof path, "/proc/self/%s", part);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool machvm__io_uring_pins(int proc_pid, uint64_t start, uint64_t end, uint64_t *at)
{
	int links = open_part(proc_pid, "fd"), texts = open_part(proc_pid, "fdinfo");
	int copy = links < 0 ? -1 : openat(links, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	bool found = false;

	while (names && texts >= 0 && !found && (entry = readdir(names)))
		if (is_io_uring(links, entry->d_name))
			found = look(texts, entry->d_name, start, end, at);
	if (names)
		closedir(names);
	else if (copy >= 0)
		close(copy);
	if (links >= 0)
		close(links);
	if (texts >= 0)
		close(texts);
	return found;
}
