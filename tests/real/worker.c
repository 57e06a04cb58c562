/* SPDX-License-Identifier: MIT */
/*
 * worker FIRST PID...: does everything that machvm can do to the processes and all their
 * descendants, over and over and beginning with the kind of work of that number, until
 * standard input ends. Then says what was done (tally_print()). Exit status 1 when there
 * were failures.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "family.h"
#include "operations.h"

/* Whatever happens to who started it: suspensions end with this process. */
#define SECONDS_MOST 600

static work *const works[] = {
	work_regions,     work_memory, work_text,    work_threads, work_find,
	work_each_thread, work_memory, work_suspend, work_stopped,
};

static bool is_over(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&input, 1, 0) != 0;
}

#define WORKS (sizeof works / sizeof *works)

static void work_on(struct subject *subject, size_t first, bool wholly)
{
	for (size_t i = 0; i < WORKS && !subject->gone && (wholly || !is_over()); i++)
		works[(first + i) % WORKS](subject);
}

int main(int argc, char **argv)
{
	size_t first;

	if (argc < 3) {
		fprintf(stderr, "usage: worker FIRST PID...\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(SECONDS_MOST);
	first = (size_t)atoi(argv[1]);
	for (int i = 2; i < argc; i++)
		family_found(atoi(argv[i]));
	for (int pass = 0; !is_over(); pass++) {
		int count = family_refresh();

		/* On a slow machine too, everything is done once. */
		for (int i = 0; i < count && !is_over(); i++)
			work_on(family_member(i), first, i == 0 && pass == 0);
	}
	return tally_print() ? 0 : 1;
}
