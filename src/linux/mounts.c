/* SPDX-License-Identifier: MIT */
/* mounts.c - /proc/self/mountinfo (proc_pid_mountinfo(5)). */
#include "mounts.h"

#include <stdio.h>
#include <string.h>

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
