/* SPDX-License-Identifier: MIT */
/* Victims that use what a thread has besides memory: registers, filters, processes. */
#include "victim.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- computing: every register holds a known value ---- */

uint32_t spin_registers(const unsigned char *pattern, uint32_t rounds);

void body_spin(unsigned me)
{
	_Alignas(32) unsigned char pattern[512];

	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (unsigned char)(i * 7 + me * 31 + 1);
	while (!stopping()) {
		CHECK(!spin_registers(pattern, 20000), "a register changed");
		advance(me);
	}
}

/* ---- processes ---- */

extern char **environ;

void body_vfork(unsigned me)
{
	char *const arguments[] = {(char *)(uintptr_t)self, (char *)(uintptr_t) "true", NULL};

	while (!stopping()) {
		int status = -1, r;
		pid_t child;

		if (shared->progress[me] & 1) {
			child = vfork();
			if (!child)
				_exit(7);
		} else {
			r = posix_spawn(&child, self, NULL, NULL, arguments, environ);
			CHECK(!r, "posix_spawn returned %d", r);
		}
		while ((r = waitpid(child, &status, 0)) < 0 && tolerated(errno))
			;
		CHECK(r == child && WIFEXITED(status) && WEXITSTATUS(status) == 7,
		      "child %d ended with %x (waitpid %d)", child, status, r);
		advance(me);
	}
}

/* Blocks in vfork until the test opens the gate: cannot be stopped meanwhile. */
void body_longvfork(unsigned me)
{
	long nap[2] = {0, 500000};
	int status = -1;
	pid_t child, parent;

	if (me) {
		body_nanosleep(me);
		return;
	}
	parent = getpid();
	child = vfork();
	if (!child) {
		/* By bare calls: this is the parent's memory. */
		while (!__atomic_load_n(&shared->gate, __ATOMIC_ACQUIRE) &&
		       syscall(SYS_getppid) == parent) {
			__atomic_fetch_add(&shared->progress[me], 1, __ATOMIC_RELAXED);
			syscall(SYS_nanosleep, &nap, NULL);
		}
		_exit(7);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7,
	      "the vfork child ended with %x", status);
	while (!stopping()) {
		nanosleep(&(struct timespec){0, 1000000}, NULL);
		advance(me);
	}
}

static void exec_again(void)
{
	char threads[8];

	snprintf(threads, sizeof(threads), "%u", thread_count);
	execl(self, self, "exec", threads, NULL);
	complain(__LINE__, "exec failed");
	_exit(1);
}

/* The first thread executes this program again and again; the rest just sleep. */
void body_exec(unsigned me)
{
	uint64_t started = now_ns();

	advance(me);
	while (!stopping()) {
		if (!me && now_ns() - started > 500000)
			exec_again();
		nanosleep(&(struct timespec){0, 100000}, NULL);
		advance(me);
	}
}

/* ---- seccomp ---- */

void body_strict(unsigned me)
{
	char c;

	advance(me);
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), "seccomp");
	/* Only read, write, exit and sigreturn are left: a failing read is fine for a loop. */
	while (!stopping()) {
		CHECK(read(-1, &c, 1) == -1 && errno == EBADF, "read");
		advance(me);
	}
	__atomic_fetch_add(&shared->done, 1, __ATOMIC_SEQ_CST);
	for (;;)
		syscall(SYS_exit, 0);
}

void body_filter(unsigned me)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
	body_nanosleep(me);
}

/* ---- Syscall User Dispatch ---- */

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

static __thread volatile char selector;
static __thread uint32_t dispatched;

static void on_dispatch(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
	selector = 0; /* allow: the return from here is a system call too */
	dispatched++;
}

void body_dispatch(unsigned me)
{
	struct sigaction action = {.sa_sigaction = on_dispatch, .sa_flags = SA_SIGINFO}, now;

	sigaction(SIGSYS, &action, NULL);
	CHECK(!prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector), "user dispatch");
	for (uint32_t i = 1; !stopping(); i++) {
		selector = 1; /* block */
		for (volatile int j = 0; j < 3000; j++)
			;
		syscall(SYS_getppid);
		CHECK(dispatched == i, "%u dispatched of %u", dispatched, i);
		CHECK(!sigaction(SIGSYS, NULL, &now) && now.sa_sigaction == on_dispatch,
		      "the SIGSYS handler changed");
		if (i % 4 == 0)
			nanosleep(&(struct timespec){0, 300000}, NULL);
		advance(me);
	}
	selector = 0;
	prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
}

/* ---- restartable sequences ---- */

static struct {
	_Alignas(64) volatile uintptr_t count;
} per_cpu[64];

int rseq_increment(volatile struct rseq *area, volatile uintptr_t *slots);
static uint64_t rseq_total;

void body_rseq(unsigned me)
{
	volatile struct rseq *area =
		(volatile struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	uint64_t done = 0;

	CHECK(__rseq_size, "no rseq");
	while (!stopping()) {
		for (int i = 0; i < 2000; i++) {
			while (rseq_increment(area, &per_cpu[0].count))
				;
			done++;
		}
		advance(me);
	}
	__atomic_fetch_add(&rseq_total, done, __ATOMIC_SEQ_CST);
}

void check_rseq(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < 64; i++)
		sum += per_cpu[i].count;
	CHECK(sum == rseq_total, "%llu increments of %llu", (unsigned long long)sum,
	      (unsigned long long)rseq_total);
}

/* ---- real time ---- */

void body_fifo(unsigned me)
{
	struct sched_param param = {.sched_priority = 10};

	CHECK(!sched_setscheduler(0, SCHED_FIFO, &param), "SCHED_FIFO");
	while (!stopping()) {
		uint64_t until = now_ns() + 300000;

		while (now_ns() < until)
			;
		CHECK(!nanosleep(&(struct timespec){0, 1000000}, NULL) || tolerated(errno),
		      "sleep");
		advance(me);
	}
}
