/* SPDX-License-Identifier: MIT */
/*
 * The outside of a session: who traces, what of the opening thread is set aside meanwhile,
 * and handing each step to the tracer.
 */
#include "session.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork_notice.h"
#include "keep.h"
#include "syscall.h"
#include "thread_list.h"

/* ---- steps ---- */

static int step(struct machvm__session *s, int (*fn)(void *))
{
	int (*abandon)(void *) = s->keeper ? machvm__kept_abandon : machvm__hold_close;
	int result = 0;
	int r = machvm__tracer_run(s->tracer, fn, s, abandon, machvm__opener_relieve, &result);

	if (r)
		s->dead = true;
	return r ? r : result;
}

/*
 * What was stopped by number must be what is meant. The pidfd tells now: a thread that we
 * hold keeps its number. The process may also have executed another program since its owner opened
 * its memory: what we wrote into the stopped thread's memory must be in that one.
 */
static int same_target(struct machvm__session *s)
{
	struct machvm__place *known = &s->target->known;
	unsigned char seen[sizeof(s->frame)];
	long n = machvm__trace_alive(s->target->pidfd);

	if (n)
		return machvm__held_refuse(s, (int)n, "identity", "it is gone");
	/* A child has the seal of its parent: it is no proof where the number may be another's. */
	if (s->target->mem_fd < 0 || !s->framed || (known->proven && s->target->pidfd >= 0))
		return 0;
	n = pread(s->target->mem_fd, seen, s->frame_size, (off_t)s->place);
	if (n == (long)s->frame_size && !memcmp(seen, s->frame, s->frame_size)) {
		known->proven = known->seal_at != 0;
		return 0;
	}
	return machvm__held_refuse(s, -ESTALE, "identity", "it has executed another program");
}

static int use_helper(struct machvm__session *s)
{
	int r = machvm__tracer_get(&s->tracer);

	s->opener = (int)machvm__syscall0(SYS_gettid);

	return r ? machvm__held_refuse(s, r, "helper", "the tracing helper cannot be started") : 0;
}

/* One that was killed in the middle has moved nobody back, and needs a CPU to end. */
static void put_helper(struct machvm__session *s)
{
	machvm__opener_relieve(s);
	s->moved = s->opener_moved = false;
	machvm__tracer_put(s->tracer, s->lost);
}

static void drop_helper(struct machvm__session *s)
{
	put_helper(s);
	s->tracer = NULL;
	s->lost = false;
	s->lost_count = 0;
}

/* What only a helper does. */
static const unsigned for_helpers = MACHVM__SESSION_HELPER | MACHVM__SESSION_ALL;

static bool must_help(unsigned flags)
{
	return (flags & for_helpers) || !machvm__tracer_alone();
}

/* One try after another until one of them is an answer. */
static int open_with(struct machvm__session *s)
{
	int r = !s->tracer && must_help(s->flags) ? use_helper(s) : 0;
	bool opened = false;

	for (int attempt = 0; !r && attempt < 4; attempt++) {
		if (!s->tracer)
			machvm__opener_mute(s);
		r = step(s, machvm__hold_open);
		if (r == MACHVM__HELD_NEED_HELPER && !s->tracer) {
			r = use_helper(s);
		} else if (r == -EOWNERDEAD) {
			/* An idle helper may leave while we reach for it. */
			drop_helper(s);
			s->dead = false;
			r = use_helper(s);
		} else if (r == -EPERM && s->tracer && !(s->flags & for_helpers)) {
			drop_helper(s);
			s->no_helper = true;
			r = 0;
		} else {
			opened = true;
			break;
		}
	}
	return r || opened ? r : -EOWNERDEAD;
}

