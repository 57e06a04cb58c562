/* SPDX-License-Identifier: MIT */
/*
 * provenance.c - a descriptor against the file of that name in our own /proc.
 *
 * An open file of procfs keeps its entry in the kernel's cache, so that a look by
 * name finds the very same inode, on every mount of the same procfs (tried on 6.18).
 * Inode numbers there are never given out twice. statx(2) with
 * AT_STATX_DONT_SYNC asks no server, and neither does readlink(2).
 */
#include "provenance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINK_SIZE 256

/* A descriptor of one thread, which may end before its process (PIDFD_THREAD, Linux 6.9). */
#define THREAD_FLAG O_EXCL

static int look_at(int directory, const char *path, int flags, struct statx *look)
{
	unsigned wanted = STATX_BASIC_STATS | STATX_MNT_ID;

	return statx(directory, path, flags | AT_STATX_DONT_SYNC, wanted, look) ? -errno : 0;
}

static bool same_device(const struct statx *a, const struct statx *b)
{
	return a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

/* Is it the same mount? Kernels before 5.8 do not tell. */
static bool same_mount(const struct statx *a, const struct statx *b)
{
	return a->stx_mask & b->stx_mask & STATX_MNT_ID && a->stx_mnt_id == b->stx_mnt_id;
}

/* What the descriptor is a path to, as the kernel says. 0 or -errno. */
static int read_link(int fd, char *text)
{
	char path[40];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = readlink(path, text, LINK_SIZE - 1);
	if (n < 0 || n == LINK_SIZE - 1)
		return n < 0 ? -errno : -ENAMETOOLONG;
	text[n] = '\0';
	return 0;
}

/* The thread in ".../task/TID/NAME", or 0. Only a hint where to look. */
static int thread_in(const char *link)
{
	const char *task = strstr(link, "/task/");

	return task ? atoi(task + 6) : 0;
}

/* Compares with our own /proc. `found` is the descriptor, and `root` is /proc. */
static int compare(const struct statx *found, const struct statx *root, const char *link,
                   const char *path)
{
	struct statx ours;

	if (look_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &ours) == 0)
		return same_device(&ours, found) && ours.stx_ino == found->stx_ino ? 0 : -EXDEV;
	/* Hidden from us (hidepid). What was opened below the same mount has a true path. */
	if (!same_mount(found, root))
		return -ENOENT;
	return strcmp(link, path) ? -EXDEV : 0;
}

/* A descriptor below our own /proc: 0 with both looks and its path, or an answer. */
static int look_below(int fd, struct statx *found, struct statx *root, char *link)
{
	if (look_at(AT_FDCWD, "/proc", 0, root) || read_link(fd, link))
		return -ENOENT;
	/* What has no path (a pipe, a pidfd) is no file of any /proc. */
	if (link[0] != '/' || look_at(fd, "", AT_EMPTY_PATH, found))
		return -EBADF;
	return same_device(found, root) ? 0 : -ENOENT;
}

int machvm__provenance_file(int fd, const struct machvm__process_numbers *numbers, const char *name,
                            int access)
{
	char link[LINK_SIZE], path[96];
	int flags = fcntl(fd, F_GETFL);
	struct statx found, root;
	int r, tid;

	if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) != access)
		return -EBADF;
	r = look_below(fd, &found, &root, link);
	if (r)
		return r;
	if (!S_ISREG(found.stx_mode))
		return -EBADF;
	/* Our /proc shows the file, so it would show the process. */
	if (!numbers->proc_tgid)
		return -EXDEV;
	tid = thread_in(link);
	if (tid)
		snprintf(path, sizeof path, "/proc/%d/task/%d/%s", numbers->proc_tgid, tid, name);
	else
		snprintf(path, sizeof path, "/proc/%d/%s", numbers->proc_tgid, name);
	return compare(&found, &root, link, path);
}

static int check_directory(int fd, struct machvm__process_numbers *numbers)
{
	char link[LINK_SIZE], path[32];
	enum machvm__handle kind;
	struct statx found, root;
	int r = look_below(fd, &found, &root, link);

	if (r)
		return r;
	/* It is of the kernel's making: reading from it is safe. */
	r = machvm__process_identify(fd, &kind, numbers);
	if (r)
		return r;
	snprintf(path, sizeof path, "/proc/%d", numbers->proc_tgid);
	r = compare(&found, &root, link, path);
	return r == -EXDEV ? -EBADF : r;
}

int machvm__provenance_handle(int fd, enum machvm__handle *kind,
                              struct machvm__process_numbers *numbers)
{
	char link[LINK_SIZE];
	int flags = fcntl(fd, F_GETFL);
	struct statx look;

	if (flags < 0 || flags & O_PATH || look_at(fd, "", AT_EMPTY_PATH, &look))
		return -EBADF;
	if (S_ISDIR(look.stx_mode)) {
		*kind = MACHVM__HANDLE_DIRECTORY;
		return check_directory(fd, numbers);
	}
	if (read_link(fd, link))
		return -ENOENT;
	/* No path of a file begins like that. */
	if (strcmp(link, "anon_inode:[pidfd]") && strncmp(link, "pidfd:", 6))
		return -EBADF;
	if (flags & THREAD_FLAG)
		return -EBADF;
	return machvm__process_identify(fd, kind, numbers);
}
