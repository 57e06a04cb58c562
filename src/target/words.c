/* SPDX-License-Identifier: MIT */
/* words.c - who holds the target still, and whether it is the one that is meant. */
#include "words.h"

#include <errno.h>
#include <string.h>

#include "descriptor.h"
#include "force_policy.h"
#include "keeper.h"
#include "space.h"
#include "thread_list.h"
#include "trace.h"
#include "word_tracer.h"

/* A stop: of a session, or of our own. */
struct stand {
	struct machvm__session *session;
	struct machvm__session_target who; /* of a session that was opened for this */
	bool opened;
	int tid; /* without a session: whom we trace */
	int signal;
};

/* A thread that lives, for us to trace. */
static int find_thread(struct machvm__target *target, int *tid)
{
	struct machvm__thread_numbers thread;

	if (machvm__process_live_thread(&target->numbers, &thread) == 0)
		*tid = thread.tid;
	else
		*tid = atomic_load(&target->tid); /* none, where it was received */
	return *tid ? 0 : -EPERM;
}

/* Does the calling thread trace it already? */
static bool traced_by_us(struct machvm__target *target, int tid)
{
	int pid = target->numbers.proc_tgid;

	/* Where /proc counts otherwise only the leader is named. */
	return machvm__thread_list_status(pid, tid == target->numbers.tgid ? pid : tid, "TracerPid:",
	                                  0) == machvm__process_self_thread();
}

/* Suspended by this process, it is traced by a helper of ours; or we are its debugger. */
static int enter_session(struct stand *stand, struct machvm__target *target)
{
	int r;

	stand->who = (struct machvm__session_target){
		.pid = target->numbers.tgid,
		.proc_pid = target->numbers.proc_tgid,
		.pidfd = target->kind == MACHVM__HANDLE_PIDFD ? target->handle : -1,
		.mem_fd = -1,
	};
	r = machvm__session_open(&stand->session, &stand->who, MACHVM__SESSION_STILL, NULL);
	stand->opened = r == 0;
	if (r)
		machvm__session_target_fini(&stand->who);
	return r == -EBUSY || r == -EACCES || r == -EOPNOTSUPP ? -EPERM : r;
}

static void leave(struct stand *stand)
{
	if (stand->opened) {
		(void)!machvm__session_close(stand->session);
		machvm__session_target_fini(&stand->who);
	} else if (!stand->session) {
		machvm__word_tracer_let_go(stand->tid, stand->signal);
	}
}

static int move(struct stand *stand, enum machvm__direction direction, uint64_t raddr, void *local,
                size_t size, size_t *done)
{
	return stand->session ? machvm__session_words(stand->session, direction, raddr, local, size,
	                                              done)
	                      : machvm__trace_words(direction, stand->tid, raddr, local, size, done);
}

/* Where the program that runs now has the bytes that the kernel drew at its exec; 0: unknown. */
static uint64_t random_bytes_at(struct machvm__target *target)
{
	enum { RANDOM = 25, WORDS = 128 };
	union {
		uint64_t wide[WORDS];
		uint32_t narrow[2 * WORDS];
	} vector;
	struct machvm__thread_numbers thread;
	bool narrow = machvm__process_word(&target->numbers) == 4;
	int fd;
	ssize_t n;

	if (machvm__process_live_thread(&target->numbers, &thread))
		return 0;
	fd = machvm__thread_list_open_thread(target->numbers.proc_tgid, thread.proc_tid, "/auxv");
	if (fd < 0)
		return 0;
	n = machvm__descriptor_read(fd, (char *)&vector, sizeof vector);
	machvm__descriptor_close(fd);
	n /= narrow ? 4 : 8;
	for (ssize_t i = 0; i + 1 < n; i += 2)
		if ((narrow ? vector.narrow[i] : vector.wide[i]) == RANDOM)
			return narrow ? vector.narrow[i + 1] : vector.wide[i + 1];
	return 0;
}

/*
 * Is the memory of what stands still the one that was received? The old one may live on in
 * somebody who shares it (vfork), so that it lives proves nothing. Sixteen bytes that are
 * drawn for each exec must be the same in both.
 */
static int same_memory(struct stand *stand, struct machvm__target *target)
{
	enum { DRAWN = 16 };
	int fd = atomic_load(&target->files[MACHVM__FILE_MEMORY]);
	uint64_t at = random_bytes_at(target);
	char theirs[DRAWN], ours[DRAWN];
	struct machvm__vma vma;
	size_t done;
	int r;

	if (!at || move(stand, MACHVM__READ, at, theirs, DRAWN, &done))
		return -EPERM;
	if (machvm__copy_memory(MACHVM__READ, fd, at, ours, DRAWN) == DRAWN) {
		if (memcmp(theirs, ours, DRAWN) == 0)
			return 0;
	} else {
		r = machvm__target_region(target, at, &vma, NULL, 0);
		/* There, and closed to us: no proof either way. */
		if (r != -ENOENT && (r || vma.start <= at))
			return -EPERM;
	}
	machvm__target_end(target);
	return -ESRCH;
}

/* Is it the target? It stands, and so it will stay what it is. */
static int prove(struct stand *stand, struct machvm__target *target)
{
	int r = machvm__target_same(target);

	if (r == 0 && stand->tid && !machvm__target_owns(target, stand->tid))
		r = -ESRCH;
	return r == 0 && target->received ? same_memory(stand, target) : r;
}

/* Held still, and proved to be what is meant. */
static int enter(struct stand *stand, struct machvm__target *target,
                 enum machvm__direction direction)
{
	int r;

	*stand = (struct stand){.session = machvm__space_held(target)};
	if (target->own ||
	    (target->received && (atomic_load(&target->files[MACHVM__FILE_MEMORY]) < 0 ||
	                          (direction == MACHVM__WRITE && !target->writable))))
		return -EPERM;
	if (!stand->session) {
		/* A program that the right is not for is not even stopped. */
		r = machvm__target_same(target);
		if (r == 0)
			r = find_thread(target, &stand->tid);
		if (r == 0)
			r = machvm__word_tracer_stop(stand->tid, &stand->signal);
		if (r == -EPERM && stand->tid &&
		    (atomic_load(&machvm__keeper_any) || traced_by_us(target, stand->tid))) {
			stand->tid = 0;
			r = enter_session(stand, target);
		}
		if (r)
			return r;
	}
	r = prove(stand, target);
	if (r)
		leave(stand);
	return r;
}

/* What became of the target, where a thread of it is gone or a helper of ours. */
static int settle(struct machvm__target *target, int r)
{
	if (r == -EOWNERDEAD)
		r = -ETIMEDOUT;
	/* Threads end when another one executes a program. */
	return machvm__target_same(target) ? -ESRCH : r == -ESRCH ? -ECANCELED : r;
}

int machvm__words_move(struct machvm__target *target, enum machvm__direction direction,
                       uint64_t raddr, void *local, size_t size, size_t *done)
{
	struct stand stand;
	int r = enter(&stand, target, direction);

	*done = 0;
	if (r == 0) {
		r = move(&stand, direction, raddr, local, size, done);
		leave(&stand);
	}
	return settle(target, r);
}

int machvm__words_try(struct machvm__target *target, enum machvm__direction direction)
{
	struct stand stand;
	int r = enter(&stand, target, direction);

	if (r == 0)
		leave(&stand);
	/* Traced by us and running: under the policy "ptrace" the descriptor forces then. */
	if (r == -EPERM && !target->received && traced_by_us(target, target->numbers.tgid) &&
	    !machvm__force_policy_never())
		r = 0;
	return settle(target, r);
}
