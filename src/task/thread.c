/* SPDX-License-Identifier: MIT */
/* thread.c - the life of thread ports. */
#include "thread.h"

#include <mach/message.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"

static void destroy(void *object)
{
	struct machvm__thread *thread = object;

	machvm__task_release(&thread->task);
	pthread_mutex_destroy(&thread->lock);
	free(thread);
}

static void renew_thread(void *object)
{
	struct machvm__thread *thread = object;

	thread->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

static void renew(void)
{
	machvm__port_each(MACHVM__PORT_THREAD, renew_thread);
}

static bool same_identity(const struct machvm__usage_identity *a,
			  const struct machvm__usage_identity *b)
{
	return a->start == b->start && (!a->inode || !b->inode || a->inode == b->inode);
}

static bool same(void *object, const void *wanted)
{
	const struct machvm__thread *a = object, *b = wanted;

	return a && a->task.entry == b->task.entry && a->right == b->right && a->tid == b->tid &&
	       same_identity(&a->identity, &b->identity);
}

static kern_return_t terminated(int pid, int tid)
{
	return machvm__error(KERN_TERMINATED, "thread lookup", "thread %d of process %d has exited",
			     tid, pid);
}

static kern_return_t insert(const struct machvm__thread *thread, mach_port_name_t *name)
{
	struct machvm__thread *object = malloc(sizeof(*object));

	machvm__port_destructor(MACHVM__PORT_THREAD, destroy);
	machvm__fork_notice_add(renew);
	if (object) {
		*object = *thread;
		if (machvm__port_insert(MACHVM__PORT_THREAD, object, name))
			return KERN_SUCCESS;
	}
	free(object);
	return machvm__error(KERN_RESOURCE_SHORTAGE, "thread lookup",
			     "no memory or port name is left");
}

kern_return_t machvm__thread_new(mach_port_name_t task, enum machvm_right right, int tid,
				 mach_port_name_t *name)
{
	struct machvm__thread thread = {
		.right = right, .tid = tid, .lock = PTHREAD_MUTEX_INITIALIZER};
	kern_return_t kr = machvm__task_keep(task, right, &thread.task);
	int pid;

	if (kr != KERN_SUCCESS)
		return kr;
	pid = thread.task.target->numbers.proc_tgid;
	if (machvm__usage_identity(pid, tid, &thread.identity))
		kr = terminated(pid, tid);
	if (kr == KERN_SUCCESS && machvm__port_find(MACHVM__PORT_THREAD, same, &thread, name)) {
		machvm__task_release(&thread.task);
		return KERN_SUCCESS;
	}
	if (kr == KERN_SUCCESS)
		kr = insert(&thread, name);
	if (kr != KERN_SUCCESS)
		machvm__task_release(&thread.task);
	return kr;
}

int machvm__thread_alive(const struct machvm__thread_use *use)
{
	struct machvm__usage_identity now;
	int r = machvm__usage_identity(use->target->numbers.proc_tgid, use->thread->tid, &now);

	if (r || machvm__target_same(use->target))
		return r == -ESRCH || !r ? -ESRCH : r;
	return same_identity(&now, &use->thread->identity) ? 0 : -ESRCH;
}

kern_return_t machvm__thread_gone(const struct machvm__thread_use *use)
{
	return terminated(use->target->numbers.proc_tgid, use->thread->tid);
}

static kern_return_t not_a_thread(mach_port_name_t name)
{
	if (!MACH_PORT_VALID(name))
		return machvm__error(MACH_SEND_INVALID_DEST, "thread lookup",
				     "the thread port is null");
	return machvm__error(MACH_SEND_INVALID_DEST, "thread lookup",
			     "0x%x is not the name of a port", name);
}

kern_return_t machvm__thread_hold(mach_port_name_t name, enum machvm_right needed,
				  struct machvm__thread_use *use)
{
	static const char *const rights[] = {"control", "read", "inspect", "name"};
	kern_return_t kr = KERN_SUCCESS;

	machvm__fork_notice();
	use->name = name;
	use->entry = machvm__port_hold(name);
	if (!use->entry)
		return not_a_thread(name);
	if (use->entry->kind != MACHVM__PORT_THREAD) {
		kr = machvm__error(KERN_INVALID_ARGUMENT, "thread lookup",
				   "port 0x%x is not a thread", name);
		machvm__port_release(name, use->entry);
		return kr;
	}
	use->thread = use->entry->object;
	/* What the own target is changes with fork. */
	use->target = use->thread->task.target->own ? machvm__target_own()
						    : use->thread->task.target;
	if (machvm__thread_alive(use) == -ESRCH)
		kr = machvm__thread_gone(use);
	else if (use->thread->right > needed)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "thread lookup",
				   "port 0x%x is a thread %s port; this needs the %s right", name,
				   rights[use->thread->right], rights[needed]);
	if (kr != KERN_SUCCESS)
		machvm__thread_release(use);
	return kr;
}

void machvm__thread_release(struct machvm__thread_use *use)
{
	machvm__port_release(use->name, use->entry);
}

bool machvm__thread_is_self(const struct machvm__thread_use *use)
{
	return use->target->own && use->thread->tid == gettid();
}
