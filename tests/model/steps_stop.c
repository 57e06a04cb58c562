/* SPDX-License-Identifier: MIT */
/* Steps that stop processes and threads, by counts and by tokens, and let them go on. */
#include "random.h"
#include "world.h"

static int number(const struct process *process)
{
	return (int)(process - world.process);
}

static void note(const struct process *process, const char *call)
{
	step_note("%s: process %d, suspended %u times, by %u tokens, its thread %u times", call,
		  number(process), process->suspended, process->tokens, process->thread_suspended);
}

/* The thread's count is its own. */
static void expect_suspended(const struct process *process)
{
	struct mach_task_basic_info info;
	mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;

	expect_answer(
		task_info(world_port(process), MACH_TASK_BASIC_INFO, (task_info_t)&info, &count),
		KERN_SUCCESS);
	expect_number(info.suspend_count, process->suspended + process->tokens);
}

/* Whoever may read may suspend. */
static mach_port_t any_port(const struct process *process)
{
	return process->weak != MACH_PORT_NULL && random_below(4) == 0 ? process->weak
								       : world_port(process);
}

void step_suspend(void)
{
	struct process *process = world_process();
	bool resume = random_below(3) != 0;

	note(process, resume ? "task_resume" : "task_suspend");
	if (!resume) {
		expect_answer(task_suspend(any_port(process)), KERN_SUCCESS);
		process->suspended++;
	} else if (expect_answer(task_resume(any_port(process)),
				 process->suspended ? KERN_SUCCESS : KERN_FAILURE)) {
		process->suspended--;
	}
	expect_suspended(process);
}

/* A token that is given back is a suspension that is taken back. */
static void spend(struct process *process, unsigned chosen)
{
	mach_port_t token = process->token[chosen];

	if (random_below(3) == 0)
		expect_answer(mach_port_deallocate(mach_task_self(), token), KERN_SUCCESS);
	else
		expect_answer(task_resume2(token), KERN_SUCCESS);
	process->token[chosen] = process->token[--process->tokens];
	expect_answer(task_resume2(token), MACH_SEND_INVALID_DEST);
}

void step_token(void)
{
	struct process *process = world_process();
	unsigned chosen = random_below(WORLD_TOKENS);

	note(process, "tokens");
	if (chosen < process->tokens) {
		spend(process, chosen);
	} else if (random_below(3) == 0) {
		expect_answer(task_suspend2(any_port(process), &process->token[process->tokens]),
			      KERN_SUCCESS);
		process->tokens++;
	} else {
		expect_answer(task_resume2(process->port), KERN_INVALID_ARGUMENT);
	}
	expect_suspended(process);
}

static void find_thread(struct process *process)
{
	mach_port_t port = any_port(process);
	thread_act_array_t threads;
	mach_msg_type_number_t count;

	expect_answer(task_threads(port, &threads, &count), KERN_SUCCESS);
	process->thread_received = port == process->received;
	expect_number(count, 1);
	process->thread = threads[0];
	expect_code(mach_vm_deallocate(mach_task_self(), (uintptr_t)threads, sizeof(*threads)),
		    KERN_SUCCESS);
}

void step_thread(void)
{
	struct process *process = world_process();
	bool resume = random_below(3) != 0;

	note(process, resume ? "thread_resume" : "thread_suspend");
	if (process->thread == MACH_PORT_NULL)
		find_thread(process);
	if (!resume) {
		expect_answer(thread_suspend(process->thread), KERN_SUCCESS);
		process->thread_suspended++;
	} else if (expect_answer(thread_resume(process->thread),
				 process->thread_suspended ? KERN_SUCCESS : KERN_FAILURE)) {
		process->thread_suspended--;
	}
	/* The count is the thread's and not the name's. */
	if (random_below(4) == 0) {
		task_drop(process->thread);
		process->thread = MACH_PORT_NULL;
	}
	expect_suspended(process);
}

void world_let_go(struct process *process)
{
	note(process, "all is let go");
	while (process->tokens > 0)
		spend(process, 0);
	for (; process->suspended > 0; process->suspended--)
		expect_answer(task_resume(process->port), KERN_SUCCESS);
	if (process->thread == MACH_PORT_NULL)
		find_thread(process);
	for (; process->thread_suspended > 0; process->thread_suspended--)
		expect_answer(thread_resume(process->thread), KERN_SUCCESS);
	expect_suspended(process);
}
