/* SPDX-License-Identifier: MIT */
/*
 * victim SCENARIO THREADS: does one thing over and over and checks that nobody
 * disturbed it. It shares SHARED_FD with the test and dies with its parent.
 */
#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct shared *shared;
static const char *self;
static unsigned thread_count;

#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			complain(__LINE__, __VA_ARGS__);                                           \
	} while (0)

__attribute__((format(printf, 2, 3))) static void complain(int line, const char *format, ...)
{
	int saved = errno;
	va_list list;

	if (__atomic_fetch_add(&shared->errors, 1, __ATOMIC_SEQ_CST))
		return;
	va_start(list, format);
	snprintf(shared->text, 40, "victim.c:%d (errno %d): ", line, saved);
	vsnprintf(shared->text + strlen(shared->text), 200, format, list);
	va_end(list);
}

static int stopping(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
}

static void advance(unsigned me)
{
	__atomic_fetch_add(&shared->progress[me], 1, __ATOMIC_RELAXED);
}

static int tolerated(int e)
{
	return e == EINTR && __atomic_load_n(&shared->lenient, __ATOMIC_RELAXED);
}

/* ---- sleepers ---- */

static void body_nanosleep(unsigned me)
{
	while (!stopping()) {
		struct timespec t = {0, 3000000};
		int r = nanosleep(&t, NULL);

		CHECK(!r || tolerated(errno), "nanosleep returned %d", r);
		advance(me);
	}
}

static void body_poll(unsigned me)
{
	int fds[2];

	CHECK(!pipe(fds), "pipe");
	while (!stopping()) {
		struct pollfd p = {fds[0], POLLIN, 0};
		int r = poll(&p, 1, 3);

		CHECK(!r || tolerated(errno), "poll returned %d", r);
		advance(me);
	}
}

static void body_epoll(unsigned me)
{
	int fds[2], e = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};

	CHECK(!pipe(fds) && e >= 0 && !epoll_ctl(e, EPOLL_CTL_ADD, fds[0], &event), "set up");
	while (!stopping()) {
		int r = epoll_wait(e, &event, 1, 3);

		CHECK(!r || tolerated(errno), "epoll_wait returned %d", r);
		advance(me);
	}
}

static void body_futex(unsigned me)
{
	static int word;

	while (!stopping()) {
		struct timespec t = {0, 3000000};
		long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);

		CHECK(r == -1 && (errno == ETIMEDOUT || tolerated(errno)), "futex returned %ld", r);
		advance(me);
	}
}

static void body_sigtimedwait(unsigned me)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!stopping()) {
		struct timespec t = {0, 3000000};
		int r = sigtimedwait(&set, NULL, &t);

		CHECK(r == -1 && (errno == EAGAIN || tolerated(errno)), "sigtimedwait returned %d",
		      r);
		advance(me);
	}
}

/* Children are forked before any thread opens what they must not hold. */
static void all_have_forked(void)
{
	__atomic_fetch_add(&shared->gate, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&shared->gate, __ATOMIC_SEQ_CST) < thread_count)
		sched_yield();
}

/* A child that writes numbers; what is read must be all of them in order. */
static void body_read(unsigned me)
{
	uint32_t expected = 0, got;
	int fds[2];
	pid_t feeder;

	CHECK(!pipe(fds), "pipe");
	feeder = fork();
	if (!feeder) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_DFL);
		close(fds[0]);
		for (uint32_t i = 0;; i++) {
			if (write(fds[1], &i, sizeof(i)) != sizeof(i))
				_exit(1);
			nanosleep(&(struct timespec){0, 1000000}, NULL);
		}
	}
	close(fds[1]);
	while (!stopping()) {
		ssize_t n = read(fds[0], &got, sizeof(got));

		if (n < 0 && tolerated(errno))
			continue;
		CHECK(n == sizeof(got), "read returned %zd", n);
		CHECK(got == expected, "read %u instead of %u", got, expected);
		expected++;
		advance(me);
	}
	kill(feeder, SIGKILL);
	waitpid(feeder, NULL, 0);
}

static void connect_for_ever(const struct sockaddr_in *address)
{
	for (;;) {
		int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char c;

		if (s < 0)
			_exit(1);
		/* Until the other side closes; its reset may come before connect is back. */
		if (!connect(s, (const struct sockaddr *)address, sizeof(*address)) &&
		    read(s, &c, 1) < 0 && errno != ECONNRESET)
			_exit(1);
		close(s);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
}

static void body_accept(unsigned me)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct linger reset = {1, 0};
	pid_t peer;

	CHECK(listener >= 0 && !bind(listener, (struct sockaddr *)&address, length) &&
		      !listen(listener, 4) &&
		      !getsockname(listener, (struct sockaddr *)&address, &length),
	      "set up");
	peer = fork();
	if (!peer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(listener);
		connect_for_ever(&address);
	}
	all_have_forked();
	while (!stopping()) {
		int s = accept(listener, NULL, NULL);

		if (s < 0 && tolerated(errno))
			continue;
		CHECK(s >= 0, "accept returned %d", s);
		setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(s);
		advance(me);
	}
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
}

