/* SPDX-License-Identifier: MIT */
/*
 * A session from inside, and the steps that run in whoever traces. Those run on bare
 * system calls only (they may be in the helper) and return 0 or -errno.
 */
#ifndef MACHVM_REMOTE_HELD_H
#define MACHVM_REMOTE_HELD_H

#include <signal.h>

#include "session.h"
#include "tracer.h"
#include "trace.h"

/* How long a target may take to stop: with its threads queued for a busy CPU, several
 * time slices each. */
#define MACHVM__HELD_PATIENCE UINT64_C(2000000000)

/* After which a stop that does not come is asked for again. */
#define MACHVM__HELD_AGAIN UINT64_C(20000000)

enum {
	MACHVM__HELD_SCRATCH = 512,
	MACHVM__HELD_NEED_HELPER = 1, /* this step must not run in a thread of the caller */
	MACHVM__HELD_IS_OURS = 2,     /* the thread that opened us traces it already */
	MACHVM__HELD_FRAME_LEFT = 3,  /* a killed tracer's frame stands in the place: leftover.c */
};

/* Where a debugger has its target. */
enum machvm__held_stop {
	MACHVM__HELD_AT_TRAP,
	MACHVM__HELD_AT_SIGNAL,
	MACHVM__HELD_AT_ENTRY,
	MACHVM__HELD_AT_EXIT,
};

struct machvm__held_thread {
	int tid;
	bool stopped; /* else interrupted, and not heard of since */
	bool changed; /* its registers were set */
	bool fresh;   /* a keeper's: attached to by the step under way */
	bool leaving; /* a keeper's: to be let go as soon as it has stopped */
};

struct machvm__session {
	struct machvm__session_target *target;
	struct machvm__tracer *tracer; /* NULL: the thread that opened us */
	struct machvm__session_refusal why;
	struct machvm__keeper *keeper; /* whose stop this session runs in */
	unsigned flags;
	int only; /* the one thread that it is about; 0 when any will do */
	uint64_t deadline;

	/* the tracer's */
	int lock;
	bool lost; /* something stays attached that cannot be let go: the tracer must die */
	bool dead; /* the target is */
	bool moved, stays; /* on the target's CPU; where it is, for that CPU is busy */
	bool swept;    /* a frame in the place is nobody's any more */
	bool unframed; /* it may be somebody's */
	bool patient; /* a thread in an uninterruptible sleep need not be waited for */
	struct machvm__trace_pace pace;
	unsigned long affinity[16];
	struct machvm__held_thread *threads; /* the one that calls is threads[caller] */
	size_t count, capacity, caller;
	struct machvm__held_thread one; /* where `threads` points while one is enough */
	int lost_tids[8];
	unsigned lost_count;

	/* the calling thread's */
	struct machvm__cpu saved;
	uint64_t mask;
	bool fit, framed, aimed, masked, spurious, reminded;
	uint64_t place;
	size_t place_size, frame_size, pushed;
	unsigned char frame[MACHVM__CPU_FRAME + MACHVM__HELD_SCRATCH];
	unsigned char old[MACHVM__CPU_FRAME + MACHVM__HELD_SCRATCH];

	/* for a debugger */
	bool inlined, left_entry;
	enum machvm__held_stop stop;
	siginfo_t siginfo;
	struct machvm__cpu entry, now;

	/* of the thread that opened us */
	int opener; /* set where a helper has to know; else whoever runs the steps */
	int self;   /* its process */
	uint64_t opener_mask;
	unsigned long opener_affinity[16];
	bool no_helper; /* refused where we may not be: Yama lets an ancestor trace, and nobody else
			 */
	bool opener_moved, opener_muted, mapped;
	struct sigaction opener_child;

	/* arguments of the step under way */
	enum machvm__call call;
	uint64_t args[6];
	int64_t result;
	int tid;
	unsigned set;
	enum machvm__direction direction;
	void *data;
	const void *const_data;
	size_t size;
	uint64_t raddr;
};

/* Why a step refuses; keeps what was said first for the same step of an earlier thread. */
int machvm__held_refuse(struct machvm__session *s, int error, const char *step, const char *reason);

/* A thread as the mounted /proc numbers it. Where that counts otherwise, only the leader is named. */
static inline int machvm__held_proc_tid(const struct machvm__session *s, int tid)
{
	return tid == s->target->pid ? s->target->proc_pid : tid;
}

