/* SPDX-License-Identifier: MIT */
/*
 * Which processes are kept, how often, and by which helper. One keeper a process,
 * made by the first suspension and gone with the last.
 *
 * A thread of this very process can be kept as well. It may have been stopped anywhere, so
 * nothing on the way to letting it go allocates from the heap, and it is
 * stopped while the locks on that way are held by the thread that stops it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fork_notice.h"
#include "keep.h"
#include "syscall.h"

_Atomic bool machvm__keeper_any;

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct machvm__keeper *registry;

/* A child keeps nothing: helpers serve the process that made them. */
static void renew(void)
{
	registry_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	registry = NULL;
	atomic_store(&machvm__keeper_any, false);
}

static void *map_zero(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* ---- the registry ---- */

static void remove_from_registry(struct machvm__keeper *k)
{
	for (struct machvm__keeper **at = &registry; *at; at = &(*at)->next) {
		if (*at == k) {
			*at = k->next;
			k->references--;
			break;
		}
	}
	atomic_store(&machvm__keeper_any, registry != NULL);
}

static void put(struct machvm__keeper *k)
{
	bool last;

	pthread_mutex_lock(&registry_lock);
	last = --k->references == 0;
	pthread_mutex_unlock(&registry_lock);
	if (!last)
		return;
	if (k->thread_room)
		munmap(k->threads, k->thread_room * sizeof(*k->threads));
	munmap(k, sizeof(*k));
}

static struct machvm__keeper *create(int pid)
{
	struct machvm__keeper *k = map_zero(sizeof(*k));
	pthread_mutexattr_t attributes;

	if (!k)
		return NULL;
	/* Who has a session in it and asks again is told so, as without a keeper. */
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&k->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	k->pid = pid;
	k->session.target = &k->target;
	k->session.threads = &k->session.one;
	k->session.capacity = 1;
	k->session.lock = -1;
	k->session.flags = MACHVM__SESSION_ALL | MACHVM__SESSION_STILL;
	k->session.patient = true;
	return k;
}

/* The keeper of that number, pinned. */
static struct machvm__keeper *find(int pid, bool make)
{
	struct machvm__keeper *k;

	machvm__fork_notice();
	if (!make && !atomic_load_explicit(&machvm__keeper_any, memory_order_relaxed))
		return NULL;
	if (make)
		machvm__fork_notice_add(renew);
	pthread_mutex_lock(&registry_lock);
	for (k = registry; k && k->pid != pid; k = k->next)
		;
	if (!k && make) {
		k = create(pid);
		if (k) {
			k->references = 1;
			k->next = registry;
			registry = k;
			atomic_store(&machvm__keeper_any, true);
		}
	}
	if (k)
		k->references++;
	pthread_mutex_unlock(&registry_lock);
	return k;
}

/* ---- one keeper, locked ---- */

static struct machvm__keep_thread *thread_of(struct machvm__keeper *k, int tid)
{
	for (size_t i = 0; i < k->thread_count; i++) {
		if (k->threads[i].tid == tid)
			return &k->threads[i];
	}
	return NULL;
}

static bool in_use(const struct machvm__keeper *k)
{
	if (k->counts[MACHVM__KEEPER_PROCESS] || k->counts[MACHVM__KEEPER_TOKENS] || k->borrowed)
		return true;
	for (size_t i = 0; i < k->thread_count; i++) {
		if (k->threads[i].count)
			return true;
	}
	return false;
}

/* Nothing is kept any more, whatever the counts say. */
static void void_counts(struct machvm__keeper *k)
{
	struct machvm__session *s = &k->session;

	machvm__tracer_put(s->tracer, true);
	s->tracer = NULL;
	if (s->capacity > 1)
		munmap(s->threads, s->capacity * sizeof(*s->threads));
	s->threads = &s->one;
	s->capacity = 1;
	s->count = 0;
	s->lost = false;
	s->lost_count = 0;
	k->counts[0] = k->counts[1] = 0;
	k->thread_count = 0;
	k->ended = false;
}

/* The helper may have been killed, and so may the process: then the number is another's. */
static void check(struct machvm__keeper *k)
{
	if (k->session.tracer && (machvm__tracer_dead(k->session.tracer) ||
				  __atomic_load_n(&k->ended, __ATOMIC_ACQUIRE)))
		void_counts(k);
}

static int lock(struct machvm__keeper *k, struct machvm__session_refusal *refusal)
{
	if (pthread_mutex_lock(&k->lock)) {
		*refusal = (struct machvm__session_refusal){
			.step = "turn", .reason = "this thread has a session with it already"};
		put(k);
		return -EBUSY;
	}
	check(k);
	return 0;
}

static void unlock(struct machvm__keeper *k)
{
	/* Who finds it in the registry now finds it empty, and may use it again. */
	pthread_mutex_lock(&registry_lock);
	if (!in_use(k) && k->references == 2)
		remove_from_registry(k);
	pthread_mutex_unlock(&registry_lock);
	pthread_mutex_unlock(&k->lock);
	put(k);
}

static void take_over(struct machvm__keeper *k, const struct machvm__session_target *target)
{
	k->target = (struct machvm__session_target){.pid = target->pid,
						    .proc_pid = target->proc_pid,
						    .pidfd = -1,
						    .mem_fd = -1};
}

/* Makes what stands still what the counts say. */
static int settle(struct machvm__keeper *k, int tid, struct machvm__session_refusal *refusal)
{
	struct machvm__session *s = &k->session;
	bool ours = k->pid == getpid();
	int result = 0, r = 0;

	memset(&s->why, 0, sizeof(s->why));
	s->opener = (int)machvm__syscall0(SYS_gettid);
	s->tid = tid;
	if (!s->tracer)
		r = machvm__tracer_get(&s->tracer);
	if (r) {
		*refusal = (struct machvm__session_refusal){
			.step = "helper", .reason = "the tracing helper cannot be started"};
		return r;
	}
	if (ours) {
		pthread_mutex_lock(&registry_lock);
		machvm__tracer_freeze();
	}
	r = machvm__tracer_run(s->tracer, machvm__keep_settle, s, machvm__keep_abandon,
			       NULL, &result);
	if (ours) {
		machvm__tracer_thaw();
		pthread_mutex_unlock(&registry_lock);
	}
	if (r) {
		void_counts(k);
		return r;
	}
	if (result == MACHVM__HELD_IS_OURS) {
		s->why.tracer = getpid();
		result = -EBUSY;
	}
	if (result)
		*refusal = s->why;
	return result;
}

/* After a change downwards: the helper goes when nothing is left for it. */
static void settle_down(struct machvm__keeper *k)
{
	struct machvm__session *s = &k->session;
	struct machvm__session_refusal unused;

	if (!s->tracer)
		return;
	(void)!settle(k, 0, &unused);
	if (in_use(k) || !s->tracer)
		return;
	/* Whatever it could not let go of, its end does. */
	machvm__tracer_put(s->tracer, s->count || s->lost);
	s->tracer = NULL;
	void_counts(k);
}

/* ---- counts ---- */

static int add_thread(struct machvm__keeper *k, int tid)
{
	size_t room = k->thread_room ? 2 * k->thread_room : 512;
	struct machvm__keep_thread *more;

	if (thread_of(k, tid))
		return 0;
	if (k->thread_count == k->thread_room) {
		more = map_zero(room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		if (k->thread_room) {
			memcpy(more, k->threads, k->thread_count * sizeof(*more));
			munmap(k->threads, k->thread_room * sizeof(*more));
		}
		k->threads = more;
		k->thread_room = room;
	}
	k->threads[k->thread_count++] = (struct machvm__keep_thread){tid, 0};
	return 0;
}

/* False below zero. */
static bool change(struct machvm__keeper *k, enum machvm__keeper_count what, int tid, int by)
{
	struct machvm__keep_thread *t = what == MACHVM__KEEPER_THREAD ? thread_of(k, tid) : NULL;
	unsigned now = t ? t->count : what == MACHVM__KEEPER_THREAD ? 0 : k->counts[what];

	if (by < 0 && !now)
		return false;
	if (t)
		t->count = now + (unsigned)by;
	else if (what != MACHVM__KEEPER_THREAD)
		k->counts[what] = now + (unsigned)by;
	return true;
}

int machvm__keeper_suspend(const struct machvm__session_target *target,
			   enum machvm__keeper_count what, int tid,
			   struct machvm__session_refusal *refusal)
{
	struct machvm__keeper *k = find(target->pid, true);
	int r;

	memset(refusal, 0, sizeof(*refusal));
	if (!k)
		return -ENOMEM;
	r = lock(k, refusal);
	if (r)
		return r;
	if (!k->session.tracer)
		take_over(k, target);
	if (what == MACHVM__KEEPER_THREAD)
		r = add_thread(k, tid);
	if (!r) {
		change(k, what, tid, 1);
		r = settle(k, tid, refusal);
		/* The number may have come back while it was being stopped. */
		if (!r && machvm__trace_alive(target->pidfd))
			r = -ESRCH;
	}
	if (r && change(k, what, tid, -1))
		settle_down(k);
	unlock(k);
	return r;
}

int machvm__keeper_resume(const struct machvm__session_target *target,
			  enum machvm__keeper_count what, int tid)
{
	struct machvm__session_refusal unused;
	struct machvm__keeper *k = find(target->pid, false);
	int r;

	if (!k)
		return -ENOENT;
	r = lock(k, &unused);
	if (r)
		return r;
	r = change(k, what, tid, -1) ? 0 : -ENOENT;
	if (!r)
		settle_down(k);
	unlock(k);
	return r;
}

unsigned machvm__keeper_count(const struct machvm__session_target *target,
			      enum machvm__keeper_count what, int tid)
{
	struct machvm__session_refusal unused;
	struct machvm__keeper *k = find(target->pid, false);
	struct machvm__keep_thread *t;
	unsigned count;

	if (!k || lock(k, &unused))
		return 0;
	t = what == MACHVM__KEEPER_THREAD ? thread_of(k, tid) : NULL;
	count = t ? t->count : what == MACHVM__KEEPER_THREAD ? 0 : k->counts[what];
	unlock(k);
	return count;
}

/* ---- sessions inside ---- */

struct machvm__keeper *machvm__keeper_enter(const struct machvm__session_target *target,
					    unsigned flags, int *r,
					    struct machvm__session_refusal *refusal)
{
	struct machvm__keeper *k = find(target->pid, false);

	*r = 0;
	if (!k)
		return NULL;
	*r = lock(k, refusal);
	if (*r)
		return NULL;
	if (k->session.tracer && (flags & MACHVM__SESSION_ALL) &&
	    !k->counts[MACHVM__KEEPER_PROCESS] && !k->counts[MACHVM__KEEPER_TOKENS]) {
		k->borrowed = true;
		*r = settle(k, 0, refusal);
		if (*r) {
			k->borrowed = false;
			settle_down(k);
		}
	}
	if (!*r && k->session.tracer)
		return k;
	unlock(k);
	return NULL;
}

void machvm__keeper_leave(struct machvm__keeper *k)
{
	int result;

	if (k->borrowed) {
		k->borrowed = false;
		settle_down(k);
	} else if (k->session.tracer) {
		(void)!machvm__tracer_run(k->session.tracer, machvm__keep_rest, &k->session,
					  machvm__keep_abandon, NULL, &result);
	}
	unlock(k);
}
