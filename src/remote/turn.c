/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is on a target, also between processes, and on which CPU. What a turn
 * needs of /proc is kept open from one session to the next where a thread of the
 * caller traces; the helper has descriptors of its own and opens them each time.
 */
#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "syscall.h"
#include "thread_list.h"

static void close_fd(int fd)
{
	(void)machvm__syscall1(SYS_close, fd);
}

void machvm__session_target_fini(struct machvm__session_target *target)
{
	struct machvm__session_kept *kept = &target->kept;

	if (kept->mem)
		close_fd(kept->mem - 1);
	if (kept->stat)
		close_fd(kept->stat - 1);
	memset(kept, 0, sizeof(*kept));
}

/* ---- turns ---- */

/* Without memory, what /proc shows of a thread is root's: nobody else may open it. */
static bool has_left(int pid)
{
	struct machvm__thread_stat stat;

	return !machvm__thread_list_stat(pid, pid, &stat) && machvm__thread_list_left(&stat);
}

/* What is locked. A dead leader has no memory, but live threads have. */
static int open_place(const struct machvm__session *s)
{
	int fd = machvm__thread_list_open(s->target->proc_pid, "mem", O_RDWR);

	if (fd < 0 && ((fd != -EACCES && fd != -EPERM) || has_left(s->target->proc_pid)))
		fd = machvm__thread_list_open(s->target->proc_pid, "task", O_RDONLY | O_DIRECTORY);
	return fd;
}

static int keep_place(struct machvm__session *s)
{
	struct machvm__session_kept *kept = &s->target->kept;

	/* A lock belongs to what was opened: inherited by fork, it excludes nobody. */
	if (kept->owner != s->self)
		machvm__session_target_fini(s->target);
	if (!kept->mem) {
		int fd = open_place(s);

		if (fd < 0)
			return fd;
		kept->mem = fd + 1;
		kept->owner = s->self;
	}
	if (kept->busy)
		return -EBUSY;
	return kept->mem - 1;
}

int machvm__turn_take(struct machvm__session *s)
{
	int fd = s->tracer ? open_place(s) : keep_place(s);
	long r;

	s->deadline = machvm__trace_now() + MACHVM__HELD_PATIENCE;
	if (fd == -EACCES || fd == -EPERM)
		return machvm__held_refuse(s, -EPERM, "open mem",
					   "the kernel refuses us this task");
	if (fd == -EBUSY)
		return machvm__held_refuse(s, fd, "turn",
					   "this thread has a session with it already");
	if (fd < 0)
		return machvm__held_refuse(s, fd == -ENOENT ? -ESRCH : fd, "open mem",
					   "it is gone");
	for (unsigned round = 0;; round++) {
		r = machvm__syscall2(SYS_flock, fd, LOCK_EX | LOCK_NB);
		if (r != -EAGAIN && r != -EINTR)
			break;
		if (machvm__trace_now() >= s->deadline) {
			if (s->tracer)
				close_fd(fd);
			return machvm__held_refuse(s, -ETIMEDOUT, "turn",
						   "another user of this library holds it");
		}
		machvm__trace_nap(round < 20 ? 50000 : 500000);
	}
	s->lock = fd;
	s->target->kept.busy = !s->tracer;
	return 0;
}

void machvm__turn_end(struct machvm__session *s)
{
	if (s->lock < 0)
		return;
	if (s->tracer) {
		close_fd(s->lock);
	} else {
		s->target->kept.busy = false;
		machvm__syscall2(SYS_flock, s->lock, LOCK_UN);
	}
	s->lock = -1;
}

/* The leader's state. */
int machvm__turn_stat(struct machvm__session *s, struct machvm__thread_stat *stat)
{
	struct machvm__session_kept *kept = &s->target->kept;
	int pid = s->target->proc_pid;

	if (s->tracer)
		return machvm__thread_list_stat(pid, pid, stat);
	if (!kept->stat) {
		/* The file of the process would sum up what its threads have spent. */
		int fd = machvm__thread_list_open_thread(pid, pid, "/stat");

		if (fd < 0)
			return fd == -ENOENT ? -ESRCH : fd;
		kept->stat = fd + 1;
	}
	return machvm__thread_list_stat_fd(kept->stat - 1, stat);
}

/* ---- the same CPU ---- */

static bool in_mask(const unsigned long *mask, size_t size, int cpu)
{
	size_t bits = 8 * sizeof(*mask);

	return cpu >= 0 && (size_t)cpu < size * bits && (mask[cpu / bits] >> (cpu % bits) & 1);
}

/*
 * With a helper a session is hand-overs between three threads, and on one CPU each is a context
 * switch instead of a wake-up. A thread of the caller that traces looks again and again
 * instead of sleeping, which costs the same from any CPU: it stays where it is.
 * Never beside a real-time thread, which would starve us, nor beside one that runs: it
 * would have to wait for its turn before it can stop. Nor where somebody else keeps the CPU
 * busy, of which the move itself tells: bound to that CPU we would wait for it with the
 * target stopped.
 */
void machvm__turn_join(struct machvm__session *s, const struct machvm__thread_stat *stat)
{
	enum { OTHER = 0, BATCH = 3, IDLE = 5, BUSY_NS = 1000000 };
	unsigned long one[16] = {0};
	size_t bits = 8 * sizeof(*one);
	uint64_t before;
	long n;

	if (s->moved || s->stays || !s->tracer || stat->state == 'R' ||
	    (stat->policy != OTHER && stat->policy != BATCH && stat->policy != IDLE))
		return;
	n = machvm__syscall3(SYS_sched_getaffinity, 0, sizeof(s->affinity), (long)s->affinity);
	if (n <= 0 || !in_mask(s->affinity, (size_t)n / sizeof(*one), stat->cpu))
		return;
	one[(size_t)stat->cpu / bits] = 1ul << ((size_t)stat->cpu % bits);
	before = machvm__trace_now();
	/* Told first: who waits for us may have to take us away from there (opener.c). */
	__atomic_store_n(&s->moved, true, __ATOMIC_RELEASE);
	if (machvm__syscall3(SYS_sched_setaffinity, 0, n, (long)one))
		__atomic_store_n(&s->moved, false, __ATOMIC_RELEASE);
	s->stays = machvm__trace_now() - before > BUSY_NS;
	if (s->stays)
		machvm__turn_leave(s);
	if (!s->moved)
		return;
	/* Whoever waits for us comes along. */
	if (machvm__syscall3(SYS_sched_getaffinity, s->opener, sizeof(s->opener_affinity),
			     (long)s->opener_affinity) != n ||
	    !in_mask(s->opener_affinity, (size_t)n / sizeof(*one), stat->cpu))
		return;
	__atomic_store_n(&s->opener_moved, true, __ATOMIC_RELEASE);
	machvm__syscall3(SYS_sched_setaffinity, s->opener, n, (long)one);
}

void machvm__turn_leave(struct machvm__session *s)
{
	if (s->moved)
		machvm__syscall3(SYS_sched_setaffinity, 0, sizeof(s->affinity), (long)s->affinity);
	__atomic_store_n(&s->moved, false, __ATOMIC_RELEASE);
}
