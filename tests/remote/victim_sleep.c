/* SPDX-License-Identifier: MIT */
/* Victims that sleep in system calls. */
#include "victim.h"

#include <errno.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- sleepers ---- */

void body_nanosleep(unsigned me)
{
	while (!stopping()) {
		struct timespec t = {0, 3000000};
		int r = nanosleep(&t, NULL);

		CHECK(!r || tolerated(errno), "nanosleep returned %d", r);
		advance(me);
	}
}

void body_poll(unsigned me)
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

void body_epoll(unsigned me)
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

void body_futex(unsigned me)
{
	static int word;

	while (!stopping()) {
		struct timespec t = {0, 3000000};
		long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);

		CHECK(r == -1 && (errno == ETIMEDOUT || tolerated(errno)), "futex returned %ld", r);
		advance(me);
	}
}

void body_sigtimedwait(unsigned me)
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
void body_read(unsigned me)
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

void body_accept(unsigned me)
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
