/* SPDX-License-Identifier: MIT */
/*
 * Who traces. Tracing belongs to one thread, and everything it traces shows in
 * every wait of its process; so a thread of the caller may trace only while no other thread
 * of the caller exists. Otherwise a helper does: a process of its own that shares
 * our memory, in a session of its own, with its own descriptors and no signals. It can be given
 * up by letting it die, which frees whatever it traces. It leaves by itself soon after
 * the last request, when this process ends, and when this process executes another program.
 */
#ifndef MACHVM_REMOTE_TRACER_H
#define MACHVM_REMOTE_TRACER_H

#include <stdbool.h>

struct machvm__tracer;

/* A helper for one session: an idle one or a new one. -errno when none can be had. */
__attribute__((__warn_unused_result__)) int machvm__tracer_get(struct machvm__tracer **tracer);
/* Hands it back; `spent` lets it die first. */
void machvm__tracer_put(struct machvm__tracer *tracer, bool spent);

/*
 * Runs fn(arg) in the helper, or here when `tracer` is NULL, and stores what it returned.
 * `abandon` is what the helper runs instead of waiting for more when this process
 * is gone, NULL when there is nothing to put back. relieve(arg), unless NULL, runs here each time
 * that some milliseconds have passed without an answer. -EOWNERDEAD when the helper died.
 */
__attribute__((__warn_unused_result__)) int
machvm__tracer_run(struct machvm__tracer *tracer, int (*fn)(void *), void *arg,
		   int (*abandon)(void *), void (*relieve)(void *), int *result);

/*
 * In the helper only, around an attach while something is attached already: an execve of the
 * target holds the lock that an attach needs until each of its other threads has
 * ended and its tracer has taken note (ptrace_attach, de_thread). Until it is called with NULL,
 * fn(arg of the step) runs whenever the kernel has news of what is traced.
 */
void machvm__tracer_let_die(struct machvm__tracer *tracer, void (*fn)(void *arg));

/* In the helper only: nothing is left for it to do; it ends when it has answered. */
void machvm__tracer_leave(struct machvm__tracer *tracer);

/* Whether a helper has ended, for whatever reason. */
bool machvm__tracer_dead(struct machvm__tracer *tracer);

/*
 * While a thread of this very process is being stopped, it must not hold what those who will
 * let it go on need: locks the pool.
 */
void machvm__tracer_freeze(void);
void machvm__tracer_thaw(void);

/* Whether `pid` is a helper of this process, or was one and has ended since. */
bool machvm__tracer_ours(int pid);

/* Ends the helpers that have nothing to do. */
void machvm__tracer_trim(void);

/* Whether this process has one thread only. */
bool machvm__tracer_alone(void);

/* The helper's pid, for tests. */
int machvm__tracer_pid(const struct machvm__tracer *tracer);

#endif
