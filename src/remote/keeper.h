/* SPDX-License-Identifier: MIT */
/*
 * Keepers: processes, or single threads of them, that stand still until they are let
 * go. Everything is counted for this process alone, and ends with it, whichever way
 * it ends; also with the helper that does the tracing, should that be killed.
 *
 * A process that is killed while it is kept goes at once: the helper takes note of each end
 * as the kernel reports it, so that the parent's wait gets its answer. Job control is
 * left as it is. A session (session.h) on a kept process runs inside its stop.
 */
#ifndef MACHVM_REMOTE_KEEPER_H
#define MACHVM_REMOTE_KEEPER_H

#include <stdatomic.h>

#include "session.h"

/* Whose count: of the process itself, of tokens for it, or of one thread. */
enum machvm__keeper_count {
	MACHVM__KEEPER_PROCESS,
	MACHVM__KEEPER_TOKENS,
	MACHVM__KEEPER_THREAD,
};

/*
 * One more: no thread of it runs code of its own when this returns 0. A thread in an
 * uninterruptible sleep counts as still: it stops before it comes back from the kernel. Else
 * -errno as machvm__session_open(), with everything as before; -ESRCH also for a thread that is
 * gone. `tid` is for THREAD, and never the calling thread.
 */
MACHVM__SESSION_WARN int machvm__keeper_suspend(const struct machvm__session_target *target,
						enum machvm__keeper_count what, int tid,
						struct machvm__session_refusal *refusal);

/* One less. -ENOENT when there is none, also because its helper was killed. */
MACHVM__SESSION_WARN int machvm__keeper_resume(const struct machvm__session_target *target,
					       enum machvm__keeper_count what, int tid);

/* How many there are; what was counted for a process or a thread that is gone is 0. */
unsigned machvm__keeper_count(const struct machvm__session_target *target,
			      enum machvm__keeper_count what, int tid);

/* Whether this process keeps anything at all: for those who ask before every copy. */
extern _Atomic bool machvm__keeper_any;

#endif
