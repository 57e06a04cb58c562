/* SPDX-License-Identifier: MIT */
/*
 * manners VICTIM...: what a session owes its caller and everybody around: nobody's
 * children, signals, CPUs or tracers are disturbed, and a refusal names its reason.
 */
#include "support.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int session(struct victim *v, unsigned flags, struct machvm__session_refusal *why)
{
	struct machvm__session *s;
	int64_t result = -1;
	int r = machvm__session_open(&s, &v->target, flags, why), e;

	if (r)
		return r;
	r = machvm__session_call(s, MACHVM__CALL_GETPID, (uint64_t[6]){0}, &result);
	REQUIRE(r || result == v->pid, "getpid returned %ld", (long)result);
	e = machvm__session_close(s);
	return r ? r : e;
}

static void require_session(struct victim *v, unsigned flags, int number)
{
	struct machvm__session_refusal why = {0};
	int r = session(v, flags, &why);

	REQUIRE(!r, "session %d: %s (%s, %s)", number, strerror(-r), why.step, why.reason);
}

/* ---- the caller's waits ---- */

static void *wait_for_any(void *arg)
{
	int *seen = arg, status;
	pid_t pid;

	/* Until the child that the test ends last. */
	while ((pid = waitpid(-1, &status, 0)) > 0 && !WIFEXITED(status))
		(*seen)++;
	return NULL;
}

static void wait_of_another_thread_sees_no_stop(const char *program)
{
	pthread_t thread;
	int seen = 0;
	pid_t child;
	struct victim v;

	victim_start(&v, program, "nanosleep", 1);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	pthread_create(&thread, NULL, wait_for_any, &seen);
	for (int i = 0; i < 200; i++)
		require_session(&v, 0, i);
	/* The waiting thread has seen an end only now: that of a child of ours. */
	REQUIRE(pthread_tryjoin_np(thread, NULL) != 0, "the wait ended early");
	__atomic_store_n(&v.shared->stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	REQUIRE(!seen, "a wait of the caller saw %d stops of the target", seen);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	REQUIRE(!v.shared->errors, "%s", v.shared->text);
}

static volatile sig_atomic_t notices, trapped;

static void on_child(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	notices++;
	if (info->si_code == CLD_TRAPPED || info->si_code == CLD_STOPPED)
		trapped++;
}

static void caller_gets_sigchld_of_its_children_only(const char *program)
{
	struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART},
			 old;
	struct victim v;

	victim_start(&v, program, "nanosleep", 1);
	sigaction(SIGCHLD, &action, &old);
	notices = trapped = 0;
	for (int i = 0; i < 100; i++)
		require_session(&v, 0, i);
	REQUIRE(!notices, "%d notices about a target (%d of stops)", (int)notices, (int)trapped);
	/* Children that end while sessions go on: at least one notice each time. */
	for (int i = 0; i < 50; i++) {
		int before = notices, status;
		pid_t child = fork();

		if (!child)
			_exit(3);
		while (notices == before)
			require_session(&v, 0, i);
		REQUIRE(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3, "waitpid");
	}
	REQUIRE(!trapped, "%d notices of stops", (int)trapped);
	sigaction(SIGCHLD, &old, NULL);
	victim_finish(&v);
}

static void caller_keeps_its_mask_and_cpus(const char *program)
{
	cpu_set_t before, after;
	sigset_t mask, now;
	struct victim v;

	victim_start(&v, program, "nanosleep", 1);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sched_getaffinity(0, sizeof(before), &before);
	for (unsigned flags = 0; flags < 8; flags += 4) {
		REQUIRE(!session(&v, flags, NULL), "session");
		sched_getaffinity(0, sizeof(after), &after);
		REQUIRE(CPU_EQUAL(&before, &after), "the caller's CPUs changed");
		sigprocmask(SIG_BLOCK, NULL, &now);
		REQUIRE(sigismember(&now, SIGUSR2) == 1 && !sigismember(&now, SIGCHLD),
			"the caller's signal mask changed");
	}
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	victim_finish(&v);
}

static void caller_has_no_child_and_no_descriptor_more(const char *program)
{
	struct victim v;
	int fd, later;

	victim_start(&v, program, "nanosleep", 1);
	fd = dup(0);
	close(fd);
	REQUIRE(!session(&v, MACHVM__SESSION_HELPER, NULL), "session");
	REQUIRE(!session(&v, 0, NULL), "session");
	machvm__session_target_fini(&v.target);
	later = dup(0);
	close(later);
	REQUIRE(fd == later, "descriptor %d is free, before it was %d", later, fd);
	victim_finish(&v);
	REQUIRE(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
		"a plain wait sees the helper");
}

