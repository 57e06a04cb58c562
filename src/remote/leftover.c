/* SPDX-License-Identifier: MIT */
/*
 * What a tracer that was killed leaves behind: a frame in the place, and perhaps a thread
 * that has yet to go back through it. All threads of a process share the one place. So
 * whoever finds a frame there looks for that thread, and writes over the frame only when
 * there is none: none can come into that state while the turn is ours.
 */
#include "held.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "thread_list.h"

enum {
	PAGE = 4096,  /* the stack of another user's look may have ended at another page */
	STRIDE = 512, /* the stack pointer moves that far at most, from the frame to the stub */
	DEEP = 8 << 20,
	PATIENCE_MS = 200,
	EACH_MS = 50,
};

static unsigned char *mark_in(unsigned char *bytes, size_t size)
{
	static const uint64_t mark = MACHVM__CPU_MARK;

	return memmem(bytes, size < MACHVM__CPU_MARKED ? size : MACHVM__CPU_MARKED, &mark,
		      sizeof(mark));
}

bool machvm__leftover_found(unsigned char *bytes, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE) {
		if (mark_in(bytes + at, size - at))
			return true;
	}
	return false;
}

/* What stood in this very place was found unused when it was written. */
void machvm__leftover_wipe(unsigned char *bytes, size_t size)
{
	if (mark_in(bytes, size))
		memset(bytes, 0, size);
	for (size_t at = PAGE; at < size; at += PAGE) {
		unsigned char *mark = mark_in(bytes + at, size - at);

		if (mark)
			memset(mark, 0, sizeof(uint64_t));
	}
}

/* In the place, or, on a stack that has grown since, beyond it. */
static bool inside(const struct machvm__session *s, uint64_t sp)
{
	return sp - (s->target->known.stack - DEEP) < DEEP + s->place_size + STRIDE;
}

bool machvm__leftover_held(struct machvm__session *s)
{
	if (machvm__thread_list_read(s->target->proc_pid, NULL, 0) != (int)s->count)
		return true;
	for (size_t i = 0; i < s->count; i++) {
		if (!s->threads[i].stopped || machvm__cpu_read(s->threads[i].tid, &s->now) ||
		    inside(s, machvm__cpu_sp(&s->now)))
			return true;
	}
	return false;
}

enum whereabouts { OUTSIDE, ON_ITS_WAY, STANDING };

/* Only a stop tells of a thread that runs, or waits for a CPU. */
static enum whereabouts stop_and_look(struct machvm__session *s, int tid)
{
	bool filtered, in;
	int r = machvm__stop_thread(s, tid, machvm__trace_now() + EACH_MS * UINT64_C(1000000),
				    &filtered);

	if (r)
		return r == -ESRCH ? OUTSIDE : STANDING;
	in = machvm__cpu_read(tid, &s->saved) || inside(s, machvm__cpu_sp(&s->saved));
	s->caller = s->count; /* nobody called */
	machvm__stop_put_back(s);
	return in ? ON_ITS_WAY : OUTSIDE;
}

static enum whereabouts look_at(struct machvm__session *s, int tid, bool alone)
{
	struct machvm__thread_stat stat;
	uint64_t sp = 0;
	int r = machvm__thread_list_sp(s->target->proc_pid, tid, &sp);

	if (r == -ESRCH)
		return OUTSIDE;
	if (r && s->target->pid != s->target->proc_pid)
		return alone ? stop_and_look(s, s->target->pid) : ON_ITS_WAY;
	if (r)
		return stop_and_look(s, tid);
	if (!inside(s, sp))
		return OUTSIDE;
	r = machvm__thread_list_stat(s->target->proc_pid, tid, &stat);
	/* Stopped by job control: it goes on when that ends. */
	if (sp < s->target->known.stack || r || stat.state == 'T' || stat.state == 't')
		return STANDING;
	return ON_ITS_WAY;
}

static enum whereabouts look(struct machvm__session *s)
{
	enum whereabouts found = OUTSIDE;
	size_t bytes;
	int *tids, n = machvm__stop_list(s, &tids, &bytes);

	for (int i = 0; i < n && found == OUTSIDE; i++)
		found = look_at(s, tids[i], n == 1);
	if (n >= 0)
		munmap(tids, bytes);
	return n < 0 ? STANDING : found;
}

void machvm__leftover_sweep(struct machvm__session *s)
{
	uint64_t until = machvm__trace_now() + PATIENCE_MS * UINT64_C(1000000);
	enum whereabouts found;

	/* All that it needs is a CPU. */
	while ((found = look(s)) == ON_ITS_WAY && machvm__trace_now() < until)
		machvm__trace_nap(200000);
	s->swept = found == OUTSIDE;
	s->unframed = !s->swept;
}
