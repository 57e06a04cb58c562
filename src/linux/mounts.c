/* SPDX-License-Identifier: MIT */
/* mounts.c - /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
#include "mounts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

bool machvm__mounts_served(uint32_t device_major, uint32_t device_minor)
{
	FILE *list = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	bool served = false;

	if (!list)
		return false;
	while (!served && fgets(line, sizeof line, list)) {
		unsigned major, minor;
		const char *type = strstr(line, " - ");

		if (type && sscanf(line, "%*d %*d %u:%u", &major, &minor) == 2 &&
		    major == device_major && minor == device_minor)
			served = !strncmp(type + 3, "fuse", 4);
	}
	fclose(list);
	return served;
}

/* Is `word` one of the options, which commas separate and a space ends? */
static bool has_option(const char *options, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = options; at; at = strpbrk(at, ", ")) {
		if (*at == ' ')
			return false;
		at += *at == ',';
		if (!strncmp(at, word, length) && strchr(", ", at[length]))
			return true;
	}
	return false;
}

/* Whose files are devices and windows of the kernel: drivers choose what may be mapped how. */
static bool made_of_drivers(const char *type)
{
	static const char *const types[] = {"devtmpfs ", "proc ", "sysfs ", "debugfs "};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!strncmp(type, types[i], strlen(types[i])))
			return true;
	return false;
}

int machvm__mounts_parse(const char *line, struct machvm__mount *mount)
{
	const char *type = strstr(line, " - ");
	unsigned major, minor;
	int options = 0;

	/* Spaces within the root and the mount point are escaped. */
	if (!type || sscanf(line, "%*d %*d %u:%u %*s %*s %n", &major, &minor, &options) != 2 ||
	    !options || line + options > type)
		return -EINVAL;
	*mount = (struct machvm__mount){major, minor, MACHVM__EXECUTION_ALLOWED};
	if (made_of_drivers(type + 3))
		mount->execution = MACHVM__EXECUTION_UNKNOWN;
	else if (has_option(line + options, "noexec"))
		mount->execution = MACHVM__EXECUTION_REFUSED;
	return 0;
}

/* Adds a mount to the devices that are known already: *count of them. 0 or -ENOMEM. */
static int add(struct machvm__mount **list, int *count, const struct machvm__mount *mount)
{
	struct machvm__mount *grown;

	for (int i = 0; i < *count; i++) {
		struct machvm__mount *known = &(*list)[i];

		if (known->device_major != mount->device_major ||
		    known->device_minor != mount->device_minor)
			continue;
		if (known->execution != mount->execution)
			known->execution = MACHVM__EXECUTION_UNKNOWN;
		return 0;
	}
	grown = realloc(*list, (size_t)(*count + 1) * sizeof **list);
	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[(*count)++] = *mount;
	return 0;
}

int machvm__mounts_read(int mountinfo_fd, struct machvm__mount **list)
{
	char buffer[MACHVM__TEXT_BUFFER];
	struct machvm__mount mount;
	struct machvm__text text;
	int count = 0;
	size_t length;
	char *line;
	int r = machvm__text_init(&text, mountinfo_fd, buffer, sizeof buffer);

	*list = NULL;
	while (r == 0 && (r = machvm__text_line(&text, &line, &length)) > 0) {
		r = 0;
		if (machvm__mounts_parse(line, &mount) == 0)
			r = add(list, &count, &mount);
	}
	if (r < 0) {
		free(*list);
		*list = NULL;
	}
	return r < 0 ? r : count;
}

bool machvm__mounts_changed(int mountinfo_fd)
{
	struct pollfd fd = {.fd = mountinfo_fd, .events = POLLPRI};
	int n;

	do
		n = poll(&fd, 1, 0);
	while (n < 0 && errno == EINTR);
	return n != 0;
}
