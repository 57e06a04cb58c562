/* SPDX-License-Identifier: MIT */
/* status.c - fields of /proc's line-by-line texts. */
#include "status.h"

#include <stdlib.h>
#include <string.h>

/* What follows "NAME:" and its blanks; NULL without such a line. `name` has the colon. */
static const char *find(const char *text, const char *name)
{
	size_t length = strlen(name);
	const char *line = text;

	while (line && strncmp(line, name, length)) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return line ? line + length + strspn(line + length, " \t") : NULL;
}

int machvm__status_numbers(const char *text, const char *name, int64_t *numbers, int most)
{
	const char *at = find(text, name);
	int count = 0;

	while (at && count < most) {
		char *end;
		int64_t value;

		at += strspn(at, " \t");
		/* strtoll would step over the newline, into the next field. */
		if (*at == '\n' || *at == '\0')
			break;
		value = strtoll(at, &end, 10);
		if (end == at)
			break;
		numbers[count++] = value;
		at = end;
	}
	return count;
}

int64_t machvm__status_number(const char *text, const char *name, int64_t otherwise)
{
	int64_t value;

	return machvm__status_numbers(text, name, &value, 1) == 1 ? value : otherwise;
}

uint64_t machvm__status_mask(const char *text, const char *name)
{
	const char *at = find(text, name);

	return at && *at != '\n' ? strtoull(at, NULL, 16) : 0;
}

char machvm__status_letter(const char *text, const char *name)
{
	const char *at = find(text, name);

	return at && *at != '\n' ? *at : '\0';
}
