/* SPDX-License-Identifier: MIT */
/* Stopping every thread of a target, those included that are born meanwhile. */
#include "held.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static bool known_thread(const struct machvm__session *s, int tid)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->threads[i].tid == tid)
			return true;
	}
	return false;
}

int machvm__held_reserve(struct machvm__session *s)
{
	size_t capacity = s->capacity > 1 ? 2 * s->capacity : 512;
	long memory;

	if (s->count < s->capacity)
		return 0;
	memory = (long)mmap(NULL, capacity * sizeof(*s->threads), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == -1)
		return -ENOMEM;
	memcpy((void *)memory, s->threads, s->count * sizeof(*s->threads));
	if (s->capacity > 1)
		munmap(s->threads, s->capacity * sizeof(*s->threads));
	s->threads = (struct machvm__held_thread *)memory;
	s->capacity = capacity;
	return 0;
}

/* Interrupts every thread not known yet; returns how many there were. */
static int interrupt_new(struct machvm__session *s)
{
	size_t bytes;
	int *tids, n = machvm__stop_list(s, &tids, &bytes), fresh = 0, r = 0;

	for (int i = 0; i < n && !r; i++) {
		bool filtered;

		if (known_thread(s, tids[i]))
			continue;
		r = machvm__held_reserve(s);
		if (!r)
			r = machvm__stop_seize(s, tids[i], &filtered);
		if (r == -ESRCH) {
			r = 0;
			continue;
		}
		if (!r) {
			s->threads[s->count++] = (struct machvm__held_thread){.tid = tids[i]};
			r = machvm__trace_interrupt(tids[i]);
			fresh++;
			r = r == -ESRCH ? 0 : r;
		}
	}
	if (n >= 0)
		munmap(tids, bytes);
	return n < 0 ? n : r ? r : fresh;
}

static void drop(struct machvm__session *s, size_t i)
{
	s->threads[i] = s->threads[--s->count];
}

/* All of them at once: each may need its turn on a busy CPU more than once. */
static int await_all(struct machvm__session *s)
{
	uint64_t again = machvm__trace_now() + MACHVM__HELD_AGAIN;
	struct machvm__trace_event event;
	size_t waiting;

	for (;;) {
		bool news = false;

		waiting = 0;
		for (size_t i = 0; i < s->count; i++) {
			struct machvm__held_thread *t = &s->threads[i];
			int r = t->stopped ? 0 : machvm__trace_poll(t->tid, &event);

			if (t->stopped)
				continue;
			news = news || r != -EAGAIN;
			if (!r)
				r = machvm__stop_take(t, &event);
			if (r == -ESRCH || r == -ECHILD)
				drop(s, i--);
			else if (r && r != -EAGAIN)
				return r;
			else if (r && ++waiting && machvm__trace_now() > again)
				(void)!machvm__trace_interrupt(t->tid);
		}
		if (machvm__trace_now() > again)
			again = machvm__trace_now() + MACHVM__HELD_AGAIN;
		if (!waiting)
			return 0;
		if (machvm__trace_now() >= s->deadline)
			return machvm__held_refuse(
				s, -ETIMEDOUT, "stop",
				"a thread of it sleeps where it cannot be stopped");
		if (!news)
			machvm__trace_pause(&s->pace);
	}
}

int machvm__crowd_stop(struct machvm__session *s)
{
	int r;

	/* Until a look finds nobody new: a thread that runs can start another. */
	while ((r = interrupt_new(s)) > 0) {
		r = await_all(s);
		if (r)
			return r;
	}
	return r < 0 ? r : s->count ? 0 : -ESRCH;
}

/* The first stopped thread that can call. */
int machvm__crowd_prepare(struct machvm__session *s)
{
	int r = -ESRCH;

	for (size_t i = 0; i < s->count; i++) {
		bool filtered = machvm__stop_filters_bind();

		s->caller = i;
		r = filtered && !(s->flags & MACHVM__SESSION_STILL)
			    ? machvm__stop_unfiltered(s, s->threads[i].tid)
			    : 0;
		if (!r)
			r = machvm__run_prepare(s);
		if (!r || r != -EOPNOTSUPP)
			return r;
		(void)machvm__run_restore(s);
	}
	return r;
}
