/* SPDX-License-Identifier: MIT */
/* sink - where results go: standard output, or a file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "interrupt.h"
#include "memory.h"
#include "sink.h"

static int reason; /* the errno of the first write that failed */

static int is_failure(int status)
{
	return status > STATUS_NOTHING;
}

/* A temporary name in the same directory, so that it can become the other one. */
static void choose_names(struct sink *sink, const char *path)
{
	char resolved[PATH_MAX];
	const char *slash;

	/* A symbolic link stays one: what it leads to is replaced. */
	sink->path = realpath(path, resolved) ? memory_text(resolved, strlen(resolved))
					      : memory_text(path, strlen(path));
	slash = strrchr(sink->path, '/');
	if (asprintf(&sink->temporary, "%.*s.machvm-%d", slash ? (int)(slash - sink->path + 1) : 0,
		     sink->path, (int)getpid()) < 0)
		exit(failure_say(STATUS_RESOURCES, "machvm itself has no memory left"));
}

static int open_nameless(struct sink *sink)
{
	char *slash = strrchr(sink->path, '/');
	char *directory = slash ? memory_text(sink->path, (size_t)(slash - sink->path + 1))
				: memory_text(".", 1);
	int fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);

	free(directory);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	/* Not every file system can: there a name is in use until the end. */
	fd = open(sink->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	sink->linked = fd >= 0;
	return fd;
}

/* As if the old file had been written into; only its owner may not be ours to give. */
static void resemble(int fd, const struct stat *old)
{
	int lost = fchown(fd, old->st_uid, old->st_gid);

	lost |= fchmod(fd, old->st_mode & 0777);
	(void)lost;
}

static int open_file(struct sink *sink, const char *path)
{
	struct stat status;
	int exists = !stat(path, &status);
	int fd;

	if (exists && !S_ISREG(status.st_mode))
		return open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (exists && access(path, W_OK))
		return -1;
	choose_names(sink, path);
	fd = open_nameless(sink);
	if (fd >= 0 && exists)
		resemble(fd, &status);
	return fd;
}

static void forget(struct sink *sink)
{
	free(sink->temporary);
	free(sink->path);
	*sink = (struct sink){0};
}

int sink_open(struct sink *sink, const char *path)
{
	int fd, error;

	*sink = (struct sink){.stream = stdout};
	if (!path || !strcmp(path, "-"))
		return STATUS_DONE;
	fd = open_file(sink, path);
	sink->stream = fd < 0 ? NULL : fdopen(fd, "w");
	if (!sink->stream) {
		error = errno;
		forget(sink);
		return failure_system(error, path);
	}
	sink->is_file = 1;
	return STATUS_DONE;
}

static int name_file(struct sink *sink)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fileno(sink->stream));
	if (!sink->linked && linkat(AT_FDCWD, link, AT_FDCWD, sink->temporary, AT_SYMLINK_FOLLOW))
		return -errno;
	sink->linked = 1;
	return rename(sink->temporary, sink->path) ? -errno : 0;
}

int sink_close(struct sink *sink, int status)
{
	int error = 0;

	if (!sink->is_file)
		return sink_flush_output(status);
	fflush(sink->stream);
	if (sink_failed(sink->stream))
		error = reason;
	else if (sink->path && !is_failure(status))
		error = -name_file(sink);
	if ((error || is_failure(status)) && sink->linked)
		unlink(sink->temporary);
	if (error && !is_failure(status) && interrupt_pending())
		status = failure_say(STATUS_OTHER, "interrupted before the end");
	else if (error && !is_failure(status))
		status = failure_system(error, sink->path ? sink->path : "the output file");
	fclose(sink->stream);
	forget(sink);
	return status;
}

int sink_failed(FILE *stream)
{
	if (ferror(stream) && !reason)
		reason = errno ? errno : EIO;
	return ferror(stream);
}

int sink_flush_output(int status)
{
	/* After Ctrl-C nobody may be there to take what is still buffered. */
	if (is_failure(status) && interrupt_pending())
		__fpurge(stdout);
	fflush(stdout);
	if (!sink_failed(stdout))
		return status;
	__fpurge(stdout);
	if (is_failure(status))
		return status;
	if (interrupt_pending())
		return failure_say(STATUS_OTHER, "interrupted before the end");
	if (reason == EPIPE)
		return failure_say(STATUS_OTHER,
				   "standard output was closed by its reader before the end");
	return failure_system(reason, "standard output");
}
