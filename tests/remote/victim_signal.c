/* SPDX-License-Identifier: MIT */
/* Victims that take signals: counted, trapped, timed. */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
	struct sigaction action = {.sa_sigaction = count,
				   .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
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

void body_flood(unsigned me)
{
	flood(me);
}

static __thread uint32_t traps;

static void on_trap(int signal)
{
	(void)signal;
	traps++;
}

void body_sigtrap(unsigned me)
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

void body_trapignored(unsigned me)
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

void body_timer(unsigned me)
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