/* ---- computing: every register holds a known value ---- */

uint32_t spin_registers(const unsigned char *pattern, uint32_t rounds);

static void body_spin(unsigned me)
{
	_Alignas(32) unsigned char pattern[512];

	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (unsigned char)(i * 7 + me * 31 + 1);
	while (!stopping()) {
		CHECK(!spin_registers(pattern, 20000), "a register changed");
		advance(me);
	}
}

/* ---- signals ---- */

static __thread uint32_t taken;
static __thread int disorder;

static void count(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_code != SI_QUEUE || (uint32_t)info->si_value.sival_int != taken)
		disorder = 1;
	taken++;
}

static void send_all(pid_t pid, pid_t tid, int go, int fd)
{
	uint32_t sent = 0;
	char c;

	while (read(go, &c, 1) == 1 && c == 'g') {
		siginfo_t info = {.si_signo = SIGRTMIN, .si_code = SI_QUEUE};

		for (int i = 0; i < 8; i++) {
			info.si_value.sival_int = (int)sent;
			if (syscall(SYS_rt_tgsigqueueinfo, pid, tid, SIGRTMIN, &info))
				_exit(1);
			sent++;
		}
		if (write(fd, &sent, sizeof(sent)) != sizeof(sent))
			_exit(1);
	}
	_exit(0);
}

/* Eight counted signals at a time, each batch awaited: none lost, none twice, in order. */
static void flood(unsigned me)
{
	struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
	int go[2], back[2];
	stack_t stack = {.ss_size = 65536}, now;
	pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid), sender;
	uint32_t sent = 0, want;

	stack.ss_sp = malloc(stack.ss_size);
	CHECK(!sigaltstack(&stack, NULL), "sigaltstack");
	sigaction(SIGRTMIN, &action, NULL);
	CHECK(!pipe2(go, O_CLOEXEC) && !pipe2(back, O_CLOEXEC), "pipe");
	sender = fork();
	if (!sender) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		close(back[0]);
		send_all(pid, tid, go[0], back[1]);
	}
	close(go[0]);
	close(back[1]);
	while (!stopping()) {
		CHECK(write(go[1], "g", 1) == 1, "write");
		want = sent + 8;
		while (sent != want) {
			ssize_t n = read(back[0], &sent, sizeof(sent));

			CHECK(n == sizeof(sent) || (n < 0 && tolerated(errno)), "read %zd", n);
		}
		/* Sent to this thread before the answer was: delivered by the next return. */
		CHECK(taken == sent, "%u signals of %u", taken, sent);
		CHECK(!disorder, "signals out of order");
		CHECK(!sigaltstack(NULL, &now) && now.ss_sp == stack.ss_sp &&
			      now.ss_size == stack.ss_size && !now.ss_flags,
		      "the alternate stack changed");
		advance(me);
		/* Room for the test on a small machine. */
		nanosleep(&(struct timespec){0, 300000}, NULL);
		if (shared->errors)
			break;
	}
	CHECK(write(go[1], "q", 1) == 1, "write");
	while (waitpid(sender, NULL, 0) < 0 && errno == EINTR)
		;
}

static void body_flood(unsigned me)
{
	flood(me);
}

static __thread uint32_t traps;

static void on_trap(int signal)
{
	(void)signal;
	traps++;
}

