/* SPDX-License-Identifier: MIT */
/*
 * rate.h - how often one user may ask: so many requests a second, and as many at once as
 * come together in ten seconds of silence. What is refused for that is counted, and told
 * once a second: a line for each would let one user fill the journal.
 *
 * It knows of numbers and of a clock that the caller moves, and of nothing else.
 */
#ifndef BROKER_RATE_H
#define BROKER_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RATE_SECONDS 10          /* of silence, that one may make up for at once */
#define RATE_USERS   4096        /* that are told apart */
#define RATE_SECOND  1000000000u /* the clock's unit is a nanosecond */

struct rate_user {
	uid_t uid;
	pid_t pid;            /* who was refused last */
	uint64_t due;         /* when all that was asked would have been asked at an even pace */
	unsigned long excess; /* requests that were refused, and not told of yet */
};

struct rate {
	unsigned a_second;
	uint64_t now;
	void (*tell)(uid_t uid, pid_t pid, unsigned long excess);
	size_t count;
	struct rate_user users[RATE_USERS];
};

/* May this user ask now? If so, it has; if not, it is counted. */
bool rate_take(struct rate *rate, uid_t uid, pid_t pid);

/* Tells what has been counted since the last time. */
void rate_report(struct rate *rate);

#endif
