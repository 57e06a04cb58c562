/* SPDX-License-Identifier: MIT */
/*
 * The thread that calls: what of it is saved, the frame that would restore
 * it without us, one system call after another, and how it gets everything back.
 *
 * The order is the point. Before the registers change, the frame stands. The
 * signal mask changes after the registers point at the frame (which holds the old
 * one) and is put back before they stop doing so. So there is no instant at
 * which the end of the tracer leaves the thread with something that is not its own.
 */
#include "held.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { RED_ZONE = 4096 };

static int tid_of(const struct machvm__session *s)
{
	return s->threads[s->caller].tid;
}

/* ---- what may forbid a call ---- */

/*
 * Syscall User Dispatch (Linux 5.11): with the selector at BLOCK a call from outside the
 * exempt range raises SIGSYS instead of running.
 */
static int check_dispatch(struct machvm__session *s)
{
	enum { BLOCK = 1 };
	const struct machvm__cpu_code *code = &s->target->known.code;
	struct machvm__trace_dispatch d;
	unsigned char selector = BLOCK;
	int r = machvm__trace_dispatch(tid_of(s), &d);

	if (r || !d.mode || code->call - d.offset < d.length)
		return r;
	r = d.selector
		    ? machvm__trace_read(tid_of(s),
					 &(struct machvm__trace_part){d.selector, &selector, 1}, 1)
		    : 0;
	if (!r && selector != BLOCK)
		return 0;
	return machvm__held_refuse(s, -EOPNOTSUPP, "syscall user dispatch",
				   "its system calls are dispatched to itself just now");
}

/*
 * A thread stopped inside a restartable sequence will find it aborted: the kernel
 * would do it on the way back (rseq(2)), but forgets when it first runs other code. So the
 * thread is restored to the abort handler, which is where the kernel would send it.
 */
static int abort_sequence(struct machvm__session *s)
{
	struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} sequence;
	struct machvm__trace_part part;
	uint64_t raddr = 0, pointer = 0;
	uint32_t size = 0;
	int r;

	if (machvm__cpu_in_call(&s->saved))
		return 0;
	r = machvm__trace_rseq(tid_of(s), &raddr, &size);
	/* Before Linux 5.13 nobody tells; a thread in a system call is then the only safe one. */
	if (r == -EIO || r == -EINVAL)
		return machvm__held_refuse(s, -EOPNOTSUPP, "restartable sequence",
					   "this kernel does not tell whether it is in one");
	if (r || !raddr)
		return r;
	part = (struct machvm__trace_part){raddr + 8, &pointer, 8};
	r = machvm__trace_read(tid_of(s), &part, 1);
	if (r || !pointer)
		return r;
	part = (struct machvm__trace_part){pointer, &sequence, sizeof(sequence)};
	if (machvm__trace_read(tid_of(s), &part, 1))
		return 0; /* stale: a library that held it is gone */
	if (machvm__cpu_ip(&s->saved) - sequence.start < sequence.length)
		machvm__cpu_set_ip(&s->saved, sequence.abort);
	return 0;
}

/* ---- the place ---- */

static bool all_zero(const unsigned char *p, size_t size)
{
	return !size || (!p[0] && !memcmp(p, p + 1, size - 1));
}

/*
 * Unused: below everything that the thread has on this stack; or, where the stack is not
 * the thread's own, never written to. A coroutine's stack is never looked at.
 */
static bool unused(struct machvm__session *s, size_t size)
{
	const struct machvm__place *known = &s->target->known;
	uint64_t sp = machvm__cpu_sp(&s->saved);

	if (sp >= known->stack && sp < known->stack_end)
		return sp >= known->stack + size + RED_ZONE;
	return all_zero(s->old, size);
}

/* 0; 1 when there is to be no frame; or MACHVM__HELD_FRAME_LEFT. */
static int judge_leftover(struct machvm__session *s, size_t size)
{
	if (!machvm__leftover_found(s->old, size))
		return 0;
	if (s->inlined ? machvm__leftover_held(s) : s->unframed)
		return 1;
	if (!s->inlined && !s->swept)
		return MACHVM__HELD_FRAME_LEFT;
	machvm__leftover_wipe(s->old, size); /* goes with us */
	return 0;
}

