/* SPDX-License-Identifier: MIT */
/* size - numbers of bytes as people read them. */
#include <stdio.h>

#include "size.h"

void size_print(char *text, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double number = (double)bytes;
	unsigned unit = 0;

	/* From 1023.95 on, one decimal would print as 1024.0. */
	while (number >= 1023.95 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		number /= 1024;
		unit++;
	}
	snprintf(text, size, unit ? "%.1f %s" : "%.0f %s", number, units[unit]);
}