/* ---- refusals ---- */

static void traced_target_names_its_tracer(const char *program)
{
	struct machvm__session_refusal why = {0};
	struct victim v;
	int ready[2], r;
	pid_t tracer;
	char c;

	victim_start(&v, program, "nanosleep", 1);
	REQUIRE(!pipe(ready), "pipe");
	tracer = fork();
	if (!tracer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_SEIZE, v.pid, 0, 0) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	REQUIRE(read(ready[0], &c, 1) == 1, "the other tracer");
	for (unsigned flags = 0; flags < 8; flags++) {
		memset(&why, 0, sizeof(why));
		r = session(&v, flags & ~2u, &why);
		REQUIRE(r == -EBUSY && why.tracer == tracer && why.step && why.reason,
			"traced: %d, tracer %d", r, why.tracer);
	}
	REQUIRE(tracer_of(v.pid, v.pid) == tracer, "the other tracer lost it");
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	victim_is_free(&v);
	REQUIRE(!session(&v, 0, NULL), "after the tracer");
	victim_finish(&v);
}

static void dead_target_is_gone(const char *program)
{
	struct machvm__session_refusal why = {0};
	struct victim v;
	int r;

	victim_start(&v, program, "nanosleep", 1);
	kill(v.pid, SIGKILL);
	waitid(P_PID, (id_t)v.pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	r = session(&v, 0, &why);
	REQUIRE(r == -ESRCH, "zombie: %s", strerror(-r));
	waitpid(v.pid, NULL, 0);
	r = session(&v, 0, &why);
	REQUIRE(r == -ESRCH, "reaped: %s", strerror(-r));
	r = session(&v, MACHVM__SESSION_ALL, &why);
	REQUIRE(r == -ESRCH, "reaped: %s", strerror(-r));
}

static void open_memory(struct victim *v)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", v->pid);
	v->target.mem_fd = open(path, O_RDONLY | O_CLOEXEC);
}

static void held_memory_tells_another_program(const char *program)
{
	struct machvm__session_refusal why = {0};
	struct victim v;
	int r;

	victim_start(&v, program, "nanosleep", 1);
	open_memory(&v);
	for (unsigned flags = 0; flags < 8; flags += 4)
		REQUIRE(!session(&v, flags, &why), "the same program: %s", why.step);
	close(v.target.mem_fd);
	victim_finish(&v);

	victim_start(&v, program, "exec", 1);
	open_memory(&v);
	/* It executes itself within a millisecond, and never goes back. */
	do
		r = session(&v, 0, &why);
	while (!r || r == -ECONNRESET || r == -ETIMEDOUT);
	REQUIRE(r == -ESTALE, "another program: %s (%s)", strerror(-r), why.step);
	close(v.target.mem_fd);
	victim_is_free(&v);
	victim_gets_on(&v);
	victim_finish(&v);
}

/* ---- a caller that is a debugger ---- */

#if defined(__x86_64__)

static void registers(pid_t pid, struct user_regs_struct *regs)
{
	REQUIRE(!ptrace(PTRACE_GETREGS, pid, 0, regs), "GETREGS");
}

/* Waits until it stops, and returns how. */
static int await_stop(struct victim *v)
{
	int status;

	REQUIRE(waitpid(v->pid, &status, __WALL) == v->pid && WIFSTOPPED(status), "stop");
	return status;
}

/* It stands afterwards. */
static void seize(struct victim *v, long options)
{
	REQUIRE(!ptrace(PTRACE_SEIZE, v->pid, 0, options) &&
			!ptrace(PTRACE_INTERRUPT, v->pid, 0, 0),
		"seize");
	await_stop(v);
}

/* To the next entry or exit of a call, or to another stop before it. */
static int to_next_call(struct victim *v)
{
	REQUIRE(!ptrace(PTRACE_SYSCALL, v->pid, 0, 0), "continue");
	return await_stop(v);
}

/* At a stop of ours; signals that come before it are delivered. */
static void let_go(struct victim *v)
{
	int status;

	do {
		REQUIRE(!ptrace(PTRACE_INTERRUPT, v->pid, 0, 0), "interrupt");
		while (waitpid(v->pid, &status, __WALL) == v->pid && !(status >> 16))
			REQUIRE(!ptrace(PTRACE_CONT, v->pid, 0, WSTOPSIG(status)), "continue");
	} while (ptrace(PTRACE_DETACH, v->pid, 0, 0));
}

