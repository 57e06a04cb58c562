/* SPDX-License-Identifier: MIT */
/*
 * A caller that is itself the tracer - every debugger - and has the target in a stop.
 * Its thread is used as it stands: nothing is attached or let go, and at the
 * end the thread is in the same kind of stop again, so that whatever the debugger does next
 * works as if we had not been there.
 */
#include "held.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "syscall.h"
#include "thread_list.h"

enum { EVENT_STOP = 128 /* PTRACE_EVENT_STOP */ };

static int tid_of(const struct machvm__session *s)
{
	return s->threads[s->caller].tid;
}

/* ---- what kind of stop it is ---- */

static int judge(struct machvm__session *s)
{
	int tid = tid_of(s), r = machvm__trace_call_state(tid, &s->result, &s->raddr);

	if (r < 0)
		return r;
	if (r) {
		s->stop = r == 2 ? MACHVM__HELD_AT_ENTRY : MACHVM__HELD_AT_EXIT;
		return 0;
	}
	r = machvm__trace_get_siginfo(tid, &s->siginfo);
	if (r == -EINVAL || (!r && s->siginfo.si_code >> 8 == EVENT_STOP)) {
		s->stop = MACHVM__HELD_AT_TRAP;
		return r ? -EOPNOTSUPP : 0; /* a group stop of the old kind cannot be made again */
	}
	/* Other events carry a message that a stop of ours would overwrite. */
	if (!r && s->siginfo.si_signo == SIGTRAP && s->siginfo.si_code > 0xff)
		return -EOPNOTSUPP;
	s->stop = MACHVM__HELD_AT_SIGNAL;
	return r;
}

static int find_stopped(struct machvm__session *s)
{
	int tids[512], n = machvm__thread_list_read(s->target->proc_pid, tids, 512);
	bool all = s->flags & MACHVM__SESSION_ALL;

	if (n < 0)
		return n;
	if (n > 512)
		return -EOPNOTSUPP;
	s->count = 0;
	for (int i = 0; i < n; i++) {
		struct machvm__thread_stat stat;
		bool stopped = !machvm__thread_list_stat(s->target->proc_pid, tids[i], &stat) &&
			       stat.state == 't';

		if (s->only && tids[i] != s->only)
			continue;
		if (stopped && (all || !s->count)) {
			int r = machvm__held_reserve(s);

			if (r)
				return r;
			s->threads[s->count++] = (struct machvm__held_thread){tids[i], true, false};
		} else if (!stopped && all) {
			return -EBUSY;
		}
	}
	return s->count ? 0 : -EBUSY;
}

static bool filtered(struct machvm__session *s)
{
	return machvm__thread_list_status(s->target->proc_pid, tid_of(s), "Seccomp:", 0) > 0;
}

int machvm__inline_open(void *session)
{
	struct machvm__session *s = session;
	int r;

	s->inlined = true;
	s->caller = 0;
	r = machvm__turn_take(s);
	if (r)
		return r;
	r = find_stopped(s);
	if (r == -EBUSY)
		r = machvm__held_refuse(s, r, "inline call",
					"it is traced by this thread, but runs");
	if (!r && !(s->flags & MACHVM__SESSION_STILL)) {
		r = judge(s);
		if (r == -EOPNOTSUPP)
			r = machvm__held_refuse(s, r, "inline call",
						"it is at an event that cannot be made again");
		if (!r && filtered(s))
			r = machvm__held_refuse(
				s, -EOPNOTSUPP, "seccomp",
				"it runs under seccomp, which its tracer has not suspended");
	}
	if (!r)
		r = machvm__run_prepare(s);
	if (r) {
		(void)!machvm__run_restore(s);
		machvm__turn_end(s);
	}
	return r;
}

/* ---- the same stop again ---- */

