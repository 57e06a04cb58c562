/* SPDX-License-Identifier: MIT */
/*
 * fuzz_maps.c - the readers of maps and mountinfo, on any text, in pieces of any size.
 * The first byte chooses the size of the buffer.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"
#include "mounts.h"
#include "tag.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void read_regions(int fd, size_t room)
{
	char *buffer = malloc(room);
	struct machvm__text text;
	struct machvm__vma vma;
	const char *name;

	check(machvm__text_init(&text, fd, buffer, room) == 0);
	while (machvm__maps_next(&text, &vma, &name) > 0) {
		check(vma.start < vma.end && machvm__maps_reachable(vma.start));
		check(name >= buffer && name + vma.name_length < buffer + room);
		check(name[vma.name_length] == '\0');
		check(machvm__tag_parse(name) <= 255);
	}
	free(buffer);
}

/* A line of its own memory, so that a byte too far is found. */
static void parse_line(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct machvm__mount mount;
	struct machvm__vma vma;
	size_t name_at;

	memcpy(line, data, size);
	line[size] = '\0';
	if (machvm__maps_parse(line, size, &vma, &name_at) == 0)
		check(name_at + vma.name_length == size);
	machvm__mounts_parse(line, &mount);
	machvm__tag_parse(line);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machvm__mount *mounts;
	int fd;

	if (size < 1)
		return 0;
	parse_line(data + 1, size - 1);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	check(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
	read_regions(fd, (size_t)data[0] * 8 + 16);
	if (machvm__mounts_read(fd, &mounts) >= 0)
		free(mounts);
	close(fd);
	return 0;
}