static void debugger_calls_inline_and_finds_its_stop_again(const char *program)
{
	struct user_regs_struct before, after;
	siginfo_t sent, found;
	struct victim v;
	int status;

	victim_start(&v, program, "flood", 1);
	REQUIRE(!ptrace(PTRACE_SEIZE, v.pid, 0, 0), "seize");
	for (int i = 0; i < 60; i++) {
		REQUIRE(!ptrace(PTRACE_INTERRUPT, v.pid, 0, 0), "interrupt");
		status = await_stop(&v);
		/* Stops for signals and stops for us, as they come. */
		for (int j = 0; j < 3; j++) {
			int signal = WSTOPSIG(status), event = status >> 16;

			registers(v.pid, &before);
			if (!event)
				REQUIRE(!ptrace(PTRACE_GETSIGINFO, v.pid, 0, &sent), "GETSIGINFO");
			require_session(&v, 0, 3 * i + j);
			registers(v.pid, &after);
			REQUIRE(!memcmp(&before, &after, sizeof(before)), "registers changed");
			REQUIRE(thread_state(v.pid, v.pid) == 't', "no longer stopped");
			REQUIRE(tracer_of(v.pid, v.pid) == getpid(), "no longer ours");
			if (!event) {
				REQUIRE(!ptrace(PTRACE_GETSIGINFO, v.pid, 0, &found), "GETSIGINFO");
				REQUIRE(found.si_signo == sent.si_signo &&
						found.si_value.sival_int == sent.si_value.sival_int,
					"signal %d became %d", sent.si_signo, found.si_signo);
			}
			REQUIRE(!ptrace(PTRACE_CONT, v.pid, 0, event ? 0 : signal), "continue");
			if (event || j == 2)
				break;
			status = await_stop(&v);
		}
	}
	let_go(&v);
	victim_gets_on(&v);
	victim_finish(&v);
}

/* At every entry and exit of the target's own calls, with and without TRACESYSGOOD. */
static void debugger_at_calls_finds_its_stop_again(const char *program, long options)
{
	struct user_regs_struct before, after;
	struct victim v;
	int entries = 0;

	victim_start(&v, program, "read", 1);
	seize(&v, options);
	for (int i = 0; i < 80; i++) {
		unsigned long kind = 0, now = 0;

		if ((WSTOPSIG(to_next_call(&v)) & 0x7f) != SIGTRAP)
			continue;
		registers(v.pid, &before);
		ptrace(PTRACE_GETEVENTMSG, v.pid, 0, &kind);
		entries += kind == 1;
		REQUIRE(!session(&v, 0, NULL), "inline session");
		registers(v.pid, &after);
		ptrace(PTRACE_GETEVENTMSG, v.pid, 0, &now);
		REQUIRE(kind == now, "stop %lu became %lu", kind, now);
		REQUIRE(!memcmp(&before, &after, sizeof(before)), "registers changed at %lu", kind);
	}
	REQUIRE(entries > 20, "%d entries", entries);
	REQUIRE(!ptrace(PTRACE_CONT, v.pid, 0, 0), "continue");
	let_go(&v);
	victim_gets_on(&v);
	victim_finish(&v);
}

/*
 * A call that an interrupt ended, at its exit: the kernel will make it again, if it is still
 * told to look. Here the interrupt is gone, and only its trace in the thread tells.
 */
static void debugger_at_an_interrupted_call_has_it_restarted(const char *program, long options)
{
	struct user_regs_struct before, after;
	struct victim v;
	int interrupted = 0;

	victim_start(&v, program, "nanosleep", 1);
	seize(&v, options);
	for (int i = 0; i < 40; i++) {
		unsigned long kind = 0;

		to_next_call(&v);
		ptrace(PTRACE_GETEVENTMSG, v.pid, 0, &kind);
		if (kind == 1) {
			REQUIRE(!ptrace(PTRACE_INTERRUPT, v.pid, 0, 0), "interrupt");
			continue;
		}
		registers(v.pid, &before);
		interrupted += (int)before.rax == -516;
		REQUIRE(!session(&v, 0, NULL), "inline session");
		registers(v.pid, &after);
		REQUIRE(!memcmp(&before, &after, sizeof(before)), "registers changed");
		REQUIRE(!v.shared->errors, "%s", v.shared->text);
	}
	REQUIRE(interrupted > 4, "%d calls interrupted: this tests nothing", interrupted);
	REQUIRE(!ptrace(PTRACE_CONT, v.pid, 0, 0), "continue");
	let_go(&v);
	victim_gets_on(&v);
	victim_finish(&v);
}

