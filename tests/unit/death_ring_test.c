/* SPDX-License-Identifier: MIT */
/*
 * The word that tells of a death must have changed as soon as the number is
 * free: when whoever reaps has reaped, and when nobody had to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "death_ring.h"
#include "fork_notice.h"
#include "uapi.h"

struct watched {
	pid_t pid;
	int pidfd;
	struct machvm__death_ring *ring;
};

/* What the process does once it is told to go on. */
typedef void body(void);

static void wait_for_kill(void)
{
	for (;;)
		pause();
}

static void *last_thread(void *leader)
{
	pthread_join(*(pthread_t *)leader, NULL);
	exit(0);
}

/* The leader goes first; the process ends with another thread. */
static void leave_to_a_thread(void)
{
	static pthread_t leader;
	pthread_t thread;

	leader = pthread_self();
	if (pthread_create(&thread, NULL, last_thread, &leader))
		_exit(1);
	pthread_exit(NULL);
}

static void *exec_in_thread(void *none)
{
	execl("/bin/true", "true", (char *)NULL);
	_exit(1);
}

/* A thread takes over the leader's number. */
static void exec_from_a_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exec_in_thread, NULL))
		_exit(1);
	wait_for_kill();
}

static struct machvm__death_ring *arm(int pidfd)
{
	struct machvm__death_ring *ring;

	machvm__fork_notice();
	/* Those that were used before may be in a worker's hands still. */
	do
		ring = machvm__death_ring_arm(pidfd);
	while (!ring && sched_yield() == 0);
	return ring;
}

static pid_t start(body *run, int *go)
{
	pid_t parent = getpid(), pid;
	int ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[1]);
		if (getppid() != parent || read(ends[0], &byte, 1) < 0)
			_exit(1);
		run();
		_exit(0);
	}
	close(ends[0]);
	*go = ends[1];
	return pid;
}

static struct watched watch(body *run, int *go)
{
	struct watched watched = {.pid = start(run, go)};

	watched.pidfd = (int)syscall(SYS_pidfd_open, watched.pid, 0);
	assert_true(watched.pidfd >= 0);
	watched.ring = arm(watched.pidfd);
	return watched;
}

static int quiet(const struct watched *watched)
{
	return atomic_load(machvm__death_ring_word(watched->ring)) ==
	       machvm__death_ring_quiet(watched->ring);
}

static void end(const struct watched *watched)
{
	machvm__death_ring_disarm(watched->ring);
	close(watched->pidfd);
}

static void word_has_changed_when_the_process_is_reaped(void **state)
{
	static body *const bodies[] = {wait_for_kill, leave_to_a_thread, exec_from_a_thread};

	for (int i = 0; i < 600; i++) {
		int go;
		struct watched watched = watch(bodies[i % 3], &go);

		assert_true(quiet(&watched));
		if (i % 3 == 0)
			kill(watched.pid, SIGKILL);
		close(go);
		assert_int_equal(waitpid(watched.pid, NULL, 0), watched.pid);
		assert_false(quiet(&watched));
		end(&watched);
	}
}

/* Nobody waits: the process itself gives its number back. */
static void word_has_changed_when_the_number_is_gone(void **state)
{
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 300; i++) {
		int go;
		struct watched watched = watch(i % 2 ? wait_for_kill : leave_to_a_thread, &go);

		kill(watched.pid, i % 2 ? SIGKILL : 0);
		close(go);
		while (kill(watched.pid, 0) == 0)
			;
		assert_int_equal(errno, ESRCH);
		assert_false(quiet(&watched));
		end(&watched);
	}
	signal(SIGCHLD, SIG_DFL);
}

static void word_is_never_quiet_for_a_process_that_is_dead(void **state)
{
	int go;
	pid_t pid = start(wait_for_kill, &go);
	struct watched watched = {.pid = pid, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0)};

	kill(pid, SIGKILL);
	close(go);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	watched.ring = arm(watched.pidfd);
	assert_false(quiet(&watched));
	end(&watched);
}

/* All of them, and then all of them again for other processes. */
static void rings_are_few_and_serve_again(void **state)
{
	static struct machvm__death_ring *rings[1100];
	unsigned count[2];
	int go;
	pid_t pid = start(wait_for_kill, &go);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	for (int turn = 0; turn < 2; turn++) {
		rings[0] = arm(pidfd);
		for (count[turn] = 1; count[turn] < 1100; count[turn]++) {
			if (turn == 1 && count[1] == count[0])
				break;
			rings[count[turn]] = turn ? arm(pidfd) : machvm__death_ring_arm(pidfd);
			if (!rings[count[turn]])
				break;
		}
		assert_null(machvm__death_ring_arm(pidfd));
		for (unsigned i = 0; i < count[turn]; i++) {
			struct watched watched = {pid, pidfd, rings[i]};

			/* Taken back before, and not confused by that. */
			assert_true(quiet(&watched));
			machvm__death_ring_disarm(rings[i]);
		}
	}
	assert_true(count[0] < 1100);
	assert_int_equal(count[0], count[1]);
	kill(pid, SIGKILL);
	close(go);
	waitpid(pid, NULL, 0);
	close(pidfd);
}

/* The permissions of the first mapping of a ring, "" when there is none. */
static void find_mapping(char permissions[5])
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	permissions[0] = '\0';
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "[aio]"))
			sscanf(line, "%*s %4s", permissions);
	if (maps)
		fclose(maps);
}

static void page_is_not_writable_and_not_inherited(void **state)
{
	char permissions[5];
	int go, status = 0;
	struct watched watched = watch(wait_for_kill, &go);
	pid_t child;

	find_mapping(permissions);
	assert_string_equal(permissions, "r--s");
	child = fork();
	if (child == 0) {
		find_mapping(permissions);
		/* And has rings of its own. */
		watched.ring = arm(watched.pidfd);
		if (permissions[0] || !quiet(&watched))
			_exit(1);
		kill(watched.pid, SIGKILL);
		while (quiet(&watched))
			;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	kill(watched.pid, SIGKILL);
	assert_int_equal(waitpid(watched.pid, NULL, 0), watched.pid);
	assert_int_equal(status, 0);
	assert_false(quiet(&watched));
	close(go);
	end(&watched);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(word_has_changed_when_the_process_is_reaped),
	cmocka_unit_test(word_has_changed_when_the_number_is_gone),
	cmocka_unit_test(word_is_never_quiet_for_a_process_that_is_dead),
	cmocka_unit_test(rings_are_few_and_serve_again),
	cmocka_unit_test(page_is_not_writable_and_not_inherited),
};

int main(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct machvm__death_ring *ring = NULL;

	machvm__fork_notice();
	if (pidfd >= 0)
		ring = machvm__death_ring_arm(pidfd);
	if (!ring) {
		puts("skipped: this kernel has no rings to watch by");
		return 77;
	}
	machvm__death_ring_disarm(ring);
	close(pidfd);
	return cmocka_run_group_tests_name("death_ring", tests, NULL, NULL);
}
