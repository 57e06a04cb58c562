/* SPDX-License-Identifier: MIT */
/* Stopping every thread of a target, those included that are born meanwhile. */
#include "held.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "thread_list.h"

enum { PF_USER_WORKER = 0x4000, PF_IO_WORKER = 0x10 };

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

/* Threads that run no code of the program: the kernel's workers in its name. */
static bool idle_by_nature(const struct machvm__session *s, int tid)
{
	struct machvm__thread_stat stat;

	return !machvm__thread_list_stat(s->target->proc_pid, tid, &stat) &&
	       stat.flags & (PF_USER_WORKER | PF_IO_WORKER);
}

int machvm__crowd_add(struct machvm__session *s, int tid)
{
	bool filtered;
	int r = machvm__held_reserve(s);

	if (!r)
		r = machvm__stop_seize(s, tid, &filtered);
	if (r)
		return r;
	s->threads[s->count++] = (struct machvm__held_thread){.tid = tid, .fresh = true};
	r = machvm__trace_interrupt(tid);
	return r == -ESRCH ? 0 : r;
}

/*
 * Thread ids are those of the mounted /proc. Where it counts otherwise than we do, a lone
 * thread has the number of its process, and several cannot be named.
 */
static int name_threads(struct machvm__session *s, int *tids, int count)
{
	if (s->target->pid == s->target->proc_pid)
		return 0;
	if (count > 1)
		return machvm__held_refuse(s, -ETIMEDOUT, "stop",
					   "its threads cannot be named from here");
	tids[0] = s->target->pid;
	return 0;
}

/* Interrupts every thread not known yet; *fresh says how many there were. */
static int interrupt_new(struct machvm__session *s, size_t *fresh)
{
	size_t bytes;
	int *tids, n = machvm__stop_list(s, &tids, &bytes), r = 0;

	*fresh = 0;

	if (n > 0)
		r = name_threads(s, tids, n);
	for (int i = 0; i < n && !r; i++) {
		if (known_thread(s, tids[i]))
			continue;
		r = machvm__crowd_add(s, tids[i]);
		if (!r)
			++*fresh;
		else if (r == -ESRCH || (r == -EPERM && idle_by_nature(s, tids[i])))
			r = 0;
	}
	if (n >= 0)
		munmap(tids, bytes);
	return n < 0 ? n : r;
}

static void drop(struct machvm__session *s, size_t i)
{
	s->threads[i] = s->threads[--s->count];
}

/* In the kernel where no signal reaches it: it stops before it runs code of its own again. */
static bool deep(const struct machvm__session *s, int tid)
{
	struct machvm__thread_stat stat;

	return s->patient && !machvm__thread_list_stat(s->target->proc_pid, tid, &stat) &&
	       stat.state == 'D';
}

/* All of them at once: each may need its turn on a busy CPU more than once. */
int machvm__crowd_await(struct machvm__session *s)
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
			else if (r && machvm__trace_now() > again && deep(s, t->tid))
				continue;
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
	size_t fresh;
	int r;

	/* Thread ids are those of the mounted /proc: of use only where it is ours. */
	if (s->target->pid != s->target->proc_pid)
		return machvm__held_refuse(s, -ETIMEDOUT, "stop",
					   "its threads cannot be named from here");
	/* Until a look finds nobody new: a thread that runs can start another. */
	do {
		r = interrupt_new(s, &fresh);
		if (!r && fresh)
			r = machvm__crowd_await(s);
		if (r)
			return r;
	} while (fresh);
	return s->count ? 0 : -ESRCH;
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