struct machvm__thread_stat;

/* turn.c: one user of the library at a time on a target, and all on one CPU meanwhile. */
int machvm__turn_take(struct machvm__session *s);
void machvm__turn_end(struct machvm__session *s);
int machvm__turn_stat(struct machvm__session *s, struct machvm__thread_stat *stat);
void machvm__turn_join(struct machvm__session *s, const struct machvm__thread_stat *stat);
void machvm__turn_leave(struct machvm__session *s);

/* opener.c: the opening thread's signals and CPUs. */
void machvm__opener_block(struct machvm__session *s);
void machvm__opener_unblock(struct machvm__session *s);
void machvm__opener_mute(struct machvm__session *s);
void machvm__opener_unmute(struct machvm__session *s);
/* Takes it, and the helper, off the target's CPU. */
void machvm__opener_relieve(void *session);

/* hold.c: from whose turn it is to one thread that can call, or all of them; and back. */
int machvm__hold_open(void *session);
int machvm__hold_close(void *session);

/* stop.c: one thread */
/* Attaches; *filtered tells that a seccomp filter, should there be one, binds our calls. */
int machvm__stop_seize(struct machvm__session *s, int tid, bool *filtered);
/* Attaches to and stops one thread: the last of `threads`, counted on success. */
int machvm__stop_thread(struct machvm__session *s, int tid, uint64_t deadline, bool *filtered);
/*
 * A thread has not come in time, perhaps for want of a CPU alone: until when to go on
 * waiting, or 0. On a busy machine that can last, others take their turn from whoever waits,
 * and to give the thread up would take a CPU as well.
 */
uint64_t machvm__stop_longer(const struct machvm__session *s, int tid);
/* Puts back and lets go of whatever stands. */
void machvm__stop_put_back(struct machvm__session *s);
/*
 * What a thread reported after an interrupt: the stop, or a signal that was on its way, which
 * is delivered first, as it would have been. 0 when it stands, -EAGAIN when not yet, -ESRCH.
 */
int machvm__stop_take(struct machvm__held_thread *t, const struct machvm__trace_event *event);
/* The ids of the target's threads in `bytes` of fresh memory; how many there are. */
int machvm__stop_list(struct machvm__session *s, int **tids, size_t *bytes);
/* Lets a stopped thread go on as it was. */
void machvm__stop_release(struct machvm__session *s, struct machvm__held_thread *t);
int machvm__stop_unfiltered(struct machvm__session *s, int tid);
bool machvm__stop_filters_bind(void);

/* Attached to already, and not to be let go. */
bool machvm__stop_lost_before(const struct machvm__session *s, int tid);
/* The kernel refused us that thread: the answer, with the reason. */
int machvm__stop_not_ours(struct machvm__session *s, int tid);

/* crowd.c: all threads */
int machvm__held_reserve(struct machvm__session *s); /* room for one more */
int machvm__crowd_stop(struct machvm__session *s);
int machvm__crowd_add(struct machvm__session *s, int tid); /* attaches and interrupts */
int machvm__crowd_await(struct machvm__session *s);        /* until all of them stand */
int machvm__crowd_prepare(struct machvm__session *s); /* the first of them that can call */

/* run.c: makes the stopped thread threads[caller] ready to call; calls; puts back. */
int machvm__run_prepare(struct machvm__session *s);
int machvm__run_call(void *session);
int machvm__run_push(void *session);
int machvm__run_remind(struct machvm__session *s); /* the kernel of a call to be made again */
int machvm__run_restore(struct machvm__session *s);

/* leftover.c */
bool machvm__leftover_found(unsigned char *bytes, size_t size);
void machvm__leftover_wipe(unsigned char *bytes, size_t size);
/* Decides with nothing attached: afterwards the place is `swept`, or we go `unframed`. */
void machvm__leftover_sweep(struct machvm__session *s);
/* For a stop that is not ours: whether a thread may be in the frame, or is not in the stop. */
bool machvm__leftover_held(struct machvm__session *s);

/* inline.c */
int machvm__inline_open(void *session);
int machvm__inline_leave_entry(struct machvm__session *s);
int machvm__inline_close(void *session);

#endif
