/* SPDX-License-Identifier: MIT */
/* threads.c - task_threads, mach_thread_self, thread_info: which threads there are and what
 * they do. */
#include <errno.h>
#include <mach/mach.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "range.h"
#include "scheduling.h"
#include "state.h"
#include "thread.h"

mach_port_t mach_thread_self(void)
{
	mach_port_name_t name;

	machvm__fork_notice();
	if (machvm__thread_new(MACHVM__PORT_SELF, MACHVM_RIGHT_CONTROL, gettid(), &name) !=
	    KERN_SUCCESS)
		return MACH_PORT_NULL;
	return name;
}

/* ---- task_threads ---- */

static void give_back(const mach_port_name_t *ports, unsigned count)
{
	while (count-- > 0)
		(void)!machvm__port_change(ports[count], -1);
}

/* A thread that ended since it was listed is left out. */
static kern_return_t make_ports(mach_port_name_t task, enum machvm_right right, const int *tids,
				int n, mach_port_name_t *ports, unsigned *count)
{
	*count = 0;
	for (int i = 0; i < n; i++) {
		kern_return_t kr = machvm__thread_new(task, right, tids[i], &ports[*count]);

		if (kr == KERN_SUCCESS)
			(*count)++;
		else if (kr != KERN_TERMINATED)
			return kr;
	}
	return KERN_SUCCESS;
}

static kern_return_t exiting(struct machvm__target *target)
{
	return machvm__error(KERN_FAILURE, "thread list", "process %d is exiting",
			     machvm__error_pid(target));
}

static kern_return_t list_threads(struct machvm__hold *hold, thread_act_array_t *list,
				  mach_msg_type_number_t *list_count)
{
	mach_port_name_t *ports;
	kern_return_t kr;
	unsigned count;
	int *tids, n = machvm__still_threads(hold->target, &tids);

	if (n == -ESRCH)
		return exiting(hold->target);
	if (n < 0)
		return machvm__error_look(hold->target, n);
	ports = mmap(NULL, (size_t)n * sizeof(*ports), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ports == MAP_FAILED) {
		free(tids);
		return machvm__error_look(hold->target, -ENOMEM);
	}
	kr = make_ports(hold->name, hold->right, tids, n, ports, &count);
	free(tids);
	if (kr == KERN_SUCCESS && hold->target->received && machvm__target_same(hold->target))
		kr = machvm__error_gone(hold->target, "thread list");
	if (kr == KERN_SUCCESS && !count)
		kr = exiting(hold->target);
	if (kr != KERN_SUCCESS) {
		give_back(ports, count);
		munmap(ports, (size_t)n * sizeof(*ports));
		return kr;
	}
	/* What the caller will not free by the count. */
	if (count < (unsigned)n) {
		size_t page = machvm__page_size(), used = (count * sizeof(*ports) + page - 1) & -page;
		size_t all = ((size_t)n * sizeof(*ports) + page - 1) & -page;

		if (used < all)
			munmap((char *)ports + used, all - used);
	}
	*list = ports;
	*list_count = count;
	return KERN_SUCCESS;
}

kern_return_t task_threads(task_inspect_t target_task, thread_act_array_t *act_list,
			   mach_msg_type_number_t *act_list_count)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_INSPECT, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = list_threads(&hold, act_list, act_list_count);
	machvm__task_release(&hold);
	return kr;
}

/* ---- thread_info ---- */

/*
 * The share of one processor since the thread was started: Linux keeps no decaying average of a
 * thread.
 */
static integer_t share(const struct machvm__usage *usage)
{
	uint64_t used = usage->user + usage->system, share;

	if (!usage->age)
		return 0;
	share = used / (usage->age / TH_USAGE_SCALE + 1);
	return (integer_t)(share < TH_USAGE_SCALE ? share : TH_USAGE_SCALE);
}

static integer_t run_state(char state)
{
	switch (state) {
	case 'R':
		return TH_STATE_RUNNING;
	case 'D':
		return TH_STATE_UNINTERRUPTIBLE;
	case 'T':
	case 't':
		return TH_STATE_STOPPED;
	case 'Z':
	case 'X':
		return TH_STATE_HALTED;
	}
	return TH_STATE_WAITING;
}

