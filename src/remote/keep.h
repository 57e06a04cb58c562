/* SPDX-License-Identifier: MIT */
/* A keeper from inside: keeper.c runs in the caller, keep.c in the helper, kept.c in sessions. */
#ifndef MACHVM_REMOTE_KEEP_H
#define MACHVM_REMOTE_KEEP_H

#include <pthread.h>

#include "held.h"
#include "keeper.h"

struct machvm__keep_thread {
	int tid;
	unsigned count;
};

struct machvm__keeper {
	struct machvm__keeper *next;
	unsigned references; /* both under the registry's lock */
	int pid;
	pthread_mutex_t lock; /* of all that follows */
	_Atomic unsigned counts[2];
	struct machvm__keep_thread *threads; /* suspended one by one */
	size_t thread_count, thread_room;
	bool borrowed; /* a session wants every thread for a moment */
	bool ended;    /* set by the helper: nothing is left alive */
	struct machvm__session_target target;
	struct machvm__session session; /* what the helper holds; the helper's alone */
};

/* In the helper; the argument is the keeper's session. */
int machvm__keep_settle(void *session);  /* holds what is wanted, and nothing else */
int machvm__keep_rest(void *session);    /* back to waiting, after a session */
int machvm__keep_abandon(void *session); /* lets everything go */
/* Takes note of what the kernel has to tell: ends, and stops that came late. */
void machvm__keep_look(struct machvm__session *session);

/*
 * The keeper of a process with all its threads (where `flags` ask for them) still, and
 * locked; NULL with *r = 0 when nobody keeps it, NULL with -errno otherwise.
 */
struct machvm__keeper *machvm__keeper_enter(const struct machvm__session_target *target,
					    unsigned flags, int *r,
					    struct machvm__session_refusal *refusal);
void machvm__keeper_leave(struct machvm__keeper *keeper);

/* kept.c: a session inside. -ENOENT when the one thread it is about is not among the kept. */
int machvm__kept_open(void *session);
int machvm__kept_abandon(void *session);

#endif
