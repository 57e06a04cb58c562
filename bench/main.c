/* SPDX-License-Identifier: MIT */
/*
 * main.c - bench [--without ring|query] SUITE...
 *
 * Every row of the named suites goes to standard output as one line of JSON.
 * --without takes a facility of the kernel away first, from this process only.
 */
#include <stdio.h>
#include <string.h>

#include "deny.h"
#include "measure.h"
#include "subject.h"
#include "suites.h"

static const struct {
	const char *name;
	suite *run;
} suites[] = {
	{"small", suite_small}, {"long", suite_long}, {"lookups", suite_lookups},
	{"fresh", suite_fresh}, {"walk", suite_walk}, {"rivals", suite_rivals},
	{"crowd", suite_crowd}, {"spread", suite_spread}, {"sweep", suite_sweep},
	{"lists", suite_lists}, {"find", suite_find}, {"copy", suite_copy},
	{"space", suite_space}, {"window", suite_window},
};

enum { SUITES = sizeof suites / sizeof *suites };

static int usage(void)
{
	fputs("usage: bench [--without ring|query] SUITE...\nsuites:", stderr);
	for (int i = 0; i < SUITES; i++)
		fprintf(stderr, " %s", suites[i].name);
	fputc('\n', stderr);
	return 2;
}

static int run(const char *name, const struct settings *settings)
{
	for (int i = 0; i < SUITES; i++) {
		if (strcmp(suites[i].name, name))
			continue;
		suites[i].run(settings);
		return 0;
	}
	return usage();
}

int main(int argc, char **argv)
{
	struct settings settings = {0};
	int i = 1, status = 0;

	for (; i + 1 < argc && !strcmp(argv[i], "--without"); i += 2) {
		if (!strcmp(argv[i + 1], "ring")) {
			/* Then the run without --without has measured it. */
			if (!death_told())
				return 0;
			deny_aio();
		} else if (!strcmp(argv[i + 1], "query")) {
			deny_query();
		} else {
			return usage();
		}
		settings.without_query |= !strcmp(argv[i + 1], "query");
	}
	if (i == argc)
		return usage();
	settings.without_ring = !death_told();
	pin_caller();
	for (; i < argc && !status; i++)
		status = run(argv[i], &settings);
	return status;
}
