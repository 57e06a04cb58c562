/* SPDX-License-Identifier: MIT */
/* input - the bytes of a file or of standard input, all of them at once. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"
#include "input.h"

#define PIECE (1u << 20)

static int read_all(int fd, const char *name, uint64_t size, struct bytes *bytes)
{
	while (bytes->size < size) {
		uint64_t left = size - bytes->size;
		size_t wanted = left < PIECE ? (size_t)left : PIECE;
		ssize_t n = read(fd, bytes_reserve(bytes, wanted), wanted);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failure_system(errno, name);
		if (!n && size == INPUT_ALL)
			return STATUS_DONE;
		if (!n)
			return failure_say(
				STATUS_USAGE,
				"%s has %zu bytes only, %llu were asked for; nothing is written",
				name, bytes->size, (unsigned long long)size);
		bytes->size += (size_t)n;
	}
	return STATUS_DONE;
}

int input_read(const char *path, uint64_t size, struct bytes *bytes)
{
	int fd, status;

	if (!strcmp(path, "-"))
		return read_all(STDIN_FILENO, "standard input", size, bytes);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failure_system(errno, path);
	status = read_all(fd, path, size, bytes);
	close(fd);
	return status;
}
