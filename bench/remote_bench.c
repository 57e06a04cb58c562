/* SPDX-License-Identifier: MIT */
/*
 * remote_bench.c - one mprotect in a sleeping process, end to end, against the
 * bare sequence that does it with no care for anything: seize, interrupt, one call,
 * detach. Links the library's layers: a session has no public name.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "session.h"

#ifndef PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
#define PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211 /* Linux 6.4 */
#endif

struct subject {
	int pid;
	uint64_t page, instruction;
	struct user_regs_struct saved;
	struct machvm__session_target target;
	struct machvm__session *held; /* for further calls */
	int mem, stat;                /* what a careful caller keeps open */
	bool writable;
};

/* ---- the bare sequence ---- */

static void stop_of(int pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		die("no stop");
}

static void bare_call(struct subject *s)
{
	struct user_regs_struct now = s->saved;

	now.rip = s->instruction;
	now.rax = SYS_mprotect;
	now.orig_rax = (unsigned long)-1;
	now.rdi = s->page;
	now.rsi = 4096;
	s->writable = !s->writable;
	now.rdx = s->writable ? PROT_READ | PROT_WRITE : PROT_READ;
	ptrace(PTRACE_SETREGS, s->pid, 0, &now);
	/* To the entry, to the exit. */
	ptrace(PTRACE_SYSCALL, s->pid, 0, 0);
	stop_of(s->pid);
	ptrace(PTRACE_SYSCALL, s->pid, 0, 0);
	stop_of(s->pid);
	ptrace(PTRACE_GETREGS, s->pid, 0, &now);
	if (now.rax)
		die("mprotect returned %ld", (long)now.rax);
}

static void bare_stop(struct subject *s)
{
	if (ptrace(PTRACE_SEIZE, s->pid, 0, PTRACE_O_TRACESYSGOOD) ||
	    ptrace(PTRACE_INTERRUPT, s->pid, 0, 0))
		die("seize: %s", strerror(errno));
	stop_of(s->pid);
	ptrace(PTRACE_GETREGS, s->pid, 0, &s->saved);
}

static void bare_go(struct subject *s)
{
	ptrace(PTRACE_SETREGS, s->pid, 0, &s->saved);
	if (ptrace(PTRACE_DETACH, s->pid, 0, 0))
		die("detach: %s", strerror(errno));
}

static void bare_once(struct subject *s)
{
	bare_stop(s);
	bare_call(s);
	bare_go(s);
}

static void bare(void *context, unsigned repetitions)
{
	while (repetitions--)
		bare_once(context);
}

/* ---- the bare sequence with every step that keeps a promise (doc/performance.md) ---- */

static void move_frame(struct subject *s, long call, void *own, size_t size)
{
	struct iovec here = {own, size}, there = {(void *)(s->page + 4096), size};

	if (syscall(call, s->pid, &here, 1, &there, 1, 0) != (long)size)
		die("frame: %s", strerror(errno));
}

/* Set aside of the caller: signals, what it is told of stops, other threads, other users. */
static void careful_begin(struct subject *s, uint64_t *mask)
{
	struct sigaction child;
	uint64_t all = UINT64_MAX;
	char text[1024];

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, mask, sizeof(all));
	syscall(SYS_unshare, CLONE_THREAD);
	sigaction(SIGCHLD, NULL, &child);
	if (flock(s->mem, LOCK_EX | LOCK_NB) || pread(s->stat, text, sizeof(text), 0) <= 0)
		die("turn: %s", strerror(errno));
}

static void careful_end(struct subject *s, uint64_t *mask)
{
	flock(s->mem, LOCK_UN);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, NULL, sizeof(*mask));
}

static void careful_once(struct subject *s)
{
	static unsigned char vectors[12288], before[2768], frame[2768];
	struct iovec set = {vectors, sizeof(vectors)};
	struct pollfd ended = {.fd = s->target.pidfd, .events = POLLIN};
	uint64_t own, its, all = UINT64_MAX, dispatch[4];

	careful_begin(s, &own);
	bare_stop(s);
	ptrace(PTRACE_GETSIGMASK, s->pid, sizeof(its), &its);
	ptrace(PTRACE_GETREGSET, s->pid, NT_X86_XSTATE, &set);
	move_frame(s, SYS_process_vm_readv, before, sizeof(before));
	move_frame(s, SYS_process_vm_writev, frame, sizeof(frame));
	syscall(SYS_ptrace, PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, s->pid, sizeof(dispatch), dispatch);
	poll(&ended, 1, 0);
	ptrace(PTRACE_SETSIGMASK, s->pid, sizeof(all), &all);
	bare_call(s);
	ptrace(PTRACE_SETSIGMASK, s->pid, sizeof(its), &its);
	move_frame(s, SYS_process_vm_writev, before, sizeof(before));
	bare_go(s);
	careful_end(s, &own);
}

static void careful(void *context, unsigned repetitions)
{
	while (repetitions--)
		careful_once(context);
}

/* ---- a session ---- */

static void call(struct machvm__session *session, struct subject *s)
{
	int64_t result = -1;

	s->writable = !s->writable;
	if (machvm__session_call(
		    session, MACHVM__CALL_MPROTECT,
		    (uint64_t[6]){s->page, 4096, s->writable ? PROT_READ | PROT_WRITE : PROT_READ},
		    &result) ||
	    result)
		die("remote mprotect: %ld", (long)result);
}

