/* SPDX-License-Identifier: MIT */
/*
 * What the helper of a keeper does: stops what is wanted, lets go of what is not, and
 * in between takes note at once of every thread that ends.
 */
#include "keep.h"

#include <errno.h>
#include <stddef.h>

static struct machvm__keeper *keeper_of(struct machvm__session *s)
{
	return (struct machvm__keeper *)(void *)((char *)s -
						 offsetof(struct machvm__keeper, session));
}

static bool wanted(const struct machvm__keeper *k, int tid)
{
	if (k->counts[MACHVM__KEEPER_PROCESS] || k->counts[MACHVM__KEEPER_TOKENS] || k->borrowed)
		return true;
	for (size_t i = 0; i < k->thread_count; i++) {
		if (k->threads[i].tid == tid)
			return k->threads[i].count > 0;
	}
	return false;
}

static bool everybody(const struct machvm__keeper *k)
{
	return wanted(k, 0);
}

/*
 * A call that answered the stop with EINTR is made again. Put right here and not at the end,
 * so that it is also when the helper is killed: the thread stands inside the kernel's look
 * for signals, which comes before the restart of calls.
 */
static void calm(struct machvm__session *s, const struct machvm__held_thread *t)
{
	if (!machvm__cpu_read(t->tid, &s->saved) && machvm__cpu_restart_spurious(&s->saved))
		(void)!machvm__cpu_write(t->tid, &s->saved);
}

static void drop(struct machvm__session *s, size_t i)
{
	s->threads[i] = s->threads[--s->count];
}

/* True when the thread is not ours any more. */
static bool look_at(struct machvm__session *s, struct machvm__held_thread *t)
{
	struct machvm__trace_event event;
	int r;

	if (t->stopped)
		return machvm__trace_bury(t->tid);
	r = machvm__trace_poll(t->tid, &event);
	if (!r)
		r = machvm__stop_take(t, &event);
	if (r == -ESRCH || r == -ECHILD)
		return true;
	if (!t->stopped)
		return false;
	calm(s, t);
	if (t->leaving)
		machvm__stop_release(s, t);
	return t->leaving;
}

void machvm__keep_look(struct machvm__session *s)
{
	bool before = s->count > 0, news;

	/* The end of a leader shows when the last of the others has been taken note of. */
	do {
		news = false;
		for (size_t i = 0; i < s->count; i++) {
			if (look_at(s, &s->threads[i])) {
				drop(s, i--);
				news = true;
			}
		}
	} while (news);
	if (before && !s->count) {
		__atomic_store_n(&keeper_of(s)->ended, true, __ATOMIC_RELEASE);
		machvm__tracer_leave(s->tracer);
	}
}

static void look(void *session)
{
	machvm__keep_look(session);
}

int machvm__keep_rest(void *session)
{
	struct machvm__session *s = session;

	machvm__keep_look(s);
	if (s->count)
		machvm__tracer_let_die(s->tracer, look);
	return 0;
}

static bool held(const struct machvm__session *s, int tid)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->threads[i].tid == tid)
			return true;
	}
	return false;
}

/* Numbers come back: what was counted for a thread that ended is not for the next one. */
static void forget_dead(struct machvm__keeper *k, int asked)
{
	for (size_t i = 0; i < k->thread_count; i++) {
		if (k->threads[i].tid != asked && !held(&k->session, k->threads[i].tid))
			k->threads[i--] = k->threads[--k->thread_count];
	}
}

static bool missing(const struct machvm__keeper *k)
{
	for (size_t i = 0; i < k->thread_count; i++) {
		if (k->threads[i].count && !held(&k->session, k->threads[i].tid))
			return true;
	}
	return everybody(k);
}

static int stop_wanted(struct machvm__keeper *k)
{
	struct machvm__session *s = &k->session;
	int r = 0;

	if (everybody(k))
		return machvm__crowd_stop(s);
	for (size_t i = 0; i < k->thread_count && !r; i++) {
		if (k->threads[i].count && !held(s, k->threads[i].tid))
			r = machvm__crowd_add(s, k->threads[i].tid);
	}
	return r ? r : machvm__crowd_await(s);
}

/* What cannot be let go because it has not stopped yet is let go when it does. */
static void let_go(struct machvm__keeper *k, bool failed)
{
	struct machvm__session *s = &k->session;

	for (size_t i = s->count; i-- > 0;) {
		struct machvm__held_thread *t = &s->threads[i];

		t->leaving = failed ? t->leaving || t->fresh : !wanted(k, t->tid);
		t->fresh = false;
		if (t->leaving && t->stopped) {
			machvm__stop_release(s, t);
			drop(s, i);
		}
	}
}

int machvm__keep_settle(void *session)
{
	struct machvm__session *s = session;
	struct machvm__keeper *k = keeper_of(s);
	int r = 0;

	machvm__tracer_let_die(s->tracer, NULL);
	s->pace = (struct machvm__trace_pace){.notified = true};
	machvm__keep_look(s);
	forget_dead(k, s->tid);
	if (missing(k)) {
		r = machvm__turn_take(s);
		if (!r)
			r = stop_wanted(k);
		machvm__turn_end(s);
	}
	for (size_t i = 0; i < s->count; i++) {
		if (s->threads[i].stopped && s->threads[i].fresh)
			calm(s, &s->threads[i]);
	}
	let_go(k, r != 0);
	(void)machvm__keep_rest(s);
	return r;
}

int machvm__keep_abandon(void *session)
{
	struct machvm__session *s = session;

	for (size_t i = 0; i < s->count; i++) {
		if (s->threads[i].stopped)
			machvm__stop_release(s, &s->threads[i]);
	}
	s->count = 0;
	return 0;
}
