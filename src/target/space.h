/* SPDX-License-Identifier: MIT */
/*
 * space.h - changing a target's address space: memory calls made by the target
 * itself. The caller's own are plain system calls; any other target's run in a
 * session, and several calls between open and close share its one stop.
 *
 * A result is a value or -errno of the call. When the session itself broke, the
 * result is negative too and `broken` holds why; what the last call did is then
 * unknown, and only close is of use.
 */
#ifndef MACHVM_TARGET_SPACE_H
#define MACHVM_TARGET_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"
#include "target.h"

struct machvm__space {
	struct machvm__target *target;
	struct machvm__session *session; /* null: the caller's own */
	struct machvm__session_refusal refusal;
	int broken; /* -errno of a session that failed under a call */
	struct machvm__space *outer; /* of the same thread, opened before */
};

enum {
	MACHVM__SPACE_ALL = 1u << 0, /* every thread of another process stands still */
	MACHVM__SPACE_STILL = 1u << 1, /* for that alone: no call will be made */
};

/*
 * Threads of this process that change one target take turns from before they
 * look at its map until they have changed it.
 */
void machvm__space_lock(struct machvm__target *target);
void machvm__space_unlock(struct machvm__target *target);

/*
 * Under the lock. 0 or what machvm__session_open() returns, -ESTALE when the
 * target has executed another program since its map was looked at: look again.
 */
int machvm__space_open(struct machvm__space *space, struct machvm__target *target, unsigned flags);
/* 0, or -errno when the target was lost meanwhile. */
int machvm__space_close(struct machvm__space *space);

/* The session in which the calling thread holds this process still; null when there is none. */
struct machvm__session *machvm__space_held(const struct machvm__target *target);

int64_t machvm__space_call(struct machvm__space *space, enum machvm__call call, uint64_t a,
			   uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

/* Bytes as an argument: where they are for the calls of this space. 0 or -errno. */
int machvm__space_push(struct machvm__space *space, const void *data, size_t size, uint64_t *raddr);

static inline int64_t machvm__space_protect(struct machvm__space *space, uint64_t start,
					    uint64_t end, unsigned access)
{
	return machvm__space_call(space, MACHVM__CALL_MPROTECT, start, end - start, access, 0, 0, 0);
}

static inline int64_t machvm__space_unmap(struct machvm__space *space, uint64_t start, uint64_t end)
{
	return machvm__space_call(space, MACHVM__CALL_MUNMAP, start, end - start, 0, 0, 0, 0);
}

static inline int64_t machvm__space_advise(struct machvm__space *space, uint64_t start,
					   uint64_t end, int advice)
{
	return machvm__space_call(space, MACHVM__CALL_MADVISE, start, end - start,
				  (uint64_t)advice, 0, 0, 0);
}

/* Gives anonymous memory a name where the kernel keeps such (PR_SET_VMA_ANON_NAME, Linux 5.17). */
void machvm__space_name(struct machvm__space *space, uint64_t start, uint64_t end,
			const char *name);

/* The first address behind those that a program of the target's word length can map. */
uint64_t machvm__space_limit(struct machvm__target *target);

#endif
