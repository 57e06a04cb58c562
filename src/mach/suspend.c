/* SPDX-License-Identifier: MIT */
/*
 * suspend.c - task_suspend, task_resume, their forms with tokens, thread_suspend
 * and thread_resume. The counts and the stop itself are the keeper's.
 */
#include <errno.h>
#include <mach/mach.h>
#include <stdlib.h>

#include "error.h"
#include "range.h"
#include "thread.h"
#include "waiter.h"

/* A suspension with a port of its own. */
struct token {
	struct machvm__hold task; /* pinned: the suspension is of this process for ever */
	_Atomic bool used;
};

/* XNU stops a task that suspends itself until another one resumes it; here nobody else could. */
static kern_return_t refuse_own(const char *routine)
{
	return machvm__error(KERN_NOT_SUPPORTED, "argument check",
			     "a task cannot suspend itself here, for no other process could resume "
			     "it; %s takes another task, thread_suspend single threads",
			     routine);
}

static kern_return_t not_suspended(struct machvm__target *target, const char *what)
{
	if (machvm__target_alive(target))
		return machvm__error_system(MACH_SEND_INVALID_DEST, ESRCH, "task lookup",
					    "process %d is gone", machvm__error_pid(target));
	return machvm__error(KERN_FAILURE, "argument check",
			     "%s process %d is not suspended by this program, or its tracing "
			     "helper was killed",
			     what, machvm__error_pid(target));
}

static kern_return_t suspend(struct machvm__target *target, enum machvm__keeper_count what, int tid)
{
	struct machvm__space space;
	int r = machvm__still_suspend(&space, target, what, tid);

	return r ? machvm__error_space(&space, r) : KERN_SUCCESS;
}

kern_return_t task_suspend(task_read_t target_task)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_READ, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	if (hold.target->own)
		kr = refuse_own("task_suspend");
	else
		kr = suspend(hold.target, MACHVM__KEEPER_PROCESS, 0);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t task_resume(task_read_t target_task)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__task_hold(target_task, MACHVM_RIGHT_READ, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	if (machvm__still_resume(hold.target, MACHVM__KEEPER_PROCESS, 0) ||
	    machvm__target_alive(hold.target))
		kr = not_suspended(hold.target, "");
	machvm__task_release(&hold);
	return kr;
}

/* ---- tokens ---- */

static int use_up(struct token *token)
{
	if (atomic_exchange(&token->used, true))
		return -ENOENT;
	return machvm__still_resume(token->task.target, MACHVM__KEEPER_TOKENS, 0);
}

/* Whoever gives the port back without using it gives the suspension back. */
static void destroy(void *object)
{
	struct token *token = object;

	(void)use_up(token);
	machvm__task_release(&token->task);
	free(token);
}

/* A child has inherited the names, and no suspension. */
static void spend(void *object)
{
	struct token *token = object;

	atomic_store(&token->used, true);
}

static void renew(void)
{
	machvm__port_each(MACHVM__PORT_SUSPENSION, spend);
}

kern_return_t task_suspend2(task_read_t target_task, task_suspension_token_t *suspend_token)
{
	struct token *token = malloc(sizeof(*token));
	kern_return_t kr;

	if (!token)
		return machvm__error(KERN_RESOURCE_SHORTAGE, "suspension", "no memory is left");
	atomic_init(&token->used, false);
	kr = machvm__task_keep(target_task, MACHVM_RIGHT_READ, &token->task);
	if (kr != KERN_SUCCESS) {
		free(token);
		return kr;
	}
	machvm__port_destructor(MACHVM__PORT_SUSPENSION, destroy);
	machvm__fork_notice_add(renew);
	kr = token->task.target->own
		     ? refuse_own("task_suspend2")
		     : suspend(token->task.target, MACHVM__KEEPER_TOKENS, 0);
	if (kr == KERN_SUCCESS &&
	    machvm__port_insert(MACHVM__PORT_SUSPENSION, token, suspend_token))
		return KERN_SUCCESS;
	if (kr == KERN_SUCCESS) {
		(void)!machvm__still_resume(token->task.target, MACHVM__KEEPER_TOKENS, 0);
		kr = machvm__error(KERN_RESOURCE_SHORTAGE, "suspension", "no port name is left");
	}
	machvm__task_release(&token->task);
	free(token);
	return kr;
}

static kern_return_t used(mach_port_name_t name)
{
	return machvm__error(MACH_SEND_INVALID_DEST, "suspension",
			     "port 0x%x is no suspension that is in force", name);
}

kern_return_t task_resume2(task_suspension_token_t suspend_token)
{
	struct machvm__port_entry *entry;
	kern_return_t kr = KERN_SUCCESS;
	struct token *token;

	machvm__fork_notice();
	entry = machvm__port_hold(suspend_token);
	if (!entry)
		return used(suspend_token);
	token = entry->object;
	if (entry->kind != MACHVM__PORT_SUSPENSION)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "suspension",
				   "port 0x%x is not a suspension token", suspend_token);
	else if (atomic_load(&token->used))
		kr = used(suspend_token);
	else if (use_up(token))
		kr = not_suspended(token->task.target, "");
	if (entry->kind == MACHVM__PORT_SUSPENSION)
		(void)!machvm__port_change(suspend_token, -1);
	machvm__port_release(suspend_token, entry);
	return kr;
}

/* ---- threads ---- */

kern_return_t thread_suspend(thread_read_t target_act)
{
	struct machvm__thread_use use;
	kern_return_t kr = machvm__thread_hold(target_act, MACHVM_RIGHT_READ, &use);

	if (kr != KERN_SUCCESS)
		return kr;
	if (machvm__thread_is_self(&use)) {
		machvm__waiter_wait(&use.thread->waits);
	} else {
		kr = suspend(use.target, MACHVM__KEEPER_THREAD, use.thread->tid);
		/* Its number is certain only now that it stands. */
		if (kr == MACH_SEND_INVALID_DEST || machvm__thread_alive(&use) == -ESRCH) {
			if (kr == KERN_SUCCESS)
				(void)!machvm__still_resume(use.target, MACHVM__KEEPER_THREAD,
							    use.thread->tid);
			kr = machvm__thread_gone(&use);
		}
	}
	machvm__thread_release(&use);
	return kr;
}

kern_return_t thread_resume(thread_read_t target_act)
{
	struct machvm__thread_use use;
	kern_return_t kr = machvm__thread_hold(target_act, MACHVM_RIGHT_READ, &use);

	if (kr != KERN_SUCCESS)
		return kr;
	if (machvm__still_resume(use.target, MACHVM__KEEPER_THREAD, use.thread->tid) &&
	    !machvm__waiter_release(&use.thread->waits))
		kr = not_suspended(use.target, "the thread of");
	machvm__thread_release(&use);
	return kr;
}