static int resume_into(struct machvm__session *s, bool to_call, struct machvm__trace_event *event)
{
	int tid = tid_of(s);
	int r = to_call ? machvm__trace_to_call(tid, 0) : machvm__trace_continue(tid, 0);

	return r ? r : machvm__trace_wait(tid, 0, &s->pace, event);
}

/*
 * A stop for a signal is made with another signal, one that is not pending, in whose
 * place the first one's record is then put.
 */
static int signal_again(struct machvm__session *s)
{
	static const int carriers[] = {SIGURG, SIGWINCH, SIGIO, SIGPWR, SIGCHLD, SIGCONT};
	struct machvm__trace_event event = {0};
	int tid = tid_of(s), carrier = 0, r;

	for (unsigned i = 0; i < sizeof(carriers) / sizeof(*carriers) && !carrier; i++) {
		uint64_t bit = UINT64_C(1) << (carriers[i] - 1);

		if (!(machvm__thread_list_hex(s->target->proc_pid, tid, "SigPnd:") & bit))
			carrier = carriers[i];
	}
	if (!carrier)
		return -EIO;
	r = machvm__trace_set_mask(tid, ~(UINT64_C(1) << (carrier - 1)));
	if (!r)
		r = (int)machvm__syscall3(SYS_tgkill, s->target->pid, tid, carrier);
	if (!r)
		r = resume_into(s, false, &event);
	if (!r && event.stop == MACHVM__TRACE_GONE)
		return -ESRCH;
	if (!r)
		r = machvm__trace_set_mask(tid, s->mask);
	return r ? r : machvm__trace_set_siginfo(tid, &s->siginfo);
}

static int trap_again(struct machvm__session *s)
{
	struct machvm__trace_event event = {0};
	int r = machvm__trace_interrupt(tid_of(s));

	if (!r)
		r = resume_into(s, false, &event);
	return !r && event.stop == MACHVM__TRACE_GONE ? -ESRCH : r;
}

/* Made to enter its own call once more, with everything blocked until it has. */
static int entry_again(struct machvm__session *s)
{
	struct machvm__trace_event event = {0};
	int tid = tid_of(s), r = resume_into(s, true, &event);

	if (r || event.stop == MACHVM__TRACE_GONE)
		return r ? r : -ESRCH;
	r = machvm__cpu_write(tid, &s->entry);
	return r ? r : machvm__trace_set_mask(tid, s->mask);
}

/* The call that it was about to make is not made now: to its exit, from where ours go. */
int machvm__inline_leave_entry(struct machvm__session *s)
{
	struct machvm__trace_event event = {0};
	int tid = tid_of(s), r;

	if (s->stop != MACHVM__HELD_AT_ENTRY || s->left_entry)
		return 0;
	memcpy(s->entry.general, s->saved.general, sizeof(s->entry.general));
	machvm__cpu_repeat(&s->saved);
	r = machvm__cpu_skip(tid, &s->entry);
	s->left_entry = true;
	if (!r)
		r = machvm__trace_set_mask(tid, UINT64_MAX);
	s->masked = true;
	if (!r)
		r = resume_into(s, true, &event);
	return !r && event.stop == MACHVM__TRACE_GONE ? -ESRCH : r;
}

int machvm__inline_close(void *session)
{
	struct machvm__session *s = session;
	bool used = s->aimed, entry = s->left_entry;
	int r = 0, e;

	if (entry)
		s->masked = false; /* put back behind the entry */
	else if (used && s->stop == MACHVM__HELD_AT_EXIT)
		r = machvm__run_remind(s);
	e = machvm__run_restore(s);
	r = r ? r : e;
	if (!r && entry)
		r = entry_again(s);
	else if (!r && used && s->stop == MACHVM__HELD_AT_SIGNAL)
		r = signal_again(s);
	else if (!r && used && s->stop == MACHVM__HELD_AT_TRAP)
		r = trap_again(s);
	machvm__turn_end(s);
	s->count = 0;
	return r == -ESRCH || r == -ECHILD ? -ECONNRESET : r;
}
