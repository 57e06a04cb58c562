/* SPDX-License-Identifier: MIT */
/*
 * pread64 and pwrite64 in front of libc's: what a region does not permit is EIO. Which it is
 * is read in the text of the map, each time anew.
 */
#include "policy.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* By the library, too. */
#define SEEN __attribute__((__visibility__("default")))

static bool never;

void policy_from_environment(void)
{
	const char *policy = getenv("MACHVM_TEST_POLICY");

	never = policy != NULL && strcmp(policy, "never") == 0;
	if (policy != NULL && !never) {
		fprintf(stderr, "policy: %s is not known\n", policy);
		exit(99);
	}
}

bool policy_never(void)
{
	return never;
}

typedef ssize_t reader(int fd, void *data, size_t size, off64_t offset);
typedef ssize_t writer(int fd, const void *data, size_t size, off64_t offset);

static void *of_libc(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (function == NULL)
		abort();
	return function;
}

/* The process whose file of that name is behind the descriptor; 0 when it is another file. */
static int owner_of(int fd, const char *name)
{
	char link[40], path[64];
	size_t length = strlen(name);
	int pid = 0;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= (ssize_t)length)
		return 0;
	path[n] = '\0';
	/* A thread's has two numbers. */
	return strcmp(path + n - length, name) == 0 && sscanf(path, "/proc/%d/", &pid) == 1 ? pid : 0;
}

/* One that is not there or, as a dead leader's, says nothing is closed again: -1. */
static int unless_empty(int fd, reader *read)
{
	char byte;

	if (fd >= 0 && read(fd, &byte, 1, 0) == 1)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * The map of a process: of any thread of it, or by a descriptor that somebody gave us where we
 * may not open it.
 */
static int open_map(int pid, reader *read)
{
	char path[320];
	struct dirent *entry;
	DIR *threads;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	while (threads != NULL && fd < 0 && (entry = readdir(threads)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/maps", pid, entry->d_name);
		fd = unless_empty(open(path, O_RDONLY | O_CLOEXEC), read);
	}
	if (threads != NULL)
		closedir(threads);
	for (int i = 3; fd < 0 && i < 256; i++)
		if (owner_of(i, "/maps") == pid)
			fd = unless_empty(dup(i), read);
	return fd;
}

/* So many bytes from `at` on are in regions that permit it, or in none: that is for the kernel. */
static size_t permitted(int pid, uint64_t at, size_t size, char access, reader *read)
{
	static __thread char text[1 << 18];
	uint64_t end = at + size;
	char *line, *rest = text;
	size_t length = 0;
	int fd = open_map(pid, read);
	ssize_t n;

	/* A position of our own: others hold the file as well. */
	while (length < sizeof(text) - 1 &&
	       (n = read(fd, text + length, sizeof(text) - 1 - length, (off64_t)length)) > 0)
		length += (size_t)n;
	if (length == sizeof(text) - 1)
		abort();
	text[length] = '\0';
	close(fd);
	while ((line = strsep(&rest, "\n")) != NULL) {
		unsigned long long first, last;
		char rights[5];

		if (sscanf(line, "%llx-%llx %4s", &first, &last, rights) != 3 || last <= at)
			continue;
		if (first >= end)
			break;
		if (strchr(rights, access) == NULL)
			return (size_t)((first > at ? first : at) - at);
	}
	return size;
}

/* How much may be asked of the kernel; 0 with errno for none, or without: the address space has ended. */
static size_t passes(int fd, size_t size, off64_t offset, char access, reader *read)
{
	int saved = errno, pid = never && size != 0 ? owner_of(fd, "/mem") : 0;
	size_t good = pid != 0 ? permitted(pid, (uint64_t)offset, size, access, read) : size;
	char byte;

	errno = good == 0 && read(fd, &byte, 1, offset) == 0 ? 0 : good == 0 ? EIO : saved;
	return good;
}

SEEN ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
	static reader *real;
	size_t good;

	if (real == NULL)
		real = (reader *)of_libc("pread64");
	good = passes(fd, size, offset, 'r', real);
	if (size != 0 && good == 0)
		return errno != 0 ? -1 : 0;
	return real(fd, data, good, offset);
}

SEEN ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	static reader *look;
	static writer *real;
	size_t good;

	if (real == NULL) {
		look = (reader *)of_libc("pread64");
		real = (writer *)of_libc("pwrite64");
	}
	good = passes(fd, size, offset, 'w', look);
	if (size != 0 && good == 0)
		return errno != 0 ? -1 : 0;
	return real(fd, data, good, offset);
}