/* The memory of a session at the entry of a call serves the next session, of another kind. */
static void session_after_an_inline_one_is_none(const char *program)
{
	struct victim traced, v;
	unsigned long kind = 0;

	mallopt(M_PERTURB, 0);
	victim_start(&traced, program, "read", 1);
	victim_start(&v, program, "nanosleep", 1);
	seize(&traced, PTRACE_O_TRACESYSGOOD);
	while (kind != 1) {
		to_next_call(&traced);
		ptrace(PTRACE_GETEVENTMSG, traced.pid, 0, &kind);
	}
	for (int i = 0; i < 20; i++) {
		require_session(&traced, 0, i);
		require_session(&v, 0, i);
	}
	victim_gets_on(&v);
	victim_finish(&v);
	victim_kill(&traced);
}

#else

static void debugger_calls_inline_and_finds_its_stop_again(const char *program)
{
	(void)program;
}

static void debugger_at_calls_finds_its_stop_again(const char *program, long options)
{
	(void)program;
	(void)options;
}

static void debugger_at_an_interrupted_call_has_it_restarted(const char *program, long options)
{
	(void)program;
	(void)options;
}

static void session_after_an_inline_one_is_none(const char *program)
{
	(void)program;
}

#endif

/* ---- registers ---- */

static void all_threads_show_the_registers_they_keep(const char *program)
{
	unsigned char first[8][512], vector[8][12288], again[12288];
	ssize_t n[8], m[8];
	struct machvm__session *s;
	struct victim v;
	size_t count;
	int tids[8];

	victim_start(&v, program, "spin", 8);
	REQUIRE(!machvm__session_open(&s, &v.target, MACHVM__SESSION_ALL, NULL), "open");
	count = machvm__session_threads(s, 0, &tids[0]);
	REQUIRE(count == 8, "%zu threads", count);
	for (size_t i = 0; i < 8; i++) {
		REQUIRE(machvm__session_threads(s, i, &tids[i]) == 8, "count");
		REQUIRE(thread_state(v.pid, tids[i]) == 't', "thread %d stands not", tids[i]);
	}
	for (int k = 0; k < 3; k++) {
		int64_t result = -1;

		REQUIRE(!machvm__session_call(s, MACHVM__CALL_GETPID, (uint64_t[6]){0}, &result) &&
				result == v.pid,
			"call");
	}
	for (size_t i = 0; i < 8; i++) {
		n[i] = machvm__session_get_registers(s, tids[i], NT_PRSTATUS, first[i], 512);
		m[i] = machvm__session_get_registers(s, tids[i], NT_X86_XSTATE, vector[i], 12288);
		REQUIRE(n[i] > 0 && m[i] > 0, "registers of thread %zu: %zd %zd", i, n[i], m[i]);
	}
	for (size_t i = 0; i < 8; i++) {
		REQUIRE(machvm__session_get_registers(s, tids[i], NT_PRSTATUS, again, 512) ==
					n[i] &&
				!memcmp(again, first[i], (size_t)n[i]),
			"the registers of thread %zu move", i);
		REQUIRE(machvm__session_set_registers(s, tids[i], NT_PRSTATUS, first[i],
						      (size_t)n[i]) == n[i],
			"set");
		REQUIRE(machvm__session_get_registers(s, tids[i], NT_X86_XSTATE, again, 12288) ==
					m[i] &&
				!memcmp(again, vector[i], (size_t)m[i]),
			"the vector state of thread %zu moves", i);
	}
	REQUIRE(!machvm__session_close(s), "close");
	victim_is_free(&v);
	victim_gets_on(&v);
	victim_finish(&v);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!victim_runs(argv[i]))
			continue;
		caller_has_no_child_and_no_descriptor_more(argv[i]);
		wait_of_another_thread_sees_no_stop(argv[i]);
		caller_gets_sigchld_of_its_children_only(argv[i]);
		caller_keeps_its_mask_and_cpus(argv[i]);
		traced_target_names_its_tracer(argv[i]);
		dead_target_is_gone(argv[i]);
		held_memory_tells_another_program(argv[i]);
		debugger_calls_inline_and_finds_its_stop_again(argv[i]);
		debugger_at_calls_finds_its_stop_again(argv[i], 0);
		debugger_at_calls_finds_its_stop_again(argv[i], PTRACE_O_TRACESYSGOOD);
		debugger_at_an_interrupted_call_has_it_restarted(argv[i], 0);
		debugger_at_an_interrupted_call_has_it_restarted(argv[i], PTRACE_O_TRACESYSGOOD);
		session_after_an_inline_one_is_none(argv[i]);
		all_threads_show_the_registers_they_keep(argv[i]);
		printf("%s: good\n", name_of(argv[i]));
	}
	return 0;
}
