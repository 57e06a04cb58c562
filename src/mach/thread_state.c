/* SPDX-License-Identifier: MIT */
/* thread_state.c - thread_get_state and thread_set_state: stop one thread, look, let go. */
#include <errno.h>
#include <mach/mach.h>
#include <string.h>

#include "error.h"
#include "state.h"
#include "thread.h"

static kern_return_t find_form(thread_state_flavor_t flavor, const struct machvm__state_form **form)
{
	*form = machvm__state_form(flavor);
	if (!*form)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "this machine has no thread state of flavor %d", flavor);
	if ((*form)->part == MACHVM__STATE_NEVER)
		return machvm__error(KERN_NOT_SUPPORTED, "argument check",
				     "Linux keeps no thread state of flavor %d that could be told",
				     flavor);
	return KERN_SUCCESS;
}

static kern_return_t refuse_self(const struct machvm__thread_use *use)
{
	if (!machvm__thread_is_self(use))
		return KERN_SUCCESS;
	return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
			     "a thread has no state of its own while it asks for it");
}

static kern_return_t lost(const struct machvm__thread_use *use, const struct machvm__space *space,
			  int r)
{
	if (r == -ESRCH || r == -ECONNRESET || machvm__thread_alive(use) == -ESRCH)
		return machvm__error(KERN_ABORTED, "registers",
				     "thread %d ended while it was looked at", use->thread->tid);
	if (r == -EINVAL || r == -EIO)
		return machvm__error_system(KERN_PROTECTION_FAILURE, -r, "registers",
					    "the system refuses these registers for thread %d",
					    use->thread->tid);
	return machvm__error_space(space, r);
}

/* Stops the thread and makes certain, now that its number cannot change hands, that it is it. */
static kern_return_t stop(const struct machvm__thread_use *use, struct machvm__space *space)
{
	int r = machvm__still_open(space, use->target, use->thread->tid);

	if (r == -ESRCH)
		return machvm__thread_gone(use);
	if (r)
		return machvm__error_space(space, r);
	if (machvm__thread_alive(use) != -ESRCH)
		return KERN_SUCCESS;
	(void)!machvm__space_close(space);
	return machvm__thread_gone(use);
}

static int read_registers(struct machvm__space *space, int tid,
			  const struct machvm__state_form *form, struct machvm__cpu *cpu)
{
	ssize_t n;
	int r = machvm__session_get_cpu(space->session, tid, cpu);

	if (r || form->part != MACHVM__STATE_VECTOR)
		return r;
	n = machvm__session_get_registers(space->session, tid, machvm__state_vector_set,
					  cpu->vector, sizeof(cpu->vector));
	cpu->vector_size = n < 0 ? 0 : (size_t)n;
	return n < 0 ? (int)n : 0;
}

static int write_registers(struct machvm__space *space, int tid,
			   const struct machvm__state_form *form, const struct machvm__cpu *cpu)
{
	ssize_t n;

	if (form->part != MACHVM__STATE_VECTOR)
		return machvm__session_set_cpu(space->session, tid, cpu);
	n = machvm__session_set_registers(space->session, tid, machvm__state_vector_set,
					  cpu->vector, cpu->vector_size);
	return n < 0 ? (int)n : 0;
}

static kern_return_t other_word(const struct machvm__thread_use *use, thread_state_flavor_t flavor)
{
	return machvm__error(KERN_INVALID_ARGUMENT, "registers",
			     "flavor %d is not for thread %d: another word length, or a header "
			     "that says so",
			     flavor, use->thread->tid);
}

/* What has been seen of its calls. A thread of ours may stand still with the lock. */
static struct machvm__thread_call recall(struct machvm__thread *thread)
{
	struct machvm__thread_call call = {.seen = false};

	if (!pthread_mutex_trylock(&thread->lock)) {
		call = thread->call;
		pthread_mutex_unlock(&thread->lock);
	}
	return call;
}

static void note(struct machvm__thread *thread, const struct machvm__thread_call *call)
{
	if (!pthread_mutex_trylock(&thread->lock)) {
		thread->call = *call;
		pthread_mutex_unlock(&thread->lock);
	}
}

static kern_return_t get(const struct machvm__thread_use *use,
			 const struct machvm__state_form *form, thread_state_t state)
{
	struct machvm__thread_call call = recall(use->thread);
	struct machvm__space space;
	struct machvm__cpu cpu;
	kern_return_t kr = stop(use, &space);
	int r;

	if (kr != KERN_SUCCESS)
		return kr;
	r = read_registers(&space, use->thread->tid, form, &cpu);
	(void)!machvm__space_close(&space);
	if (r)
		return lost(use, &space, r);
	if (!machvm__state_pack(form, &cpu, &call, state))
		return other_word(use, form->flavor);
	note(use->thread, &call);
	return KERN_SUCCESS;
}

static kern_return_t set(const struct machvm__thread_use *use,
			 const struct machvm__state_form *form, const uint32_t *state)
{
	struct machvm__thread_call call = recall(use->thread);
	struct machvm__space space;
	struct machvm__cpu cpu;
	kern_return_t kr = stop(use, &space);
	int r;

	if (kr != KERN_SUCCESS)
		return kr;
	r = read_registers(&space, use->thread->tid, form, &cpu);
	if (!r && !machvm__state_unpack(form, &cpu, &call, state))
		kr = other_word(use, form->flavor);
	else if (!r)
		r = write_registers(&space, use->thread->tid, form, &cpu);
	(void)!machvm__space_close(&space);
	return r ? lost(use, &space, r) : kr;
}

kern_return_t thread_get_state(thread_read_t target_act, thread_state_flavor_t flavor,
			       thread_state_t old_state, mach_msg_type_number_t *old_state_count)
{
	const struct machvm__state_form *form;
	struct machvm__thread_use use;
	kern_return_t kr = machvm__thread_hold(target_act, MACHVM_RIGHT_READ, &use);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = find_form(flavor, &form);
	if (kr == KERN_SUCCESS && *old_state_count < form->count)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				   "the count %u is too small for flavor %d, which has %u words",
				   *old_state_count, flavor, form->count);
	if (kr == KERN_SUCCESS)
		kr = refuse_self(&use);
	if (kr == KERN_SUCCESS)
		kr = get(&use, form, old_state);
	if (kr == KERN_SUCCESS)
		*old_state_count = form->count;
	machvm__thread_release(&use);
	return kr;
}

kern_return_t thread_set_state(thread_act_t target_act, thread_state_flavor_t flavor,
			       thread_state_t new_state, mach_msg_type_number_t new_state_count)
{
	const struct machvm__state_form *form;
	struct machvm__thread_use use;
	kern_return_t kr = machvm__thread_hold(target_act, MACHVM_RIGHT_CONTROL, &use);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = find_form(flavor, &form);
	if (kr == KERN_SUCCESS && new_state_count != form->count)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				   "the count is %u, and flavor %d has %u words", new_state_count,
				   flavor, form->count);
	if (kr == KERN_SUCCESS)
		kr = refuse_self(&use);
	if (kr == KERN_SUCCESS)
		kr = set(&use, form, new_state);
	machvm__thread_release(&use);
	return kr;
}
