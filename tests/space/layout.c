/* SPDX-License-Identifier: MIT */
/* Reading the owner's map. */
#include "layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *own_file(const char *path)
{
	size_t size = 0, room = 1 << 20;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (!text || fd < 0)
		fail_case("cannot read %s", path);
	while ((n = read(fd, text + size, room - 1 - size)) > 0)
		size += (size_t)n;
	close(fd);
	text[size] = '\0';
	return text;
}

char *layout_maps(const struct ground *ground)
{
	uint64_t size;
	char *text;

	if (!ground->victim)
		return own_file("/proc/self/maps");
	size = victim_ask(ground->victim, "maps");
	text = calloc(1, size + 1);
	victim_bytes(ground->victim, text, size);
	return text;
}

void layout_read(const struct ground *ground, uint64_t address, unsigned pages, char *text)
{
	char *maps = layout_maps(ground), *rest = maps, *line;

	memset(text, '.', pages);
	text[pages] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL && *line) {
		unsigned long long start, end;
		char access[5];
		int value;

		if (sscanf(line, "%llx-%llx %4s", &start, &end, access) != 3)
			fail_case("a line of maps is \"%s\"", line);
		value = (access[0] == 'r') | (access[1] == 'w') << 1 | (access[2] == 'x') << 2;
		for (unsigned i = 0; i < pages; i++)
			if (address + i * PAGE >= start && address + i * PAGE < end)
				text[i] = (char)((access[3] == 's' ? 'a' : '0') + value);
	}
	free(maps);
}

void harness_expect_layout_at(const char *file, int line, const struct ground *ground,
			      uint64_t address, const char *want)
{
	char got[256];

	layout_read(ground, address, (unsigned)strlen(want), got);
	if (strcmp(got, want) != 0)
		harness_fail(file, line, "the pages of %s from 0x%llx on are %s, not %s",
			     ground->name, (unsigned long long)address, got, want);
}

void harness_expect_layout(const char *file, int line, const struct ground *ground,
			   const char *want)
{
	harness_expect_layout_at(file, line, ground, ground->base, want);
}

bool layout_has_flag(const struct ground *ground, uint64_t address, const char *flag)
{
	char path[64], word[8];
	char *smaps, *rest, *line;
	bool inside = false, found = false;

	snprintf(path, sizeof(path), "/proc/%d/smaps",
		 ground->victim ? ground->victim->pid : (int)getpid());
	snprintf(word, sizeof(word), " %s", flag);
	rest = smaps = own_file(path);
	while ((line = strsep(&rest, "\n")) != NULL) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
			inside = address >= start && address < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, word) != NULL;
	}
	free(smaps);
	return found;
}