/* Reads the place if the address space is the one that was looked at; else -ESTALE. */
static int compare_seal(struct machvm__session *s, size_t size)
{
	const struct machvm__place *known = &s->target->known;
	unsigned char seal[MACHVM__PLACE_SEAL];
	struct machvm__trace_part parts[2] = {{known->seal_at, seal, sizeof(seal)},
					      {known->stack, s->old, size}};

	if (machvm__trace_read(tid_of(s), parts, size ? 2 : 1) ||
	    memcmp(seal, known->seal, sizeof(seal)))
		return -ESTALE;
	return 0;
}

/* Reads the place and compares the code. -ESTALE when the code is not what it was. */
static int compare_code(struct machvm__session *s, size_t size)
{
	const struct machvm__place *known = &s->target->known;
	unsigned char call[MACHVM__CPU_CODE], sigreturn[MACHVM__CPU_CODE];
	struct machvm__trace_part parts[3] = {{known->code.call, call, known->code.call_size}};
	size_t n = 1;

	if (known->code.sigreturn)
		parts[n++] = (struct machvm__trace_part){known->code.sigreturn, sigreturn,
							 known->code.sigreturn_size};
	if (size)
		parts[n++] = (struct machvm__trace_part){known->stack, s->old, size};
	if (machvm__trace_read(tid_of(s), parts, n))
		return -ESTALE;
	if (memcmp(call, known->code.call_bytes, known->code.call_size) ||
	    memcmp(sigreturn, known->code.sigreturn_bytes, known->code.sigreturn_size))
		return -ESTALE;
	return 0;
}

static int compare(struct machvm__session *s, size_t size)
{
	const struct machvm__place *known = &s->target->known;

	size = known->stack ? size : 0;
	return known->seal_at ? compare_seal(s, size) : compare_code(s, size);
}

static int compare_or_find(struct machvm__session *s, size_t size, enum machvm__abi abi)
{
	struct machvm__place *known = &s->target->known;
	int r = -ESTALE;

	if (known->code.call && known->code.abi == abi)
		r = compare(s, size);
	if (r != -ESTALE)
		return r;
	r = machvm__place_find(known, s->target->proc_pid,
			       machvm__held_proc_tid(s, tid_of(s)), tid_of(s), abi);
	if (r == -EOPNOTSUPP)
		return machvm__held_refuse(s, r, "system-call instruction",
					   "it maps no code with a system-call instruction");
	return r ? r : compare(s, size);
}

/* ---- getting ready ---- */

static int stand_frame(struct machvm__session *s, enum machvm__abi abi)
{
	struct machvm__place *known = &s->target->known;
	size_t size = machvm__cpu_frame_room(&s->saved) + MACHVM__HELD_SCRATCH;
	ssize_t n;
	int r;

	if (size > sizeof(s->old))
		size = sizeof(s->old);
	size = (size + 63) & ~(size_t)63;
	r = compare_or_find(s, size, abi);
	if (r)
		return r == -ESTALE ? machvm__held_refuse(s, -EOPNOTSUPP, "system-call instruction",
							  "its code changes under us")
				    : r;
	if (!known->stack || !known->code.sigreturn)
		return 0;
	s->place_size = size;
	r = judge_leftover(s, size);
	if (r || !unused(s, size))
		return r == MACHVM__HELD_FRAME_LEFT ? r : 0;
	n = machvm__cpu_frame(&s->saved, &known->code, s->mask, known->stack, s->frame,
			      size - MACHVM__HELD_SCRATCH);
	if (n < 0)
		return 0;
	s->frame_size = (size_t)n;
	r = machvm__trace_write(tid_of(s),
				&(struct machvm__trace_part){known->stack, s->frame, (size_t)n}, 1);
	if (r)
		return machvm__held_refuse(s, r, "signal frame", "its stack cannot be written");
	s->place = known->stack;
	s->framed = true;
	return 0;
}

