/* SPDX-License-Identifier: MIT */
/* still.c - targets to keepers and sessions. */
#include "still.h"

#include <errno.h>
#include <stdlib.h>

#include "thread_list.h"

static struct machvm__session_target who_is(const struct machvm__target *target)
{
	return (struct machvm__session_target){
		.pid = target->numbers.tgid,
		.proc_pid = target->numbers.proc_tgid,
		.pidfd = target->kind == MACHVM__HANDLE_PIDFD ? target->handle : -1,
		.mem_fd = -1,
	};
}

int machvm__still_suspend(struct machvm__space *space, struct machvm__target *target,
			  enum machvm__keeper_count what, int tid)
{
	struct machvm__session_target who = who_is(target);
	int r;

	*space = (struct machvm__space){.target = target};
	if (!who.pid) {
		space->refusal.step = "stop";
		space->refusal.reason = "it has no number in this pid namespace";
		return -ETIMEDOUT;
	}
	if (target->received && machvm__target_same(target))
		return -ESTALE;
	r = machvm__keeper_suspend(&who, what, tid, &space->refusal);
	/* Once it stands, it stays what it is. */
	if (r == 0 && target->received && machvm__target_same(target)) {
		(void)!machvm__keeper_resume(&who, what, tid);
		r = -ESTALE;
	}
	return r;
}

int machvm__still_resume(struct machvm__target *target, enum machvm__keeper_count what, int tid)
{
	struct machvm__session_target who = who_is(target);

	return machvm__keeper_resume(&who, what, tid);
}

unsigned machvm__still_count(struct machvm__target *target, enum machvm__keeper_count what, int tid)
{
	struct machvm__session_target who = who_is(target);

	return machvm__keeper_count(&who, what, tid);
}

int machvm__still_open(struct machvm__space *space, struct machvm__target *target, int tid)
{
	*space = (struct machvm__space){.target = target};
	target->session.pid = target->numbers.tgid;
	target->session.proc_pid = target->numbers.proc_tgid;
	target->session.pidfd = target->kind == MACHVM__HANDLE_PIDFD ? target->handle : -1;
	target->session.mem_fd = -1;
	return machvm__session_open_thread(&space->session, &target->session, tid,
					   MACHVM__SESSION_STILL, &space->refusal);
}

int machvm__still_threads(struct machvm__target *target, int **tids)
{
	size_t room = 512;

	for (;;) {
		int *list = malloc(room * sizeof(*list));
		int n;

		if (!list)
			return -ENOMEM;
		n = machvm__thread_list_read(target->numbers.proc_tgid, list, room);
		if (n >= 0 && (size_t)n <= room) {
			*tids = list;
			return n;
		}
		free(list);
		if (n < 0)
			return n;
		room = 2 * (size_t)n;
	}
}