static void body_sigtrap(unsigned me)
{
	struct sigaction action = {.sa_handler = on_trap}, now;
	sigset_t blocked, set;

	/* Every second thread keeps it blocked. */
	sigaction(SIGTRAP, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	if (me & 1)
		pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (uint32_t i = 1; !stopping(); i++) {
		if (!(me & 1)) {
			__asm__ volatile("int3" ::: "memory");
			CHECK(traps == i, "%u traps of %u", traps, i);
		}
		sched_yield();
		CHECK(!sigaction(SIGTRAP, NULL, &now) && now.sa_handler == on_trap,
		      "the SIGTRAP handler changed");
		pthread_sigmask(SIG_BLOCK, NULL, &blocked);
		CHECK(sigismember(&blocked, SIGTRAP) == (int)(me & 1), "the signal mask changed");
		advance(me);
	}
}

static void body_trapignored(unsigned me)
{
	struct sigaction now;

	signal(SIGTRAP, SIG_IGN);
	while (!stopping()) {
		nanosleep(&(struct timespec){0, 1000000}, NULL);
		CHECK(!sigaction(SIGTRAP, NULL, &now) && now.sa_handler == SIG_IGN,
		      "SIGTRAP is no longer ignored");
		advance(me);
	}
}

/* ---- timers: every expiry is counted, as a signal or as an overrun ---- */

static __thread uint64_t expiries;

static void on_timer(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	expiries += 1 + (uint64_t)info->si_overrun;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void body_timer(unsigned me)
{
	struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 1};
	struct itimerspec spec = {{0, 2000000}, {0, 2000000}};
	uint64_t start, periods;
	timer_t timer;
	sigset_t set;

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	sigaction(SIGRTMIN + 1, &action, NULL);
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
	start = now_ns();
	CHECK(!timer_settime(timer, 0, &spec, NULL), "timer_settime");
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	while (!stopping()) {
		for (volatile int i = 0; i < 20000; i++)
			;
		advance(me);
	}
	/* All that were due before this instant have been taken after it. */
	periods = (now_ns() - start) / 2000000;
	sched_yield();
	CHECK(expiries + 1 >= periods, "%llu of %llu timer expiries", (unsigned long long)expiries,
	      (unsigned long long)periods);
	CHECK(expiries <= (now_ns() - start) / 2000000 + 1, "%llu timer expiries are too many",
	      (unsigned long long)expiries);
	timer_delete(timer);
}

/* ---- processes ---- */

extern char **environ;

static void body_vfork(unsigned me)
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
static void body_longvfork(unsigned me)
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
static void body_exec(unsigned me)
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

static void body_strict(unsigned me)
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

static void body_filter(unsigned me)
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

static void body_dispatch(unsigned me)
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

static void body_rseq(unsigned me)
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

static void check_rseq(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < 64; i++)
		sum += per_cpu[i].count;
	CHECK(sum == rseq_total, "%llu increments of %llu", (unsigned long long)sum,
	      (unsigned long long)rseq_total);
}

/* ---- real time ---- */

static void body_fifo(unsigned me)
{
	struct sched_param param = {.sched_priority = 10};

	CHECK(!sched_setscheduler(0, SCHED_FIFO, &param), "SCHED_FIFO");
	while (!stopping()) {
		uint64_t until = now_ns() + 300000;

		while (now_ns() < until)
			;
		CHECK(!nanosleep(&(struct timespec){0, 1000000}, NULL) || tolerated(errno), "sleep");
		advance(me);
	}
}

/* ---- the frame of it all ---- */

static const struct scenario {
	const char *name;
	void (*body)(unsigned me);
	void (*check)(void);
} scenarios[] = {
	{"nanosleep", body_nanosleep, NULL},
	{"poll", body_poll, NULL},
	{"epoll", body_epoll, NULL},
	{"futex", body_futex, NULL},
	{"sigtimedwait", body_sigtimedwait, NULL},
	{"read", body_read, NULL},
	{"accept", body_accept, NULL},
	{"spin", body_spin, NULL},
	{"flood", body_flood, NULL},
	{"sigtrap", body_sigtrap, NULL},
	{"trapignored", body_trapignored, NULL},
	{"timer", body_timer, NULL},
	{"vfork", body_vfork, NULL},
	{"longvfork", body_longvfork, NULL},
	{"exec", body_exec, NULL},
	{"strict", body_strict, NULL},
	{"filter", body_filter, NULL},
	{"dispatch", body_dispatch, NULL},
	{"rseq", body_rseq, check_rseq},
	{"fifo", body_fifo, NULL},
};

static const struct scenario *chosen;

static void *run(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
	chosen->body(me);
	__atomic_fetch_add(&shared->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[SHARED_THREADS];
	char *page;

	if (argc == 2 && !strcmp(argv[1], "true"))
		return 7;
	if (argc != 3)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	self = argv[0];
	thread_count = (unsigned)atoi(argv[2]);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || page == MAP_FAILED)
		return 2;
	for (unsigned i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (!strcmp(scenarios[i].name, argv[1]))
			chosen = &scenarios[i];
	}
	if (!chosen)
		return 2;
	shared->page = (uintptr_t)page;
	for (unsigned i = 1; i < thread_count; i++)
		pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i);
	run(NULL);
	for (unsigned i = 1; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	if (chosen->check)
		chosen->check();
	return shared->errors ? 1 : 0;
}
