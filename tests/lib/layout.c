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

/* A file of the owner's /proc/self, as the owner reads it. */
static char *owners_file(const struct ground *ground, const char *name)
{
	uint64_t size;
	char path[32], *text;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	if (!ground->victim)
		return own_file(path);
	size = victim_ask(ground->victim, "%s", name);
	text = calloc(1, size + 1);
	victim_bytes(ground->victim, text, size);
	return text;
}

char *layout_maps(const struct ground *ground)
{
	return owners_file(ground, "maps");
}

uint64_t layout_find(const struct ground *ground, const char *name)
{
	char *maps = layout_maps(ground), *rest = maps, *line;
	unsigned long long start = 0;

	while (!start && (line = strsep(&rest, "\n")) != NULL)
		if (strstr(line, name))
			sscanf(line, "%llx", &start);
	free(maps);
	return start;
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

/* The rest of the line of smaps that begins with `field`, of the page's region; "" when there is none. */
static char *smaps_line(const struct ground *ground, uint64_t address, const char *field)
{
	char *smaps = owners_file(ground, "smaps"), *rest = smaps, *line, *found = NULL;
	bool inside = false;

	while (!found && (line = strsep(&rest, "\n")) != NULL) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
			inside = address >= start && address < end;
		else if (inside && strncmp(line, field, strlen(field)) == 0)
			found = strdup(line + strlen(field));
	}
	free(smaps);
	return found ? found : strdup("");
}

bool layout_has_flag(const struct ground *ground, uint64_t address, const char *flag)
{
	char word[8], *line = smaps_line(ground, address, "VmFlags:");
	bool found;

	snprintf(word, sizeof(word), " %s", flag);
	found = strstr(line, word) != NULL;
	free(line);
	return found;
}

unsigned long layout_kilobytes(const struct ground *ground, uint64_t address, const char *field)
{
	char *line = smaps_line(ground, address, field);
	unsigned long count = strtoul(line, NULL, 10);

	free(line);
	return count;
}

void layout_each_row(unsigned rows, bool *natural, void (*run)(unsigned row))
{
	for (unsigned row = 0; row < rows; row++) {
		*natural = false;
		run(row);
		*natural = true;
		run(row);
	}
}
