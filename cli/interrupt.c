/* SPDX-License-Identifier: MIT */
/* interrupt - Ctrl-C ends long work between two of its steps. */
#include <signal.h>
#include <stddef.h>

#include "interrupt.h"

static volatile sig_atomic_t received;

static void note(int signal_number)
{
	received = signal_number;
}

void interrupt_watch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	/* No SA_RESTART: a write to a pipe that nobody empties has to end as well. */
	struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND}, old;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

int interrupt_pending(void)
{
	return received != 0;
}