/* Nothing of a process can be found where /proc is not mounted, or hides it. */
static bool unseen(const struct machvm__session *s)
{
	int fd = machvm__thread_list_open(s->target->proc_pid, "task", O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		close(fd);
	return fd == -ENOENT;
}

/*
 * In the middle of an execve threads go that were there a moment ago, and the one that stays
 * takes over the leader's number: for an instant it may not be found. The process is not gone
 * because a thread of it is, unless that one is what is asked for.
 */
static int open_patiently(struct machvm__session *s)
{
	enum { INSTANT = 10 };
	uint64_t deadline = machvm__trace_now() + MACHVM__HELD_PATIENCE;
	int r, blind = 0;

	while ((r = open_with(s)) == -ESRCH && !s->only && s->target->pidfd >= 0 &&
	       !machvm__trace_alive(s->target->pidfd)) {
		blind = unseen(s) ? blind + 1 : 0;
		if (blind == INSTANT)
			return machvm__held_refuse(s, -EOPNOTSUPP, "thread list",
						   "/proc does not show it here");
		if (machvm__trace_now() >= deadline)
			return machvm__held_refuse(s, -ETIMEDOUT, "stop",
						   "its threads end before they can be stopped");
		machvm__trace_nap(100000);
	}
	return r;
}

/* The stop belongs to a debugger, and the debugger is us. */
static int open_inline(struct machvm__session *s)
{
	drop_helper(s);
	machvm__opener_mute(s);
	return step(s, machvm__inline_open);
}

/* The stop is one of our keepers'. -ENOENT when the thread asked for is not in it. */
static int open_kept(struct machvm__session *s)
{
	int r;

	s->tracer = s->keeper->session.tracer;
	r = step(s, machvm__kept_open);
	if (r && r != -ENOENT)
		return r == -EOWNERDEAD ? machvm__held_refuse(s, -ETIMEDOUT, "helper",
							      "the helper that held it was killed")
					: r;
	if (r) {
		machvm__keeper_leave(s->keeper);
		s->keeper = NULL;
		s->tracer = NULL;
		s->inlined = false;
	}
	return r;
}

static int open_once(struct machvm__session *s)
{
	int r;

	s->keeper = machvm__keeper_enter(s->target, s->flags, &r, &s->why);
	if (s->keeper)
		r = open_kept(s);
	if (r == -ENOENT || (!r && !s->keeper))
		r = open_patiently(s);
	return r;
}

/*
 * Another thread of ours may suspend the target, or resume it, after we have looked for a
 * keeper and before we seize: then it is our own helper that traces it.
 */
static int open_any(struct machvm__session *s)
{
	int r = open_once(s);
	uint64_t deadline = machvm__trace_now() + MACHVM__HELD_PATIENCE;

	while (r == -EBUSY && !s->keeper && machvm__tracer_ours(s->why.tracer)) {
		if (machvm__trace_now() >= deadline)
			return machvm__held_refuse(s, -ETIMEDOUT, "turn",
						   "this program suspends and resumes it all the while");
		drop_helper(s);
		s->dead = false;
		s->why.tracer = 0;
		machvm__trace_nap(100000);
		r = open_once(s);
	}
	return r;
}

static int end(struct machvm__session *s)
{
	return step(s, s->inlined ? machvm__inline_close : machvm__hold_close);
}

static void let_go(struct machvm__session *s)
{
	if (s->keeper)
		machvm__keeper_leave(s->keeper);
	else
		put_helper(s);
	machvm__opener_unmute(s);
	machvm__opener_unblock(s);
	if (s->capacity > 1)
		munmap(s->threads, s->capacity * sizeof(*s->threads));
	if (s->mapped)
		munmap(s, sizeof(*s));
	else
		free(s);
}

/* Asked of the kernel once in each process. */
static int own_pid(void)
{
	static _Atomic uint64_t known; /* the epoch, and what the number is in it */
	uint64_t now;

	machvm__fork_notice();
	now = atomic_load(&known);
	if (now >> 32 != atomic_load(&machvm__epoch)) {
		now = (uint64_t)atomic_load(&machvm__epoch) << 32 | (uint32_t)getpid();
		atomic_store(&known, now);
	}
	return (int)(uint32_t)now;
}

/* A thread of our own that stands still may have been in the middle of malloc. */
static struct machvm__session *allocate(bool ours)
{
	void *memory;

	if (!ours)
		return malloc(sizeof(struct machvm__session));
	memory = mmap(NULL, sizeof(struct machvm__session), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

int machvm__session_open(struct machvm__session **session, struct machvm__session_target *target,
			 unsigned flags, struct machvm__session_refusal *refusal)
{
	return machvm__session_open_thread(session, target, 0, flags, refusal);
}

int machvm__session_open_thread(struct machvm__session **session,
				struct machvm__session_target *target, int tid, unsigned flags,
				struct machvm__session_refusal *refusal)
{
	bool ours = target->pid == own_pid();
	struct machvm__session *s = allocate(ours);
	int r;

	if (!s)
		return -ENOMEM;
	/* The big buffers at the end of a part each are written before they are read. */
	memset(s, 0, offsetof(struct machvm__session, saved));
	s->fit = s->framed = s->aimed = s->masked = s->spurious = s->reminded = false;
	s->opener_moved = s->opener_muted = s->no_helper = s->mapped = false;
	s->inlined = s->left_entry = false;
	s->stop = MACHVM__HELD_AT_TRAP;
	s->pushed = s->frame_size = 0;
	s->target = target;
	s->only = tid;
	s->mapped = ours;
	s->flags = flags | (ours ? MACHVM__SESSION_HELPER : 0);
	s->lock = -1;
	s->threads = &s->one;
	s->capacity = 1;
	s->self = own_pid();
	machvm__opener_block(s);
	r = open_any(s);
	if (r == MACHVM__HELD_IS_OURS)
		r = open_inline(s);
	if (!r) {
		r = same_target(s);
		if (r)
			(void)!end(s);
	}
	if (!r) {
		*session = s;
		return 0;
	}
	/* A zombie is refused for many reasons; this is the one that counts. */
	if (machvm__trace_alive(target->pidfd) == -ESRCH)
		r = machvm__held_refuse(s, -ESRCH, "identity", "it is gone");
	if (refusal)
		*refusal = s->why;
	let_go(s);
	return r;
}

int machvm__session_call(struct machvm__session *session, enum machvm__call call,
			 const uint64_t args[6], int64_t *result)
{
	int r;

	if (!session->fit)
		return -EOPNOTSUPP;
	session->call = call;
	memcpy(session->args, args, sizeof(session->args));
	r = step(session, machvm__run_call);
	if (!r)
		*result = session->result;
	return r;
}

int machvm__session_push(struct machvm__session *session, const void *data, size_t size,
			 uint64_t *raddr)
{
	int r;

	if (!session->fit)
		return -EOPNOTSUPP;
	session->const_data = data;
	session->size = size;
	r = step(session, machvm__run_push);
	if (!r)
		*raddr = session->raddr;
	return r;
}

static int move_words(void *session)
{
	struct machvm__session *s = session;
	size_t done = 0;
	int r = machvm__trace_words(s->direction, s->tid, s->raddr, s->data, s->size, &done);

	s->size = done;
	return r;
}

int machvm__session_words(struct machvm__session *session, enum machvm__direction direction,
			  uint64_t raddr, void *local, size_t size, size_t *done)
{
	size_t i = 0;
	int r;

	*done = 0;
	while (i < session->count && !session->threads[i].stopped)
		i++;
	if (i == session->count)
		return -ESRCH;
	session->tid = session->threads[i].tid;
	session->direction = direction;
	session->raddr = raddr;
	session->data = local;
	session->size = size;
	r = step(session, move_words);
	*done = session->size < size || r == 0 ? session->size : 0;
	return r;
}

int machvm__session_close(struct machvm__session *session)
{
	int r;

	if (!session)
		return 0;
	r = end(session);
	let_go(session);
	return r;
}

unsigned machvm__session_word(const struct machvm__session *session)
{
	return machvm__cpu_abi(&session->saved) == MACHVM__ABI_I386 ? 4 : 8;
}

/* ---- registers ---- */

size_t machvm__session_threads(const struct machvm__session *session, size_t index, int *tid)
{
	if (index < session->count)
		*tid = session->threads[index].tid;
	return session->count;
}

static struct machvm__held_thread *held(struct machvm__session *s, int tid)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->threads[i].tid == tid && s->threads[i].stopped)
			return &s->threads[i];
	}
	return NULL;
}