static void session_of(struct subject *s, unsigned flags, unsigned calls)
{
	struct machvm__session_refusal why = {0};
	struct machvm__session *session;
	int r = machvm__session_open(&session, &s->target, flags, &why);

	if (r)
		die("open: %s (%s)", strerror(-r), why.step);
	while (calls--)
		call(session, s);
	if (machvm__session_close(session))
		die("close");
}

static void one(void *context, unsigned repetitions)
{
	while (repetitions--)
		session_of(context, 0, 1);
}

static void helped(void *context, unsigned repetitions)
{
	while (repetitions--)
		session_of(context, MACHVM__SESSION_HELPER, 1);
}

/* In the session that stays open. */
static void further(void *context, unsigned repetitions)
{
	struct subject *s = context;

	while (repetitions--)
		call(s->held, s);
}

/* What a call costs at least in a target that is stopped already. */
static void bare_further(void *context, unsigned repetitions)
{
	struct subject *s = context;

	while (repetitions--)
		bare_call(s);
}

/* ---- the run ---- */

static void subject_start(struct subject *s, bool pinned)
{
	void *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];

	if (page == MAP_FAILED)
		die("mmap");
	memset(page, 1, 8192);
	memset(s, 0, sizeof(*s));
	s->page = (uintptr_t)page;
	s->pid = fork();
	if (!s->pid) {
		cpu_set_t cpus;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		CPU_ZERO(&cpus);
		CPU_SET(0, &cpus);
		if (pinned)
			sched_setaffinity(0, sizeof(cpus), &cpus);
		for (;;)
			pause();
	}
	s->target = (struct machvm__session_target){
		.pid = s->pid,
		.proc_pid = s->pid,
		.mem_fd = -1,
		.pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0),
	};
	snprintf(path, sizeof(path), "/proc/%d/mem", s->pid);
	s->mem = open(path, O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", s->pid, s->pid);
	s->stat = open(path, O_RDONLY | O_CLOEXEC);
	/* The bare sequence is given the instruction that a first session finds. */
	session_of(s, 0, 1);
	s->instruction = s->target.known.code.call;
}

static void subject_end(struct subject *s)
{
	machvm__session_target_fini(&s->target);
	close(s->mem);
	close(s->stat);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

struct pair {
	struct subject *held, bare, once;
};

static void pair_further(void *context, unsigned repetitions)
{
	further(((struct pair *)context)->held, repetitions);
}

static void pair_bare_further(void *context, unsigned repetitions)
{
	bare_further(&((struct pair *)context)->bare, repetitions);
}

static void pair_bare(void *context, unsigned repetitions)
{
	bare(&((struct pair *)context)->once, repetitions);
}

/* Three targets: one held by a session, one held bare, one let go each time. */
static void compare_further(const char *group, struct subject *s, bool pinned)
{
	static const struct side sides[] = {{"further call", pair_further},
					    {"further bare call", pair_bare_further},
					    {"bare seize, call, detach", pair_bare}};
	struct machvm__session_refusal why = {0};
	struct pair p = {.held = s};
	struct samples samples;

	subject_start(&p.bare, pinned);
	subject_start(&p.once, pinned);
	if (machvm__session_open(&s->held, &s->target, 0, &why))
		die("open: %s", why.step);
	bare_stop(&p.bare);
	measure(&samples, sides, 3, &p, 2);
	row_print(&(struct row){group, "a further call in one stop", GOAL_RATIO, 0.7,
				"the goal is 8 us where the whole bare sequence takes 11.5"},
		  &samples, sides, 0, 2);
	row_print(&(struct row){group, "a further call in one stop", GOAL_NONE, 0, NULL}, &samples,
		  sides, 0, 1);
	measure_free(&samples);
	bare_go(&p.bare);
	if (machvm__session_close(s->held))
		die("close");
	subject_end(&p.bare);
	subject_end(&p.once);
}

static void compare(const char *group, bool pinned, bool together)
{
	static const struct side sides[] = {
		{"bare seize, call, detach", bare},
		{"session", one},
		{"session with helper", helped},
		{"bare, with each step that keeps a promise", careful},
	};
	struct samples samples;
	struct subject s;
	cpu_set_t cpus, before;

	sched_getaffinity(0, sizeof(before), &before);
	subject_start(&s, pinned);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (together)
		sched_setaffinity(0, sizeof(cpus), &cpus);
	measure(&samples, sides, 4, &s, 3);
	row_print(&(struct row){group, "one remote mprotect", GOAL_RATIO, 1.3, NULL}, &samples,
		  sides, 1, 0);
	row_print(&(struct row){group, "one remote mprotect", GOAL_NONE, 0,
				"the least that a call can cost here that keeps the target from harm"},
		  &samples, sides, 3, 0);
	row_print(&(struct row){group, "the same through the helper", GOAL_NONE, 0, NULL}, &samples,
		  sides, 2, 0);
	measure_free(&samples);
	compare_further(group, &s, pinned);
	sched_setaffinity(0, sizeof(before), &before);
	subject_end(&s);
}

int main(void)
{
	compare("remote, one CPU", true, true);
	compare("remote, target bound to a CPU", true, false);
	compare("remote, nothing bound", false, false);
	return 0;
}
