/* SPDX-License-Identifier: MIT */
/* target.c - the life of a target: its handle, its numbers, a child's copy. */
#include "target.h"

#include <errno.h>

#include "descriptor.h"
#include "fork_notice.h"

void machvm__target_init(struct machvm__target *target, int handle, enum machvm__handle kind,
                         struct machvm__process_numbers numbers, bool writable)
{
	*target = (struct machvm__target){
		.handle = handle,
		.kind = kind,
		.writable = writable,
		.numbers = numbers,
		.tid = numbers.tgid,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.calls = PTHREAD_MUTEX_INITIALIZER,
	};
	for (int i = 0; i < MACHVM__FILES; i++)
		atomic_store(&target->files[i], -1);
	machvm__deathwatch_init(&target->watch, handle, kind);
	machvm__light_init(&target->light, false);
	machvm__cursors_init(&target->cursors);
	machvm__maximum_init(&target->maximum);
}

static struct machvm__target own_target;
static _Atomic uint32_t own_epoch;
static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;

/* A child has another number, and the descriptors show its parent's memory. */
static void renew_own(void)
{
	int self = machvm__process_self();

	if (own_epoch) {
		machvm__target_release_files(&own_target);
		machvm__cursors_renew(&own_target.cursors);
		machvm__maximum_renew(&own_target.maximum);
	}
	machvm__target_init(&own_target, -1, MACHVM__HANDLE_PIDFD,
	                    (struct machvm__process_numbers){self, self}, true);
	own_target.own = true;
	machvm__light_init(&own_target.light, true);
}

/* In a child: a thread of the parent may have held the lock. */
static void renew_lock(void)
{
	own_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

struct machvm__target *machvm__target_own(void)
{
	uint32_t epoch = atomic_load_explicit(&machvm__epoch, memory_order_relaxed);

	if (__builtin_expect(atomic_load_explicit(&own_epoch, memory_order_acquire) == epoch, 1))
		return &own_target;
	machvm__fork_notice_add(renew_lock);
	pthread_mutex_lock(&own_lock);
	if (atomic_load(&own_epoch) != epoch) {
		renew_own();
		atomic_store_explicit(&own_epoch, epoch, memory_order_release);
	}
	pthread_mutex_unlock(&own_lock);
	return &own_target;
}

void machvm__target_renew(struct machvm__target *target)
{
	target->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	machvm__deathwatch_renew(&target->watch);
	machvm__cursors_renew(&target->cursors);
	machvm__maximum_renew(&target->maximum);
	target->calls = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

void machvm__target_fini(struct machvm__target *target)
{
	machvm__deathwatch_fini(&target->watch);
	machvm__target_forget(target);
	machvm__target_release_files(target);
	machvm__session_target_fini(&target->session);
	machvm__descriptor_close(target->handle);
}

void machvm__target_forget(struct machvm__target *target)
{
	machvm__cursors_drop(&target->cursors);
	machvm__maximum_drop(&target->maximum);
	machvm__light_drop(&target->light);
}

int machvm__target_rename(struct machvm__target *target)
{
	struct machvm__thread_numbers thread;
	int r;

	if (target->own) {
		int self = machvm__process_self();
		if (self == atomic_load(&target->tid))
			return -ESRCH;
		atomic_store(&target->tid, self);
		return 0;
	}
	if (target->received)
		return -ESRCH;
	r = machvm__process_live_thread(&target->numbers, &thread);
	if (r == 0)
		r = machvm__process_alive(target->handle, target->kind);
	if (r)
		return r;
	if (thread.tid == atomic_load(&target->tid))
		return -ESRCH;
	atomic_store(&target->tid, thread.tid);
	atomic_store(&target->proc_tid,
	             thread.proc_tid == target->numbers.proc_tgid ? 0 : thread.proc_tid);
	return 0;
}
