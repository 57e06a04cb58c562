/* SPDX-License-Identifier: MIT */
/*
 * request.h - one request: who asks for which right to which process, and the
 * answer, which is a right or a refusal with a reason. Every one is in the journal.
 */
#ifndef BROKER_REQUEST_H
#define BROKER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy.h"
#include "rate.h"

#define REQUEST_MOST_GROUPS 256

/* Who is on the other end, as the kernel says (SO_PEERCRED, SO_PEERGROUPS). */
struct peer {
	pid_t pid;
	uid_t uid;
	gid_t groups[REQUEST_MOST_GROUPS];
	size_t group_count;
};

/* 0 or -errno. */
int request_identify(int socket, struct peer *peer);

/*
 * Has the client yet to take what it was sent? The descriptors that are under way count
 * against the broker (RLIMIT_NOFILE, unix(7)), also after it has closed its end.
 */
bool request_owed(int socket);

/*
 * Takes one request and answers it. 0; 1 when there is none yet; or -errno: then
 * the connection is of no more use.
 */
int request_serve(int socket, const struct peer *peer, const struct policy *policy,
		  struct rate *rate);

/* The answer to somebody who is one too many, which counts as a request. */
void request_turn_away(int socket, const struct peer *peer, struct rate *rate);

/* What somebody is told who has asked for nothing for so many seconds. It counts as well. */
void request_part(int socket, const struct peer *peer, struct rate *rate, int seconds);

#endif
