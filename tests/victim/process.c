/* SPDX-License-Identifier: MIT */
/* exec, fork, vfork and threads of the victim. */
#include "process.h"
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char program[PATH_MAX];

static void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (parent != 0 && getppid() != parent)
		_exit(0);
}

void process_start(void)
{
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	die_with_parent(0);
	/* Without /proc the name given to exec has to do; it is absolute. */
	if (n > 0)
		program[n] = '\0';
}

static void exec_self(const char *file, char *const words[], int count)
{
	static char again[] = "again";
	char *arguments[CHANNEL_WORDS + 3] = {program, again};
	int i;

	for (i = 0; i < count; i++)
		arguments[i + 2] = words[i];
	execv(file, arguments);
}

void process_exec(struct channel *channel, char *const words[], int count)
{
	exec_self(program, words, count);
	channel_result(channel, -errno);
}

void process_arrive(struct channel *channel, char *const words[], int count)
{
	int r = 0;

	if (count == 4)
		r = pages_lay(words[0], channel_pointer(words[1]),
			      channel_number(words[2]) * 4096, channel_number(words[3]));
	if (r != 0)
		channel_result(channel, r);
	else
		channel_answer(channel, "ok %x\n", (unsigned)getpid());
}

static void use_second_channel(void)
{
	dup2(PROCESS_SECOND_IN, 0);
	dup2(PROCESS_SECOND_OUT, 1);
	close(PROCESS_SECOND_IN);
	close(PROCESS_SECOND_OUT);
}

void process_fork(struct channel *channel)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child == 0) {
		struct channel second = {.in = 0, .out = 1};

		die_with_parent(parent);
		use_second_channel();
		serve(&second);
		_exit(0);
	}
	if (child < 0)
		channel_result(channel, -errno);
	else
		channel_answer(channel, "ok %x\n", (unsigned)child);
}

/* One vfork child at a time. Its thread is stuck in vfork() until the child lets go. */
static struct {
	int ready[2], release[2], done[2];
	char *words[CHANNEL_WORDS];
	int count;
	char storage[CHANNEL_WORDS][64];
} vforked;

static void vfork_child(void)
{
	pid_t self = getpid();
	char order = 'x';

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(vforked.ready[1], &self, sizeof(self)) != (ssize_t)sizeof(self))
		_exit(1);
	if (read(vforked.release[0], &order, 1) != 1 || order == 'x')
		_exit(0);
	use_second_channel();
	exec_self(program, vforked.words, vforked.count);
	_exit(1);
}

static void *vfork_thread(void *unused)
{
	/* vfork() is what is being tested. */
	if (vfork() == 0)
		vfork_child();
	if (write(vforked.done[1], "", 1) != 1)
		_exit(1);
	/* A child dies with the thread that made it, not with the process: stay. */
	for (;;)
		pause();
	return unused;
}

void process_vfork(struct channel *channel)
{
	pthread_t thread;
	pid_t child;
	int r = 0;

	if (pipe2(vforked.ready, O_CLOEXEC) != 0 || pipe2(vforked.release, O_CLOEXEC) != 0 ||
	    pipe2(vforked.done, O_CLOEXEC) != 0)
		r = -errno;
	if (r == 0)
		r = -pthread_create(&thread, NULL, vfork_thread, NULL);
	if (r == 0 && read(vforked.ready[0], &child, sizeof(child)) != (ssize_t)sizeof(child))
		r = -ECHILD;
	if (r != 0)
		channel_result(channel, r);
	else
		channel_answer(channel, "ok %x\n", (unsigned)child);
}

void process_vfork_release(struct channel *channel, char *const words[], int count)
{
	char order = strcmp(words[0], "exec") == 0 ? 'e' : 'x';
	char done;
	int i;

	for (i = 1; i < count; i++) {
		snprintf(vforked.storage[i - 1], sizeof(vforked.storage[0]), "%s", words[i]);
		vforked.words[i - 1] = vforked.storage[i - 1];
	}
	vforked.count = count - 1;
	if (write(vforked.release[1], &order, 1) != 1 || read(vforked.done[0], &done, 1) != 1)
		channel_result(channel, -errno);
	else
		channel_result(channel, 0);
}

static void *idle_thread(void *unused)
{
	for (;;)
		pause();
	return unused;
}

void process_threads(struct channel *channel, unsigned count)
{
	pthread_t thread;
	int r = 0;

	while (count-- > 0 && r == 0)
		r = -pthread_create(&thread, NULL, idle_thread, NULL);
	channel_result(channel, r);
}

/* The state letter of this process's first thread, from the kernel's table. */
static char leader_state(void)
{
	char text[512] = "";
	const char *end;
	/* Not by our numbers: /proc may count in another namespace. */
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 'X';
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	end = strrchr(text, ')');
	return end != NULL && end[1] == ' ' ? end[2] : 'X';
}

struct leaving {
	struct channel *channel;
	pthread_t leader;
};

static void *serve_after_leader(void *argument)
{
	struct leaving *leaving = argument;
	struct channel channel = *leaving->channel;

	pthread_join(leaving->leader, NULL);
	/* The leader has left user space; its last steps in the kernel are not announced. */
	while (leader_state() != 'Z' && leader_state() != 'X')
		sched_yield();
	channel_answer(&channel, "ok %x\n", (unsigned)gettid());
	serve(&channel);
	_exit(0);
}

void process_leave(struct channel *channel)
{
	static struct leaving leaving;
	pthread_t thread;
	int r;

	leaving.channel = channel;
	leaving.leader = pthread_self();
	r = -pthread_create(&thread, NULL, serve_after_leader, &leaving);
	if (r != 0) {
		channel_result(channel, r);
		return;
	}
	pthread_exit(NULL);
}