static int get_set(void *session)
{
	struct machvm__session *s = session;

	return (int)machvm__trace_get_set(s->tid, s->set, s->data, s->size);
}

static int set_set(void *session)
{
	struct machvm__session *s = session;

	return (int)machvm__trace_set_set(s->tid, s->set, s->const_data, s->size);
}

/* The calling thread's own registers are set aside while it makes calls for us. */
static int bring_home(void *session)
{
	return machvm__run_restore(session);
}

static int get_cpu(void *session)
{
	struct machvm__session *s = session;

	return machvm__cpu_read(s->tid, s->data);
}

static int set_cpu(void *session)
{
	struct machvm__session *s = session;

	return machvm__cpu_write(s->tid, s->const_data);
}

static int registers_step(struct machvm__session *s, int tid, unsigned set, size_t size,
			  int (*fn)(void *))
{
	struct machvm__held_thread *t = held(s, tid);
	int r = 0;

	if (!t)
		return -ESRCH;
	if (t == &s->threads[s->caller] && s->aimed) {
		s->fit = false;
		r = step(s, bring_home);
	}
	s->tid = tid;
	s->set = set;
	s->size = size;
	return r ? r : step(s, fn);
}

ssize_t machvm__session_get_registers(struct machvm__session *session, int tid, unsigned set,
				      void *data, size_t size)
{
	session->data = data;
	return registers_step(session, tid, set, size, get_set);
}

ssize_t machvm__session_set_registers(struct machvm__session *session, int tid, unsigned set,
				      const void *data, size_t size)
{
	ssize_t n;

	session->const_data = data;
	n = registers_step(session, tid, set, size, set_set);
	if (n >= 0 && set == NT_PRSTATUS)
		held(session, tid)->changed = true;
	return n;
}

int machvm__session_get_cpu(struct machvm__session *session, int tid, struct machvm__cpu *cpu)
{
	session->data = cpu;
	return registers_step(session, tid, 0, 0, get_cpu);
}

int machvm__session_set_cpu(struct machvm__session *session, int tid, const struct machvm__cpu *cpu)
{
	int r;

	session->const_data = cpu;
	r = registers_step(session, tid, 0, 0, set_cpu);
	if (!r)
		held(session, tid)->changed = true;
	return r;
}