int machvm__run_prepare(struct machvm__session *s)
{
	enum machvm__abi abi;
	int tid = tid_of(s), r;

	s->framed = s->aimed = s->masked = s->fit = s->spurious = false;
	s->pushed = 0;
	r = machvm__cpu_read(tid, &s->saved);
	if (r)
		return machvm__held_refuse(s, r, "registers", "its registers cannot be read");
	s->spurious = !s->inlined && machvm__cpu_restart_spurious(&s->saved);
	if (s->flags & MACHVM__SESSION_STILL)
		return 0;
	abi = machvm__cpu_abi(&s->saved);
	if (abi == MACHVM__ABI_NONE)
		return machvm__held_refuse(s, -EOPNOTSUPP, "registers",
					   "it runs code of a kind that this build cannot serve");
	r = machvm__trace_get_mask(tid, &s->mask);
	if (!r)
		r = machvm__cpu_read_vector(tid, &s->saved);
	if (r)
		return machvm__held_refuse(s, r, "registers", "its registers cannot be read");
	r = abort_sequence(s);
	if (!r)
		r = stand_frame(s, abi);
	if (!r)
		r = check_dispatch(s);
	/* Without a frame only a tracer that hardly anybody can kill may go on. */
	if (!r && !s->framed && !s->tracer && !s->inlined && !s->no_helper)
		r = MACHVM__HELD_NEED_HELPER;
	s->fit = !r;
	return r;
}

/* ---- calling ---- */

static int aim(struct machvm__session *s, const struct machvm__call_form *form)
{
	struct machvm__cpu now;
	int r;

	memcpy(now.general, s->saved.general, sizeof(now.general));
	now.vector_size = 0;
	machvm__cpu_aim(&now, &s->target->known.code, form, s->framed ? s->place : 0);
	/* Should the write fail halfway: whatever is there is put back at the end. */
	s->aimed = true;
	r = machvm__cpu_write(tid_of(s), &now);
	if (!r && !s->masked) {
		s->masked = true;
		r = machvm__trace_set_mask(tid_of(s), UINT64_MAX);
	}
	return r;
}

