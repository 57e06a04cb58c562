/* SPDX-License-Identifier: MIT */
/*
 * Stopping one thread, and letting go. A thread that does not stop in time (the parent of
 * a vfork, uninterruptible sleep) cannot be let go either: the tracer then ends itself.
 */
#include "held.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "syscall.h"
#include "thread_list.h"

/* Whether this process was last refused the suspension of seccomp filters. */
static bool filters_bind;

bool machvm__stop_filters_bind(void)
{
	return __atomic_load_n(&filters_bind, __ATOMIC_RELAXED);
}

int machvm__held_refuse(struct machvm__session *s, int error, const char *step, const char *reason)
{
	s->why.step = step;
	s->why.reason = reason;
	if (s->count > s->caller)
		s->why.tid = s->threads[s->caller].tid;
	return error;
}

/* ---- one thread ---- */

static int64_t tracer_of(const struct machvm__session *s, int tid)
{
	return machvm__thread_list_status(s->target->proc_pid, tid, "TracerPid:", 0);
}

/* What has ended is refused in the word for what is forbidden (ptrace_attach, kernel/ptrace.c). */
static bool ended(const struct machvm__session *s, int tid)
{
	struct machvm__thread_stat stat;
	int r = machvm__thread_list_stat(s->target->proc_pid, machvm__held_proc_tid(s, tid), &stat);

	return r == -ESRCH || (!r && machvm__thread_list_ended(stat.state));
}

int machvm__stop_not_ours(struct machvm__session *s, int tid)
{
	int64_t tracer = tracer_of(s, tid);

	if (tracer == (s->tracer ? s->opener : machvm__syscall0(SYS_gettid)))
		return MACHVM__HELD_IS_OURS;
	if (tracer > 0) {
		s->why.tracer = (int)tracer;
		return machvm__held_refuse(s, -EBUSY, "seize", "it is traced already");
	}
	if (ended(s, tid))
		return -ESRCH;
	return machvm__held_refuse(s, -EPERM, "seize", "the kernel refuses us to trace it");
}

int machvm__stop_unfiltered(struct machvm__session *s, int tid)
{
	int64_t mode = machvm__thread_list_status(s->target->proc_pid, tid, "Seccomp:", 0);

	if (mode <= 0)
		return 0;
	return machvm__held_refuse(
		s, -EOPNOTSUPP, "seccomp",
		"it runs under seccomp, and suspending that takes CAP_SYS_ADMIN");
}

static void bury(void *session)
{
	struct machvm__session *s = session;

	for (size_t i = 0; i < s->count; i++)
		machvm__trace_bury(s->threads[i].tid);
	for (unsigned i = 0; i < s->lost_count; i++)
		machvm__trace_bury(s->lost_tids[i]);
}

/*
 * Whoever traced it may let go between the refusal and the look at who it was. Then it was
 * not we who were refused, and not for what we asked.
 */
static int seize(const struct machvm__session *s, int tid, bool unfiltered)
{
	int r = machvm__trace_seize(tid, unfiltered);

	for (int tries = 0; r == -EPERM && tries < 3 && tracer_of(s, tid) == 0; tries++)
		r = machvm__trace_seize(tid, unfiltered);
	return r;
}

int machvm__stop_seize(struct machvm__session *s, int tid, bool *filtered)
{
	bool others = s->tracer && (s->count || s->lost_count);
	int r;

	if (others)
		machvm__tracer_let_die(s->tracer, bury);
	*filtered = __atomic_load_n(&filters_bind, __ATOMIC_RELAXED);
	r = seize(s, tid, !*filtered);
	if ((r == -EPERM || r == -EINVAL) && !*filtered) {
		*filtered = true;
		r = seize(s, tid, false);
		if (!r)
			__atomic_store_n(&filters_bind, true, __ATOMIC_RELAXED);
	}
	if (others)
		machvm__tracer_let_die(s->tracer, NULL);
	return r == -EPERM ? machvm__stop_not_ours(s, tid) : r;
}

int machvm__stop_take(struct machvm__held_thread *t, const struct machvm__trace_event *event)
{
	int r;

	switch (event->stop) {
	case MACHVM__TRACE_GONE:
		return -ESRCH;
	case MACHVM__TRACE_TRAP:
	case MACHVM__TRACE_GROUP:
		t->stopped = true;
		return 0;
	default:
		/* Any stop takes a pending interrupt away (ptrace_stop, kernel/signal.c). */
		r = machvm__trace_interrupt(t->tid);
		if (!r)
			r = machvm__trace_continue(t->tid, event->signal);
		/* Killed meanwhile: it has yet to report its end. */
		return r && r != -ESRCH ? r : -EAGAIN;
	}
}

/*
 * Returns 0, -ETIMEDOUT (attached, running), -ESRCH. Asks again now and then: measured on
 * Linux 6.18, an interrupt that falls into an execve of the thread can come to nothing.
 */
