/* SPDX-License-Identifier: MIT */
/* suite_space_none.c - where nobody has written the rivals' registers down. */
#include <stdio.h>

#include "suites.h"

void suite_space(const struct settings *settings)
{
	fputs("bench: remote calls are measured on x86-64 only\n", stderr);
}
