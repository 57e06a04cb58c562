/* SPDX-License-Identifier: MIT */
/*
 * cpus VICTIM...: the helper goes to the target's CPU, and takes along whoever waits for it.
 * Should a call last, both may run wherever they could before: others may want that
 * CPU by then, and neither the caller nor the target is to wait for them.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	struct victim *victim;
	const char *fifo;
	int tid;
	cpu_set_t after;
} caller;

/* Opens a pipe in the victim, which lasts until somebody opens the other end. */
static void *open_fifo(void *unused)
{
	struct machvm__session_refusal why = {0};
	struct machvm__session *s;
	int64_t result = -1;
	uint64_t name;
	int r;

	__atomic_store_n(&caller.tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
	r = machvm__session_open(&s, &caller.victim->target, MACHVM__SESSION_HELPER, &why);
	REQUIRE(!r, "open: %s (%s)", strerror(-r), why.step);
	REQUIRE(!machvm__session_push(s, caller.fifo, strlen(caller.fifo) + 1, &name), "push");
	r = machvm__session_call(s, MACHVM__CALL_OPENAT,
				 (uint64_t[6]){(uint64_t)AT_FDCWD, name, O_RDONLY | O_CLOEXEC},
				 &result);
	REQUIRE(!r && result > 2, "openat: %d, %ld", r, (long)result);
	r = machvm__session_call(s, MACHVM__CALL_CLOSE, (uint64_t[6]){(uint64_t)result}, &result);
	REQUIRE(!r && !result, "close: %d, %ld", r, (long)result);
	REQUIRE(!machvm__session_close(s), "close");
	sched_getaffinity(0, sizeof(caller.after), &caller.after);
	return unused;
}

static bool may_run_anywhere(int tid, const cpu_set_t *all)
{
	cpu_set_t now;

	return !sched_getaffinity(tid, sizeof(now), &now) && CPU_EQUAL(&now, all);
}

static void lasting_call_binds_nobody(const char *program, const char *fifo)
{
	cpu_set_t all;
	pthread_t thread;
	struct victim v;
	int helper, fd;
	time_t start;

	sched_getaffinity(0, sizeof(all), &all);
	victim_start(&v, program, "nanosleep", 1);
	caller.victim = &v;
	caller.fifo = fifo;
	caller.tid = 0;
	REQUIRE(!pthread_create(&thread, NULL, open_fifo, NULL), "pthread_create");
	while (!(helper = tracer_of(v.pid, v.pid)))
		sched_yield();
	/* Attached: where they are to be until the end they are now, unless somebody cares. */
	start = time(NULL);
	while (!may_run_anywhere(helper, &all) || !may_run_anywhere(caller.tid, &all)) {
		REQUIRE(time(NULL) - start < 20, "the caller or its helper is left on one CPU");
		sched_yield();
	}
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	REQUIRE(fd >= 0, "%s: %s", fifo, strerror(errno));
	pthread_join(thread, NULL);
	close(fd);
	REQUIRE(CPU_EQUAL(&caller.after, &all), "the caller's CPUs changed");
	victim_is_free(&v);
	victim_gets_on(&v);
	victim_finish(&v);
}

static void bind(int pid, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	REQUIRE(!sched_setaffinity(pid, sizeof(one), &one), "affinity: %s", strerror(errno));
}

/* Takes that CPU from whoever has lower priority, for longer than a stop is waited for. */
static pid_t take_cpu(int cpu)
{
	int ready[2];
	char byte;
	pid_t pid;

	REQUIRE(!pipe(ready), "pipe");
	pid = fork();
	if (!pid) {
		struct timespec start, now;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bind(0, cpu);
		(void)!nice(-20);
		(void)!write(ready[1], "", 1);
		clock_gettime(CLOCK_MONOTONIC, &start);
		do
			clock_gettime(CLOCK_MONOTONIC, &now);
		while (now.tv_sec - start.tv_sec < 4);
		_exit(0);
	}
	REQUIRE(pid > 0 && read(ready[0], &byte, 1) == 1, "the other program");
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* It waits for a CPU, to stop on or to make the call on, and so do we: it is not stuck. */
static void target_that_gets_no_cpu_is_waited_for(const char *program, bool stopped)
{
	struct machvm__session_refusal why = {0};
	struct machvm__session *s;
	int64_t result = -1;
	struct victim v;
	pid_t other = 0;
	cpu_set_t all;
	int cpu = 0, r;

	sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	victim_start(&v, program, stopped ? "nanosleep" : "spin", 1);
	bind(v.pid, cpu);
	REQUIRE(!setpriority(PRIO_PROCESS, (id_t)v.pid, 19), "setpriority");
	if (!stopped)
		other = take_cpu(cpu);
	r = machvm__session_open(&s, &v.target, 0, &why);
	REQUIRE(!r, "open: %s (%s: %s)", strerror(-r), why.step, why.reason);
	if (stopped)
		other = take_cpu(cpu);
	r = machvm__session_call(s, MACHVM__CALL_GETPID, (uint64_t[6]){0}, &result);
	REQUIRE(!r && result == v.pid, "getpid: %s, %ld", strerror(-r), (long)result);
	REQUIRE(!machvm__session_close(s), "close");
	waitpid(other, NULL, 0);
	victim_is_free(&v);
	victim_gets_on(&v);
	victim_finish(&v);
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/machvm-XXXXXX", fifo[64];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		printf("there is one CPU only\n");
		return 77;
	}
	REQUIRE(mkdtemp(directory), "mkdtemp: %s", strerror(errno));
	snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
	REQUIRE(!mkfifo(fifo, 0600), "mkfifo: %s", strerror(errno));
	for (int i = 1; i < argc; i++) {
		if (!victim_runs(argv[i]))
			continue;
		for (int j = 0; j < 20; j++)
			lasting_call_binds_nobody(argv[i], fifo);
		target_that_gets_no_cpu_is_waited_for(argv[i], true);
		target_that_gets_no_cpu_is_waited_for(argv[i], false);
		printf("%s: good\n", name_of(argv[i]));
	}
	unlink(fifo);
	rmdir(directory);
	return 0;
}
