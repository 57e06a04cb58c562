/* SPDX-License-Identifier: MIT */
/* situation.c - processes that ask and are asked about. */
#include "situation.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t children[8];
static int child_count;

void require(bool condition)
{
	if (!condition)
		_exit(99);
}

void wait_for_the_end(void)
{
	for (;;)
		pause();
}

pid_t start(preparation *prepare)
{
	int ends[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prepare)
			prepare();
		/* Changing ids resets this, so it comes last. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		require(write(ends[1], "", 1) == 1);
		wait_for_the_end();
	}
	adopt(pid);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

void adopt(pid_t pid)
{
	assert_true(child_count < 8);
	children[child_count++] = pid;
}

int end_children(void **state)
{
	while (child_count) {
		pid_t pid = children[--child_count];
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
	}
	return 0;
}

struct answer ask(preparation *prepare, int pid, enum machvm_right right)
{
	struct answer answer = {.code = -1};
	int ends[2];
	pid_t asker;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	asker = fork();
	assert_true(asker >= 0);
	if (asker == 0) {
		struct answer found;

		if (prepare)
			prepare();
		memset(&found, 0, sizeof found);
		found.code = machvm_explain(pid, right, found.text, sizeof found.text);
		require(write(ends[1], &found, sizeof found) == sizeof found);
		_exit(0);
	}
	close(ends[1]);
	if (read(ends[0], &answer, sizeof answer) != sizeof answer)
		answer.code = -1;
	close(ends[0]);
	waitpid(asker, NULL, 0);
	return answer;
}

void expect(struct answer answer, kern_return_t code, const char *words)
{
	if (answer.code != code || !strstr(answer.text, words))
		fail_msg("want %d and \"%s\"; got %d and: %s", code, words, answer.code,
			 answer.text);
}

void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void become(uid_t id)
{
	require(setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0);
	/* The change made us undumpable; an ordinary process of that user is not. */
	prctl(PR_SET_DUMPABLE, 1);
}

void become_nobody(void)
{
	become(NOBODY);
}

void become_somebody(void)
{
	become(SOMEBODY);
}

void become_ordinary(void)
{
	if (geteuid() == 0)
		become(NOBODY);
}

void become_ordinary_and_undumpable(void)
{
	become_ordinary();
	prctl(PR_SET_DUMPABLE, 0);
}