static int await_stop(struct machvm__session *s, struct machvm__held_thread *t, uint64_t deadline)
{
	struct machvm__trace_event event;
	int r;

	do {
		uint64_t soon = machvm__trace_now() + MACHVM__HELD_AGAIN;

		r = machvm__trace_wait(t->tid, deadline && deadline < soon ? deadline : soon,
				       &s->pace, &event);
		if (!r) {
			r = machvm__stop_take(t, &event);
		} else if (r == -ETIMEDOUT && (!deadline || machvm__trace_now() < deadline)) {
			r = machvm__trace_interrupt(t->tid);
			r = !r || r == -ESRCH ? -EAGAIN : r;
		}
	} while (r == -EAGAIN);
	return r == -ECHILD ? -ESRCH : r;
}

/* It stays attached, to be freed by the end of the tracer. */
static void lose(struct machvm__session *s, int tid)
{
	s->lost = true;
	if (s->lost_count < sizeof(s->lost_tids) / sizeof(*s->lost_tids))
		s->lost_tids[s->lost_count++] = tid;
}

bool machvm__stop_lost_before(const struct machvm__session *s, int tid)
{
	for (unsigned i = 0; i < s->lost_count; i++) {
		if (s->lost_tids[i] == tid)
			return true;
	}
	return false;
}

void machvm__stop_release(struct machvm__session *s, struct machvm__held_thread *t)
{
	struct machvm__trace_event event;
	uint64_t deadline;
	int r;

	if (!t->stopped) {
		lose(s, t->tid);
		return;
	}
	r = machvm__trace_detach(t->tid, 0);
	/*
	 * Killed meanwhile: its parent, or an execve of another thread, waits until we have
	 * seen its end. That is certain to come; only the helper may leave instead.
	 */
	deadline = s->tracer ? machvm__trace_now() + MACHVM__HELD_PATIENCE : 0;
	while (r == -ESRCH) {
		r = machvm__trace_wait(t->tid, deadline, &s->pace, &event);
		if (!r && event.stop != MACHVM__TRACE_GONE)
			r = machvm__trace_detach(t->tid, 0);
	}
	if (r == -ETIMEDOUT)
		lose(s, t->tid);
	t->stopped = false;
}

/* Runnable, or stopped again: it comes as soon as it is given a CPU. */
static bool waits_for_a_cpu(const struct machvm__session *s, int tid)
{
	struct machvm__thread_stat stat;

	return !machvm__thread_list_stat(s->target->proc_pid, machvm__held_proc_tid(s, tid),
					 &stat) &&
	       (stat.state == 'R' || stat.state == 't');
}

uint64_t machvm__stop_longer(const struct machvm__session *s, int tid)
{
	uint64_t now = machvm__trace_now();

	return now < s->deadline + 4 * MACHVM__HELD_PATIENCE && waits_for_a_cpu(s, tid)
		       ? now + MACHVM__HELD_AGAIN
		       : 0;
}

int machvm__stop_thread(struct machvm__session *s, int tid, uint64_t deadline, bool *filtered)
{
	struct machvm__held_thread *t = &s->threads[s->count];
	uint64_t until;
	int r;

	*t = (struct machvm__held_thread){.tid = tid};
	r = machvm__stop_seize(s, tid, filtered);
	if (r)
		return r;
	r = machvm__trace_interrupt(tid);
	if (!r || r == -ESRCH)
		r = await_stop(s, t, deadline);
	while (r == -ETIMEDOUT && (until = machvm__stop_longer(s, tid)))
		r = await_stop(s, t, until);
	if (r == -ETIMEDOUT) {
		lose(s, tid);
		return machvm__held_refuse(s, r, "stop",
					   waits_for_a_cpu(s, tid)
						   ? "it is given no CPU to stop on"
						   : "it sleeps where it cannot be stopped");
	}
	if (!r)
		s->count++;
	return r;
}

/* A bystander whose call answered the stop with EINTR makes it again. */
static void restart_other(struct machvm__session *s, const struct machvm__held_thread *t)
{
	if (!t->stopped || t->changed || machvm__cpu_read(t->tid, &s->saved) ||
	    !machvm__cpu_restart_spurious(&s->saved))
		return;
	(void)!machvm__cpu_write(t->tid, &s->saved);
}

void machvm__stop_put_back(struct machvm__session *s)
{
	if (s->count > s->caller && s->threads[s->caller].stopped)
		(void)machvm__run_restore(s);
	for (size_t i = 0; i < s->count; i++) {
		if (i != s->caller)
			restart_other(s, &s->threads[i]);
		machvm__stop_release(s, &s->threads[i]);
	}
	s->count = 0;
}

int machvm__stop_list(struct machvm__session *s, int **tids, size_t *bytes)
{
	size_t capacity = 512;

	for (;;) {
		long memory;
		int n;

		*bytes = capacity * sizeof(**tids);
		memory = (long)mmap(NULL, *bytes, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == -1)
			return -ENOMEM;
		*tids = (int *)memory;
		n = machvm__thread_list_read(s->target->proc_pid, *tids, capacity);
		if (n >= 0 && (size_t)n <= capacity)
			return n;
		munmap(*tids, *bytes);
		if (n < 0)
			return n;
		capacity = 2 * (size_t)n;
	}
}