static void fill_basic(const struct machvm__thread_use *use, const struct machvm__usage *usage,
		       thread_info_t out)
{
	struct thread_basic_info info = {
		.user_time = machvm__scheduling_time(usage->user),
		.system_time = machvm__scheduling_time(usage->system),
		.cpu_usage = share(usage),
		.policy = machvm__scheduling_policy(usage->policy),
		.run_state = run_state(usage->state),
		.suspend_count = (integer_t)machvm__still_count(use->target, MACHVM__KEEPER_THREAD,
								use->thread->tid),
	};

	info.suspend_count += (integer_t)atomic_load(&use->thread->waits);
	memcpy(out, &info, sizeof(info));
}

/*
 * The thread pointer is a register, so the thread is stopped for it: only by who may do so. The
 * calling thread knows its own.
 */
static kern_return_t fill_identifier(const struct machvm__thread_use *use, thread_info_t out)
{
	struct thread_identifier_info info = {.thread_id = (uint64_t)use->thread->tid};
	struct machvm__space space;
	struct machvm__cpu cpu;
	int r;

	if (machvm__thread_is_self(use)) {
		info.thread_handle = (uintptr_t)__builtin_thread_pointer();
	} else if (use->thread->right <= MACHVM_RIGHT_READ) {
		r = machvm__still_open(&space, use->target, use->thread->tid);
		if (r == -ESRCH)
			return machvm__thread_gone(use);
		if (r)
			return machvm__error_space(&space, r);
		r = machvm__session_get_cpu(space.session, use->thread->tid, &cpu);
		if (!r)
			r = machvm__state_thread_pointer(space.session, use->thread->tid, &cpu,
							 &info.thread_handle);
		(void)!machvm__space_close(&space);
		if (r)
			return machvm__thread_gone(use);
	}
	memcpy(out, &info, sizeof(info));
	return KERN_SUCCESS;
}

static void fill_extended(const struct machvm__usage *usage, thread_info_t out)
{
	struct thread_extended_info info = {
		.pth_user_time = usage->user,
		.pth_system_time = usage->system,
		.pth_cpu_usage = share(usage),
		.pth_policy = machvm__scheduling_policy(usage->policy),
		.pth_run_state = run_state(usage->state),
		.pth_curpri = machvm__scheduling_priority(usage),
		.pth_priority = machvm__scheduling_priority(usage),
		.pth_maxpriority = machvm__scheduling_maximum(usage),
	};

	_Static_assert(sizeof(info.pth_name) == sizeof(usage->name), "one size");
	memcpy(info.pth_name, usage->name, sizeof(info.pth_name));
	memcpy(out, &info, sizeof(info));
}

static mach_msg_type_number_t count_of(thread_flavor_t flavor)
{
	switch (flavor) {
	case THREAD_BASIC_INFO:
		return THREAD_BASIC_INFO_COUNT;
	case THREAD_IDENTIFIER_INFO:
		return THREAD_IDENTIFIER_INFO_COUNT;
	case THREAD_EXTENDED_INFO:
		return THREAD_EXTENDED_INFO_COUNT;
	}
	return 0;
}

static kern_return_t fill(const struct machvm__thread_use *use, thread_flavor_t flavor,
			  thread_info_t out)
{
	struct machvm__usage usage;
	int r;

	if (flavor == THREAD_IDENTIFIER_INFO)
		return fill_identifier(use, out);
	r = machvm__usage_thread(use->target->numbers.proc_tgid, use->thread->tid, &usage);
	if (r == -ESRCH)
		return machvm__thread_gone(use);
	if (r)
		return machvm__error_look(use->target, r);
	if (flavor == THREAD_BASIC_INFO)
		fill_basic(use, &usage, out);
	else
		fill_extended(&usage, out);
	return KERN_SUCCESS;
}

kern_return_t thread_info(thread_inspect_t target_act, thread_flavor_t flavor,
			  thread_info_t thread_info_out,
			  mach_msg_type_number_t *thread_info_out_count)
{
	mach_msg_type_number_t count = count_of(flavor);
	struct machvm__thread_use use;
	kern_return_t kr = machvm__thread_hold(target_act, MACHVM_RIGHT_INSPECT, &use);

	if (kr != KERN_SUCCESS)
		return kr;
	if (!count)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				   "there is no flavor %u of thread_info", flavor);
	else if (*thread_info_out_count < count)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				   "the count %u is too small for flavor %u, which has %u words",
				   *thread_info_out_count, flavor, count);
	else
		kr = fill(&use, flavor, thread_info_out);
	if (kr == KERN_SUCCESS)
		*thread_info_out_count = count;
	machvm__thread_release(&use);
	return kr;
}
