/* SPDX-License-Identifier: MIT */
/*
 * fuzz_smaps.c - the reader of smaps, on any text, in pieces of any size. The
 * first byte chooses the size of the buffer.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "smaps.h"
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
	struct machvm__smaps region;
	struct machvm__text text;
	uint64_t passed = 0;

	check(machvm__text_init(&text, fd, buffer, room) == 0);
	while (machvm__smaps_next(&text, &region) > 0) {
		check(region.vma.start < region.vma.end && machvm__maps_reachable(region.vma.start));
		check(memchr(region.name, '\0', sizeof region.name) != NULL);
		/* Whatever stands there, each region takes something off the text. */
		check(text.passed > passed);
		passed = text.passed;
	}
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machvm__smaps region = {0};
	char *line;
	int fd;

	if (size < 1)
		return 0;
	line = malloc(size);
	memcpy(line, data + 1, size - 1);
	line[size - 1] = '\0';
	machvm__smaps_parse(line, size - 1, &region);
	free(line);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	check(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
	read_regions(fd, (size_t)data[0] * 16 + 64);
	close(fd);
	return 0;
}
