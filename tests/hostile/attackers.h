/* SPDX-License-Identifier: MIT */
/* What the threads of a siege (attackers.c) and who presides over it (siege.c) share. */
#ifndef TESTS_HOSTILE_ATTACKERS_H
#define TESTS_HOSTILE_ATTACKERS_H

#include "siege.h"

#include <limits.h>
#include <pthread.h>

struct siege_ground {
	const struct siege *siege;
	struct control *control;
	int control_fd, events[2], finished;
	char program[PATH_MAX];
	pid_t pid;
	/* What threads open their ports from. */
	pthread_mutex_t lock;
	int pidfd;
	unsigned generation;
};
extern struct siege_ground siege_ground;

struct attacker {
	pthread_t thread;
	unsigned index;
	mach_port_t port;
	unsigned generation;
	uint64_t successes, refusals, timeouts, random;
	uint64_t sequence; /* of the last whole write that succeeded */
	char complaint[200];
	uint64_t bytes[2 * 512]; /* a slot */
};

extern struct attacker attackers[SIEGE_THREADS];

/* What a thread of the siege runs; the argument is its attacker. */
void *attack(void *context);

#endif
