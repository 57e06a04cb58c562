/* SPDX-License-Identifier: MIT */
/* interrupt - Ctrl-C ends long work between two of its steps. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "interrupt.h"

static volatile sig_atomic_t received;
static int results_fd = -1;
static int closed_fd = -1; /* what results_fd becomes: nothing can be written to it */

/*
 * A write to a full pipe that is interrupted returns what it has written so far,
 * and stdio writes the rest: it would wait again, for a reader that may never
 * come. So the descriptor is taken away under it.
 */
static void note(int signal_number)
{
	int error = errno;

	received = signal_number;
	if (closed_fd >= 0)
		dup2(closed_fd, results_fd);
	errno = error;
}

void interrupt_watch(FILE *results)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND}, old;
	size_t i;

	if (results) {
		results_fd = fileno(results);
		closed_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

int interrupt_pending(void)
{
	return received != 0;
}