static bool stops(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static int gone(struct machvm__session *s)
{
	s->dead = true;
	return -ECONNRESET;
}

/* It did not come to the call in time (a frozen group of processes): back into a stop. */
static int give_up(struct machvm__session *s)
{
	struct machvm__trace_event event;
	int r = machvm__trace_interrupt(tid_of(s));

	if (!r)
		r = machvm__trace_wait(tid_of(s), machvm__trace_now() + 10000000, &s->pace, &event);
	if (r) {
		s->lost = true;
		s->threads[s->caller].stopped = false;
	}
	return -ETIMEDOUT;
}

static int await_entry(struct machvm__session *s, struct machvm__trace_event *event)
{
	uint64_t until = s->deadline;
	int r;

	do
		r = machvm__trace_wait(tid_of(s), until, &s->pace, event);
	while (r == -ETIMEDOUT && (until = machvm__stop_longer(s, tid_of(s))));
	return r;
}

static int read_value(struct machvm__session *s, int64_t *value)
{
	int r = machvm__cpu_read(tid_of(s), &s->now);

	*value = (int64_t)machvm__cpu_result(&s->now);
	return r;
}

/* From a stop through the entry to the exit of the call that the registers hold. */
static int to_exit(struct machvm__session *s, int64_t *value)
{
	struct machvm__trace_event event;
	bool entered = false, exited;
	int signal = 0, tid = tid_of(s);
	uint64_t ip;

	for (;;) {
		int r = machvm__trace_to_call(tid, signal);

		/* On our CPU it has run already, and where it stands tells more than a wait. */
		if (!r && entered)
			machvm__trace_give_way(&s->pace);
		if (!r && entered && machvm__trace_call_state(tid, value, &ip) == 1 &&
		    ip == machvm__cpu_after(&s->target->known.code))
			return 0;
		if (!r)
			r = entered ? machvm__trace_wait(tid, 0, &s->pace, &event)
				    : await_entry(s, &event);
		if (r == -ETIMEDOUT)
			return give_up(s);
		if (r || event.stop == MACHVM__TRACE_GONE)
			return gone(s);
		signal = 0;
		/* A debugger may not have asked that stops at calls tell themselves apart. */
		if (event.stop == MACHVM__TRACE_CALL ||
		    (s->inlined && event.stop == MACHVM__TRACE_SIGNAL && event.signal == SIGTRAP)) {
			/* The first is the entry, and proves nothing yet. */
			if (!entered && !s->inlined) {
				entered = true;
				continue;
			}
			r = machvm__trace_call_state(tid, value, &ip);
			if (r < 0)
				return gone(s);
			exited = r == 1 || (r == 3 && !read_value(s, value));
			if (exited && ip == machvm__cpu_after(&s->target->known.code))
				return 0;
			entered = entered || r == 2;
			if (r == 2 && s->reminded && machvm__trace_interrupt(tid))
				return gone(s);
		} else if (event.stop == MACHVM__TRACE_SIGNAL) {
			/* Everything that can wait is blocked. Job control cannot: it stops here as
			 * it would anywhere, and we go on inside the stop. */
			if (!stops(event.signal))
				return -EFAULT;
			signal = event.signal;
		}
	}
}

static bool interrupted(int64_t value)
{
	return value <= -512 && value >= -516;
}

int machvm__run_call(void *session)
{
	struct machvm__session *s = session;
	struct machvm__call_form form;
	enum machvm__abi abi = (enum machvm__abi)s->target->known.code.abi;
	int64_t value = 0;
	int r;

	if (s->dead)
		return -ECONNRESET;
	r = machvm__call_spell(abi, s->call, s->args, &form);
	if (r)
		return r;
	s->deadline = machvm__trace_now() + MACHVM__HELD_PATIENCE;
	r = machvm__inline_leave_entry(s);
	if (r)
		return gone(s);
	do {
		r = aim(s, &form);
		if (!r)
			r = to_exit(s, &value);
	} while (!r && interrupted(value));
	s->result = machvm__call_result(abi, (uint64_t)value);
	return r == -ESRCH ? gone(s) : r;
}

/*
 * At the exit of a call that was interrupted: the kernel makes it again on the way out, if
 * the thread is still marked as one that has a signal to look for. Our call has taken
 * that mark away. So another one is made, and an interrupt at its entry: the stop at its exit
 * takes the interrupt away, and leaves the mark (ptrace_stop, kernel/signal.c).
 */
int machvm__run_remind(struct machvm__session *s)
{
	enum machvm__abi abi = (enum machvm__abi)s->target->known.code.abi;
	int64_t value = machvm__call_result(abi, machvm__cpu_result(&s->saved));
	int r;

	if (!machvm__cpu_in_call(&s->saved) || !interrupted(value))
		return 0;
	s->call = MACHVM__CALL_GETPID;
	s->reminded = true;
	r = machvm__run_call(s);
	s->reminded = false;
	return r;
}

int machvm__run_push(void *session)
{
	struct machvm__session *s = session;
	size_t at = ((s->frame_size + 15) & ~(size_t)15) + s->pushed;
	int r;

	if (s->dead)
		return -ECONNRESET;
	if (!s->framed || s->size > MACHVM__HELD_SCRATCH - s->pushed)
		return -ENOSPC;
	memcpy(s->frame + at, s->const_data, s->size);
	s->raddr = s->place + at;
	r = machvm__trace_write(tid_of(s),
				&(struct machvm__trace_part){s->raddr, s->frame + at, s->size}, 1);
	if (!r)
		s->pushed += (s->size + 15) & ~(size_t)15;
	return r;
}

/* ---- going back ---- */

/*
 * The kernel looks for a call to restart only on its way through a signal. Letting a
 * stopped thread go sends it there (__ptrace_unlink, kernel/ptrace.c).
 */
int machvm__run_restore(struct machvm__session *s)
{
	int tid = tid_of(s), r = 0, e;

	if (s->masked)
		r = machvm__trace_set_mask(tid, s->mask);
	if (s->aimed || (s->spurious && !s->threads[s->caller].changed)) {
		e = machvm__cpu_write(tid, &s->saved);
		r = r ? r : e;
	}
	if (s->framed) {
		size_t size = ((s->frame_size + 15) & ~(size_t)15) + s->pushed;

		e = machvm__trace_write(tid, &(struct machvm__trace_part){s->place, s->old, size},
					1);
		r = r ? r : e;
	}
	s->aimed = s->masked = s->framed = s->spurious = false;
	return r == -ESRCH ? gone(s) : r;
}
