/* SPDX-License-Identifier: MIT */
/*
 * A session on a process that a keeper of ours holds: its stop is used as it is, by the
 * same helper, and every thread is in the same stop again afterwards. To the steps it is
 * what a debugger's stop is (inline.c).
 */
#include <errno.h>
#include <string.h>

#include "keep.h"

/* The stopped threads of the keeper that this session is about. */
static int borrow(struct machvm__session *s)
{
	const struct machvm__session *from = &s->keeper->session;

	for (size_t i = 0; i < from->count; i++) {
		const struct machvm__held_thread *t = &from->threads[i];
		int r;

		if (!t->stopped || (s->only && t->tid != s->only))
			continue;
		r = machvm__held_reserve(s);
		if (r)
			return r;
		s->threads[s->count++] = (struct machvm__held_thread){t->tid, true};
	}
	return s->count ? 0 : s->only ? -ENOENT : -ETIMEDOUT;
}

int machvm__kept_open(void *session)
{
	struct machvm__session *s = session;
	int r;

	machvm__tracer_let_die(s->tracer, NULL);
	machvm__keep_look(&s->keeper->session);
	s->inlined = true;
	s->stop = MACHVM__HELD_AT_TRAP;
	s->pace = (struct machvm__trace_pace){.notified = true};
	s->deadline = machvm__trace_now() + MACHVM__HELD_PATIENCE;
	s->count = s->caller = 0;
	r = borrow(s);
	if (r == -ETIMEDOUT)
		r = s->keeper->session.count
			    ? machvm__held_refuse(s, r, "stop",
						  "every thread of it sleeps where it cannot be used")
			    : -ESRCH;
	if (!r)
		r = machvm__crowd_prepare(s);
	if (r && s->count)
		(void)!machvm__run_restore(s);
	if (!r && !(s->flags & MACHVM__SESSION_ALL)) {
		s->threads[0] = s->threads[s->caller];
		s->count = 1;
		s->caller = 0;
	}
	return r;
}

int machvm__kept_abandon(void *session)
{
	struct machvm__session *s = session;

	if (!s->keeper)
		return machvm__keep_abandon(s);
	(void)!machvm__inline_close(s);
	return machvm__keep_abandon(&s->keeper->session);
}
