/* SPDX-License-Identifier: MIT */
/*
 * What a session has of its target from its opening to its end: a turn, and one thread that
 * is stopped and can call (whichever can, where it is about none), or all of them.
 */
#include "held.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "syscall.h"
#include "thread_list.h"

enum {
	EACH_MS = 250,
	PF_KTHREAD = 0x200000,
};

/* ---- choosing ---- */

/* 0: sleeping, or stopped by job control. 1: running. -1: not now. */
static int rank(const struct machvm__thread_stat *stat)
{
	if (machvm__thread_list_left(stat) || stat->flags & PF_KTHREAD)
		return -1;
	switch (stat->state) {
	case 'S':
	case 'T':
		return 0;
	case 'R':
	case 't': /* the seize will name the tracer */
		return 1;
	}
	return -1;
}

/* A thread of the caller takes on only what is sure to stop, unless there is nobody else. */
static bool must_sleep(const struct machvm__session *s)
{
	return !s->tracer && !s->no_helper;
}

/* Stops `tid` and makes it ready, or leaves it as it was. */
static int try_thread(struct machvm__session *s, int tid, const struct machvm__thread_stat *stat)
{
	uint64_t each = machvm__trace_now() + EACH_MS * UINT64_C(1000000);
	bool filtered;
	int r;

	if (machvm__stop_lost_before(s, tid))
		return -ETIMEDOUT;
	machvm__turn_join(s, stat);
	/* A thread of the caller cannot give up what it has attached to; it seizes only what
	 * sleeps interruptibly, and waits. */
	if (each > s->deadline)
		each = s->deadline;
	r = machvm__stop_thread(s, tid, s->tracer ? each : 0, &filtered);
	if (r)
		return r;
	s->caller = s->count - 1;
	if (filtered && !(s->flags & MACHVM__SESSION_STILL))
		r = machvm__stop_unfiltered(s, tid);
	if (!r)
		r = machvm__run_prepare(s);
	if (r)
		machvm__stop_put_back(s);
	return r;
}

static bool hopeless(int r)
{
	return r != -EOPNOTSUPP && r != -ETIMEDOUT && r != -ESRCH && r != -EIO;
}

/* The one thread that it is about. */
static int stop_only(struct machvm__session *s)
{
	struct machvm__thread_stat stat;
	int r = machvm__thread_list_stat(s->target->proc_pid, s->only, &stat);

	if (r || machvm__thread_list_left(&stat))
		return machvm__held_refuse(s, -ESRCH, "thread list", "the thread is gone");
	if (s->target->pid != s->target->proc_pid)
		return machvm__held_refuse(s, -ETIMEDOUT, "stop",
					   "its threads cannot be named from here");
	if (rank(&stat) != 0 && must_sleep(s))
		return MACHVM__HELD_NEED_HELPER;
	return try_thread(s, s->only, &stat);
}

/* Every thread in turn, sleepers first. */
static int try_threads(struct machvm__session *s)
{
	size_t bytes;
	int *tids, n = machvm__stop_list(s, &tids, &bytes), r = -ESRCH;
	bool tried = false;

	if (n < 0)
		return n;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < n && machvm__trace_now() < s->deadline; i++) {
			struct machvm__thread_stat stat;
			int e = machvm__thread_list_stat(s->target->proc_pid, tids[i], &stat);

			if (e || rank(&stat) != pass)
				continue;
			if (pass == 1 && must_sleep(s)) {
				r = MACHVM__HELD_NEED_HELPER;
				goto out;
			}
			r = try_thread(s, tids[i], &stat);
			tried = true;
			if (!r || hopeless(r))
				goto out;
		}
	}
	if (!tried && n > 0)
		r = machvm__held_refuse(s, -ETIMEDOUT, "stop",
					"every thread of it sleeps where it cannot be stopped");
out:
	munmap(tids, bytes);
	return r;
}

static int stop_one(struct machvm__session *s)
{
	struct machvm__thread_stat stat;
	int r = machvm__turn_stat(s, &stat), order;

	if (r)
		return machvm__held_refuse(s, r, "thread list", "it is gone");
	order = rank(&stat);
	if (order == 0 || (order == 1 && stat.threads <= 1)) {
		/* Let go a moment ago, it may only be on its way back to sleep. */
		for (int i = s->target->kept.runs ? 8 : 0; i < 8 && order == 1 && must_sleep(s);
		     i++) {
			machvm__syscall0(SYS_sched_yield);
			r = machvm__turn_stat(s, &stat);
			order = r ? -1 : rank(&stat);
		}
		s->target->kept.runs = order == 1;
		if (order != 0 && must_sleep(s))
			return r ? r : MACHVM__HELD_NEED_HELPER;
		r = try_thread(s, s->target->pid, &stat);
		if (!r || hopeless(r) || (stat.threads <= 1 && r != -ETIMEDOUT))
			return r;
	}
	/* Thread ids are those of the mounted /proc: of use only where it is ours. */
	if (s->target->pid != s->target->proc_pid)
		return order == 0 ? r
				  : machvm__held_refuse(s, -ETIMEDOUT, "stop",
							"its threads cannot be named from here");
	/* Somebody who traces the leader traces the rest of it sooner or later. */
	if (!s->lost && machvm__thread_list_status(s->target->proc_pid, s->target->pid,
						   "TracerPid:", 0) > 0)
		return machvm__stop_not_ours(s, s->target->pid);
	/* A short uninterruptible sleep or a vfork may end in time. */
	for (;;) {
		r = try_threads(s);
		if (r != -ETIMEDOUT || s->lost || machvm__trace_now() >= s->deadline)
			return r;
		if (must_sleep(s))
			return MACHVM__HELD_NEED_HELPER;
		machvm__trace_nap(500000);
	}
}

/* ---- the steps ---- */

static int stop_as_asked(struct machvm__session *s)
{
	int r;

	if (!(s->flags & MACHVM__SESSION_ALL))
		return s->only ? stop_only(s) : stop_one(s);
	r = machvm__crowd_stop(s);
	return r ? r : machvm__crowd_prepare(s);
}

/* Somebody may be on the way back through a frame that stands in the place. */
static int stop_around_leftover(struct machvm__session *s)
{
	machvm__stop_put_back(s);
	if (must_sleep(s))
		return MACHVM__HELD_NEED_HELPER;
	/* A thread of the caller could not give up what does not stop. */
	if (s->tracer)
		machvm__leftover_sweep(s);
	else
		s->unframed = true;
	s->count = s->caller = 0;
	return stop_as_asked(s);
}

int machvm__hold_open(void *session)
{
	struct machvm__session *s = session;
	int r;

	s->count = s->caller = 0;
	s->swept = s->unframed = false;
	s->lock = -1;
	s->pace = (struct machvm__trace_pace){.notified = s->tracer != NULL,
					      .together = !s->tracer && s->target->kept.together};
	r = machvm__turn_take(s);
	if (r)
		return r;
	r = stop_as_asked(s);
	if (r == MACHVM__HELD_FRAME_LEFT)
		r = stop_around_leftover(s);
	/* A thread that was tried and died is not the target. */
	s->dead = s->dead && r;
	if (r) {
		machvm__stop_put_back(s);
		machvm__turn_leave(s);
		machvm__turn_end(s);
	}
	return r;
}

int machvm__hold_close(void *session)
{
	struct machvm__session *s = session;

	machvm__stop_put_back(s);
	if (!s->tracer)
		s->target->kept.together = s->pace.together;
	machvm__turn_leave(s);
	machvm__turn_end(s);
	return s->dead ? -ECONNRESET : 0;
}
