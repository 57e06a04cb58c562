/* SPDX-License-Identifier: MIT */
/*
 * kill WHO VICTIM...: whoever traces is killed with SIGKILL at random instants - the
 * caller, its helper, or both - and the victim must neither notice nor stand still.
 */
#include "support.h"

#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Runs in a process of its own until it is killed. */
static void hammer(struct victim *v, unsigned flags, uint32_t *sessions, int *trouble)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint64_t i = 0;; i++) {
		struct machvm__session_refusal why = {0};
		struct machvm__session *s;
		int64_t result;
		int r = machvm__session_open(&s, &v->target, flags, &why);

		/* -EBUSY: the helper of a caller that was killed has not let go yet. */
		if (r == -EBUSY || r == -ETIMEDOUT || r == -EOWNERDEAD || r == -EOPNOTSUPP)
			continue;
		if (r) {
			*trouble = r;
			_exit(1);
		}
		for (int j = 0; j < 3; j++) {
			r = machvm__session_call(
				s, MACHVM__CALL_MPROTECT,
				(uint64_t[6]){v->shared->page, 4096, i & 1 ? 1 : 3}, &result);
			if (r || result)
				break;
		}
		if ((r && r != -EOWNERDEAD) || (!r && result))
			*trouble = r ? r : (int)result;
		(void)!machvm__session_close(s);
		__atomic_fetch_add(sessions, 1, __ATOMIC_RELAXED);
	}
}

/*
 * The same through the public routines. A second thread makes them use a helper.
 * KERN_DENIED: traced still for a caller that was killed; what was broken in the middle: aborted.
 */
static void hammer_routines(struct victim *v, unsigned flags, uint32_t *calls, int *trouble)
{
	mach_vm_address_t page = v->shared->page;
	pthread_t second;
	mach_port_t task;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if ((flags & MACHVM__SESSION_HELPER) && pthread_create(&second, NULL, idle, NULL))
		_exit(1);
	if (machvm_task_open(v->pidfd, MACHVM_RIGHT_CONTROL, &task))
		_exit(1);
	for (uint64_t i = 0;; i++) {
		vm_prot_t access = i & 2 ? VM_PROT_READ : VM_PROT_READ | VM_PROT_WRITE;
		kern_return_t kr = mach_vm_protect(task, page, 4096 << (i & 1), 0, access);

		if (kr == KERN_DENIED || kr == KERN_ABORTED || kr == KERN_OPERATION_TIMED_OUT)
			continue;
		if (kr) {
			fprintf(stderr, "mach_vm_protect: %s at %s\n", machvm_last_error()->message,
				machvm_last_error()->step);
			*trouble = kr;
			_exit(1);
		}
		__atomic_fetch_add(calls, 1, __ATOMIC_RELAXED);
	}
}

static int child_of(int pid)
{
	char path[64];
	int child = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "re");
	if (file && fscanf(file, "%d", &child) != 1)
		child = 0;
	if (file)
		fclose(file);
	return child;
}

static uint32_t random_below(uint32_t limit)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state % limit);
}

static void spend(uint32_t ns)
{
	struct timespec t, now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - t.tv_sec) * 1000000000L + now.tv_nsec - t.tv_nsec < (long)ns);
}

static void spend_asleep(long ns)
{
	nanosleep(&(struct timespec){0, ns}, NULL);
}

static const struct way {
	const char *name;
	void (*hammer)(struct victim *v, unsigned flags, uint32_t *sessions, int *trouble);
	unsigned flags;
	bool caller, helper;
} ways[] = {
	{"caller", hammer, 0, true, false},
	{"caller-with-helper", hammer, MACHVM__SESSION_HELPER, true, false},
	{"helper", hammer, MACHVM__SESSION_HELPER, false, true},
	{"both", hammer, MACHVM__SESSION_HELPER, true, true},
	{"routines-caller", hammer_routines, 0, true, false},
	{"routines-caller-with-helper", hammer_routines, MACHVM__SESSION_HELPER, true, false},
	{"routines-helper", hammer_routines, MACHVM__SESSION_HELPER, false, true},
	{"routines-both", hammer_routines, MACHVM__SESSION_HELPER, true, true},
};

/* The caller goes on until it is killed; when it does not, is it because the victim is no more? */
static void require_caller(struct victim *v, pid_t pid, int trouble)
{
	siginfo_t end = {0};

	if (!waitpid(pid, NULL, WNOHANG))
		return;
	waitid(P_PID, (id_t)v->pid, &end, WEXITED | WNOHANG | WNOWAIT);
	REQUIRE(!end.si_pid, "the victim died (%s %d)", end.si_code == CLD_EXITED ? "status" : "signal",
		end.si_status);
	REQUIRE(false, "the caller stopped by itself (%s), and the victim lives", strerror(-trouble));
}

static void one_death(struct victim *v, const struct way *way, uint32_t *sessions, int *trouble)
{
	bool caller = way->caller, helper = way->helper;
	uint32_t before = __atomic_load_n(sessions, __ATOMIC_RELAXED);
	pid_t pid = fork(), tracer = 0;

	REQUIRE(pid >= 0, "fork");
	if (!pid)
		way->hammer(v, way->flags, sessions, trouble);
	while (__atomic_load_n(sessions, __ATOMIC_RELAXED) < before + 2) {
		require_caller(v, pid, *trouble);
		spend_asleep(50000);
	}
	while (helper && !(tracer = child_of(pid)))
		;
	spend(random_below(1500000));
	if (helper)
		kill(tracer, SIGKILL);
	if (helper && caller)
		spend(random_below(20000));
	if (caller)
		kill(pid, SIGKILL);
	if (!caller) {
		/* It must notice, and go on with another helper. */
		before = __atomic_load_n(sessions, __ATOMIC_RELAXED);
		while (__atomic_load_n(sessions, __ATOMIC_RELAXED) < before + 3) {
			require_caller(v, pid, *trouble);
			spend_asleep(50000);
		}
		kill(pid, SIGKILL);
	}
	waitpid(pid, NULL, 0);
	REQUIRE(!*trouble, "the caller had trouble: %s", strerror(-*trouble));
	victim_is_free(v);
	victim_gets_on(v);
}

int main(int argc, char **argv)
{
	static const char *const scenarios[] = {"nanosleep", "spin", "flood", "read"};
	static const unsigned threads[] = {1, 8};
	const struct way *way = NULL;
	uint32_t *sessions =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *trouble = (int *)(void *)(sessions + 16);

	for (unsigned i = 0; argc > 2 && i < sizeof(ways) / sizeof(*ways); i++) {
		if (!strcmp(ways[i].name, argv[1]))
			way = &ways[i];
	}
	if (!way || sessions == MAP_FAILED) {
		fprintf(stderr, "usage: kill WHO VICTIM...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		if (!victim_runs(argv[i]))
			continue;
		for (unsigned j = 0; j < 8; j++) {
			unsigned n = (rounds(48) + 7) / 8;
			struct victim v;

			*sessions = 0;
			victim_start(&v, argv[i], scenarios[j / 2], threads[j % 2]);
			v.shared->lenient = 1;
			for (unsigned k = 0; k < n; k++)
				one_death(&v, way, sessions, trouble);
			victim_finish(&v);
			printf("%s %s %s x%u: %u deaths, %u sessions\n", way->name,
			       name_of(argv[i]),
			       scenarios[j / 2], threads[j % 2], n, *sessions);
			fflush(stdout);
		}
	}
	return 0;
}
