/* SPDX-License-Identifier: MIT */
/*
 * A thread that ends in the very instant in which it is to be stopped. The kernel then refuses
 * in the word that it has for what is forbidden (EPERM), and by the time that one looks why,
 * the thread is gone. Here that happens every time: whoever traces for the calling thread
 * asks us instead of the kernel (seccomp_unotify(2)), and before we answer as the
 * kernel would, the thread ends.
 */
#include "crew.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct crew crew;

/* One call at a time, in a thread of its own: the filter stays with it, and with its helper. */
static struct {
	kern_return_t (*routine)(mach_port_t port);
	mach_port_t port;
	kern_return_t answer;
	_Atomic int listener;
	_Atomic bool over;
	unsigned victim; /* the worker that ends, or ANY that is asked for first */
	int ended;
} call;

enum { ANY = WORKERS_COUNT };

static int ask_about_attaching(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PTRACE_SEIZE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

static void *make_call(void *unused)
{
	call.listener = ask_about_attaching();
	if (call.listener >= 0)
		call.answer = call.routine(call.port);
	call.over = true;
	return unused;
}

/* The worker of that number ends, and nothing is left of it. */
static void end_worker(int tid)
{
	for (unsigned i = 0; i < crew.count; i++)
		if ((int)crew.told->worker[i].tid == tid)
			__atomic_store_n(&crew.told->worker[i].stop, 1, __ATOMIC_RELEASE);
	while (crew_state(&crew, tid))
		sched_yield();
	call.ended = tid;
}

static bool is_chosen(int tid)
{
	for (unsigned i = 0; i < crew.count; i++)
		if ((int)crew.told->worker[i].tid == tid)
			return call.victim == i || call.victim == ANY;
	return false;
}

static void answer_one(void)
{
	struct seccomp_notif asked;
	struct seccomp_notif_resp answer = {0};

	memset(&asked, 0, sizeof(asked));
	if (ioctl(call.listener, SECCOMP_IOCTL_NOTIF_RECV, &asked))
		return;
	answer.id = asked.id;
	if (!call.ended && is_chosen((int)asked.data.args[1]))
		end_worker((int)asked.data.args[1]);
	if (call.ended == (int)asked.data.args[1])
		answer.error = -EPERM;
	else
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	(void)ioctl(call.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

/* What the routine answers when the worker ends as it is attached to. */
static kern_return_t answer_while_ending(kern_return_t (*routine)(mach_port_t), mach_port_t port,
					 unsigned victim)
{
	pthread_t thread;

	/* No helper of another call, and none that is left to the next. */
	machvm_trim();
	call.routine = routine;
	call.port = port;
	call.victim = victim;
	call.ended = 0;
	call.over = false;
	call.listener = -2;
	assert_int_equal(pthread_create(&thread, NULL, make_call, NULL), 0);
	while (call.listener == -2)
		sched_yield();
	while (!call.over) {
		struct pollfd p = {.fd = call.listener, .events = POLLIN};

		if (poll(&p, 1, 10) == 1 && p.revents & POLLIN)
			answer_one();
	}
	pthread_join(thread, NULL);
	assert_true(call.listener >= 0);
	machvm_trim();
	close(call.listener);
	assert_true(call.ended);
	return call.answer;
}

static kern_return_t protect(mach_port_t task)
{
	mach_vm_address_t page = 0;
	kern_return_t kr = mach_vm_allocate(task, &page, PAGE, VM_FLAGS_ANYWHERE);

	return kr ? kr : mach_vm_protect(task, page, PAGE, 0, VM_PROT_READ);
}

static kern_return_t suspend_task(mach_port_t task)
{
	kern_return_t kr = task_suspend(task);

	return kr ? kr : task_resume(task);
}

static kern_return_t look_at_registers(mach_port_t thread)
{
	natural_t words[THREAD_STATE_MAX];
	mach_msg_type_number_t count = MACHINE_THREAD_STATE_COUNT;

	return thread_get_state(thread, MACHINE_THREAD_STATE, words, &count);
}

static void rest_is_sound(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if ((int)crew.told->worker[i].tid != call.ended)
			worker_gets_on(&crew, i);
	crew_is_free(&crew);
	crew_is_sound(&crew);
}

static void task_is_suspended_though_a_thread_ends(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		trying("the end of worker %u", i);
		crew_start(&crew, WORD_64, i % 2 ? "sleep" : "count", 4);
		expect_code(answer_while_ending(suspend_task, crew.task, i), KERN_SUCCESS);
		rest_is_sound(4);
		victim_kill(crew.victim);
	}
}

/* Another one serves. The leader is no more, so that it is not the first choice. */
static void change_is_made_though_a_thread_ends(void **state)
{
	crew_start(&crew, WORD_64, "sleep", 4);
	victim_ask(crew.victim, "leave");
	crew_await_state(&crew, crew.victim->pid, "Z");
	expect_code(answer_while_ending(protect, crew.task, ANY), KERN_SUCCESS);
	rest_is_sound(4);
}

static void thread_that_ends_is_told_as_ended(void **state)
{
	static kern_return_t (*const routines[])(mach_port_t) = {thread_suspend, look_at_registers};

	crew_start(&crew, WORD_64, "sleep", 4);
	for (unsigned i = 0; i < ARRAY_SIZE(routines); i++) {
		thread_act_t thread = crew_thread(&crew, i);

		trying("routine %u", i);
		expect_code(answer_while_ending(routines[i], thread, i), KERN_TERMINATED);
		mach_port_deallocate(mach_task_self(), thread);
	}
	worker_gets_on(&crew, 2);
	worker_gets_on(&crew, 3);
	crew_is_free(&crew);
}

static const struct CMUnitTest tests[] = {
	TEST(task_is_suspended_though_a_thread_ends),
	TEST(change_is_made_though_a_thread_ends),
	TEST(thread_that_ends_is_told_as_ended),
};

HARNESS_MAIN_IF(tests, {
	uint32_t action = SECCOMP_RET_USER_NOTIF;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action))
		harness_skip("nobody can be asked in the kernel's place here (seccomp_unotify)");
})
