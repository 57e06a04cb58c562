/* SPDX-License-Identifier: MIT */
/*
 * thread.h - what a thread port names: a right to one thread. It pins the task
 * port that it came from, so that the process stays known as long as the thread's port does.
 */
#ifndef MACHVM_TASK_THREAD_H
#define MACHVM_TASK_THREAD_H

#include <pthread.h>

#include "still.h"
#include "task.h"
#include "usage.h"

/*
 * The interrupted system call that a look at the registers has shown. Who sets these registers
 * again later means the call to be made again.
 */
struct machvm__thread_call {
	bool seen;
	uint64_t ip, value, number;
};

struct machvm__thread {
	struct machvm__hold task;
	enum machvm_right right;
	int tid;
	struct machvm__usage_identity identity;
	pthread_mutex_t lock;
	struct machvm__thread_call call; /* under the lock */
	_Atomic unsigned waits;          /* suspensions of a thread by itself, a futex */
};

/* A thread in use by one call. */
struct machvm__thread_use {
	mach_port_name_t name;
	struct machvm__port_entry *entry;
	struct machvm__thread *thread;
	struct machvm__target *target;
};

/*
 * A port for the thread `tid` of the task behind `task`, which has that right. KERN_TERMINATED
 * when there is no such thread any more, KERN_RESOURCE_SHORTAGE. On record when it fails.
 */
kern_return_t machvm__thread_new(mach_port_name_t task, enum machvm_right right, int tid,
				 mach_port_name_t *name);

/*
 * Pins the thread behind a name, to be released: as machvm__task_hold(), and
 * KERN_TERMINATED when the thread is gone. A failure is on record.
 */
kern_return_t machvm__thread_hold(mach_port_name_t name, enum machvm_right needed,
				  struct machvm__thread_use *use);
void machvm__thread_release(struct machvm__thread_use *use);

/* Whether it is still the thread that the port names: 0 or -ESRCH. */
int machvm__thread_alive(const struct machvm__thread_use *use);

/* KERN_TERMINATED, on record. */
kern_return_t machvm__thread_gone(const struct machvm__thread_use *use);

/* Whether it is the thread that asks. */
bool machvm__thread_is_self(const struct machvm__thread_use *use);

#endif
