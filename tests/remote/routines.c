/* SPDX-License-Identifier: MIT */
/*
 * routines SCENARIO VICTIM...: the public routines by the hundred against victims that check
 * themselves, from a caller of one thread and from one of two (which traces through its
 * helper). What the routines did is read from /proc by this program, not by the library.
 */
#include "support.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <mach/mach.h>
#include <mach/mach_error.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct tally {
	unsigned done, refused;
};

/* What may be answered besides KERN_SUCCESS. */
typedef bool accepts(kern_return_t kr);

static bool only_success(kern_return_t kr)
{
	(void)kr;
	return false;
}

/* A thread that cannot be stopped just now, or makes no calls for others. */
static bool patience(kern_return_t kr)
{
	return kr == KERN_OPERATION_TIMED_OUT || kr == KERN_DENIED;
}

/* The program is another one each time: what was there a moment ago is not. */
static bool any_change(kern_return_t kr)
{
	return patience(kr) || kr == KERN_ABORTED;
}

static bool refusal(kern_return_t kr)
{
	return kr == KERN_DENIED;
}

/* Ends the program unless the answer is one of those; true when the routine did its work. */
static bool good(kern_return_t kr, accepts *others, const char *routine, struct tally *tally)
{
	tally->done += kr == KERN_SUCCESS;
	tally->refused += kr != KERN_SUCCESS;
	REQUIRE(kr == KERN_SUCCESS || others(kr), "%s: %s at %s (%s)", routine,
		mach_error_string(kr), machvm_last_error()->step, machvm_last_error()->message);
	return kr == KERN_SUCCESS;
}

static void require_protection(struct victim *v, uint64_t address, const char *wanted)
{
	char text[5];

	protection_of(v->pid, address, text);
	REQUIRE(!strncmp(text, wanted, 3), "0x%" PRIx64 " is %s, not %s", address, text, wanted);
}

/* Two pages that differ: whatever is lowered after that is lowered with everybody stopped. */
static void protect_pages(struct victim *v, mach_port_t task, unsigned round, accepts *others,
			  struct tally *tally)
{
	uint64_t page = v->shared->page;

	if (good(mach_vm_protect(task, page, PAGE, 0, round & 1 ? VM_PROT_READ : VM_PROT_NONE),
		 others, "mach_vm_protect", tally))
		require_protection(v, page, round & 1 ? "r--" : "---");
	if (good(mach_vm_protect(task, page, 2 * PAGE, 0, VM_PROT_READ), others, "mach_vm_protect",
		 tally))
		require_protection(v, page + PAGE, "r--");
	(void)good(mach_vm_protect(task, page, 2 * PAGE, 0, VM_PROT_READ | VM_PROT_WRITE), others,
		   "mach_vm_protect", tally);
}

static void use_fresh_memory(struct victim *v, mach_port_t task, unsigned round, accepts *others,
			     struct tally *tally)
{
	uint64_t out = round * UINT64_C(0x9e3779b97f4a7c15), in = 0;
	mach_vm_address_t address = 0;
	mach_vm_size_t count = 0;

	if (!good(mach_vm_allocate(task, &address, 3 * PAGE, VM_FLAGS_ANYWHERE), others,
		  "mach_vm_allocate", tally))
		return;
	if (others == any_change)
		return; /* went away with its program */
	require_protection(v, address, "rw-");
	REQUIRE(!mach_vm_write(task, address + PAGE - 4, (vm_offset_t)&out, sizeof(out)) &&
			!mach_vm_read_overwrite(task, address + PAGE - 4, sizeof(in),
						(mach_vm_address_t)(uintptr_t)&in, &count) &&
			in == out,
		"fresh memory does not keep what is written");
	while (!good(mach_vm_deallocate(task, address, 3 * PAGE), others, "mach_vm_deallocate",
		     tally))
		;
}

static void one_round(struct victim *v, mach_port_t task, unsigned round, accepts *others,
		      struct tally *tally)
{
	static const vm_inherit_t inheritance[] = {VM_INHERIT_NONE, VM_INHERIT_COPY};

	/* No address means the same in the next program. */
	if (others == any_change) {
		use_fresh_memory(v, task, round, others, tally);
		return;
	}
	protect_pages(v, task, round, others, tally);
	if (round % 4 == 1)
		use_fresh_memory(v, task, round, others, tally);
	if (round % 4 == 2)
		(void)good(mach_vm_inherit(task, v->shared->page, PAGE, inheritance[round / 4 % 2]),
			   others, "mach_vm_inherit", tally);
}

static void many_rounds(struct victim *v, unsigned n, accepts *others, struct tally *tally)
{
	mach_port_t task;
	kern_return_t kr = machvm_task_open(v->pidfd, MACHVM_RIGHT_CONTROL, &task);

	REQUIRE(kr == KERN_SUCCESS, "machvm_task_open: %s", mach_error_string(kr));
	for (unsigned i = 0; i < n && !v->shared->errors; i++)
		one_round(v, task, i, others, tally);
	REQUIRE(!mach_port_deallocate(mach_task_self(), task), "mach_port_deallocate");
	victim_is_free(v);
}

static void expect(struct victim *v, unsigned n, accepts *others, struct tally *tally)
{
	many_rounds(v, n, others, tally);
	victim_gets_on(v);
}

static void plain(struct victim *v, unsigned n, struct tally *tally)
{
	expect(v, n, only_success, tally);
}

static void patient(struct victim *v, unsigned n, struct tally *tally)
{
	expect(v, n, patience, tally);
	REQUIRE(tally->done > n / 2, "%u of %u calls succeeded", tally->done, n);
}

static void stormy(struct victim *v, unsigned n, struct tally *tally)
{
	expect(v, n, any_change, tally);
	REQUIRE(tally->done > n / 4, "%u of %u calls succeeded", tally->done, n);
}

/* Served by those who may suspend a filter; everybody else is told, and nothing happens. */
static void filtered(struct victim *v, unsigned n, struct tally *tally)
{
	expect(v, n, geteuid() ? refusal : only_success, tally);
}

static void stopped(struct victim *v, unsigned n, struct tally *tally)
{
	uint64_t before[SHARED_THREADS];

	victim_stop(v);
	memcpy(before, v->shared->progress, sizeof(before));
	many_rounds(v, n, only_success, tally);
	victim_is_stopped(v);
	REQUIRE(!memcmp(before, v->shared->progress, sizeof(before)), "it ran meanwhile");
	kill(v->pid, SIGCONT);
	victim_gets_on(v);
}

/* ---- registers ---- */

struct registers {
	unsigned char general[512], vector[12288];
};

static size_t register_set(int tid, unsigned set, void *data, size_t size)
{
	struct iovec v = {data, size};

	REQUIRE(!ptrace(PTRACE_GETREGSET, tid, set, &v), "register set %x: %s", set,
		strerror(errno));
	return v.iov_len;
}

static void registers_of(int tid, struct registers *r)
{
	int status;

	memset(r, 0, sizeof(*r));
	REQUIRE(!ptrace(PTRACE_SEIZE, tid, 0, 0) && !ptrace(PTRACE_INTERRUPT, tid, 0, 0) &&
			waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status),
		"thread %d does not stop", tid);
	register_set(tid, NT_PRSTATUS, r->general, sizeof(r->general));
	register_set(tid, NT_X86_XSTATE, r->vector, sizeof(r->vector));
	REQUIRE(!ptrace(PTRACE_DETACH, tid, 0, 0), "detach");
}

/* Of every thread; returns how many. */
static unsigned all_registers(int pid, struct registers *r)
{
	unsigned count = 0;
	struct dirent *entry;
	char path[32];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	directory = opendir(path);
	REQUIRE(directory, "%s", path);
	while ((entry = readdir(directory))) {
		if (atoi(entry->d_name) && count < SHARED_THREADS)
			registers_of(atoi(entry->d_name), &r[count++]);
	}
	closedir(directory);
	return count;
}

static void same_registers(const struct registers *a, const struct registers *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		REQUIRE(!memcmp(a[i].general, b[i].general, sizeof(a->general)),
			"general registers of thread %zu differ", i);
		REQUIRE(!memcmp(a[i].vector, b[i].vector, sizeof(a->vector)),
			"vector state of thread %zu differs", i);
	}
}

/* Stopped by job control nobody moves, so that whatever differs was done from outside. */
static void registers(struct victim *v, unsigned n, struct tally *tally)
{
	static struct registers before[SHARED_THREADS], after[SHARED_THREADS];

	victim_stop(v);
	REQUIRE(all_registers(v->pid, before) == v->threads, "a thread is missing");
	many_rounds(v, n, only_success, tally);
	REQUIRE(all_registers(v->pid, after) == v->threads, "a thread is missing");
	same_registers(before, after, v->threads);
	kill(v->pid, SIGCONT);
	victim_gets_on(v);
}

/* ---- traced by somebody else ---- */

static void hold(int pid, int out, int in)
{
	char byte = 0;
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || write(out, &byte, 1) != 1)
		_exit(1);
	(void)!read(in, &byte, 1);
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) || waitpid(pid, &status, __WALL) != pid)
		_exit(1);
	_exit(ptrace(PTRACE_DETACH, pid, 0, 0) ? 1 : 0);
}

/* Whoever has a tracer is left to it, and the answer names the tracer. */
static void traced(struct victim *v, unsigned n, struct tally *tally)
{
	int ready[2], leave[2], status;
	char byte = 0, name[16];
	mach_port_t task;
	pid_t tracer;

	REQUIRE(!machvm_task_open(v->pidfd, MACHVM_RIGHT_CONTROL, &task), "machvm_task_open");
	REQUIRE(!pipe(ready) && !pipe(leave), "pipe");
	tracer = fork();
	if (!tracer) {
		close(leave[1]);
		hold(v->pid, ready[1], leave[0]);
	}
	close(ready[1]);
	REQUIRE(read(ready[0], &byte, 1) == 1, "the tracer does not start");
	snprintf(name, sizeof(name), "%d", tracer);
	for (unsigned i = 0; i < n; i++)
		one_round(v, task, i, refusal, tally);
	victim_gets_on(v);
	REQUIRE(!mach_port_deallocate(mach_task_self(), task), "mach_port_deallocate");
	/* Only what changes nothing is done: the second page is writable already. */
	require_protection(v, v->shared->page, "rw-");
	REQUIRE(tally->refused >= n && strstr(machvm_last_error()->message, name),
		"%u calls refused; the tracer %s is not in \"%s\"", tally->refused, name,
		machvm_last_error()->message);
	REQUIRE(tracer_of(v->pid, v->pid) == tracer, "its tracer lost it");
	REQUIRE(write(leave[1], &byte, 1) == 1 && waitpid(tracer, &status, 0) == tracer && !status,
		"its tracer could not let go");
	close(ready[0]);
	close(leave[0]);
	close(leave[1]);
	expect(v, n, only_success, tally);
}

/* ---- */

static const struct plan {
	const char *name, *victim;
	void (*run)(struct victim *v, unsigned n, struct tally *tally);
	unsigned quick;
} plans[] = {
	{"nanosleep", "nanosleep", plain, 24}, {"poll", "poll", plain, 24},
	{"epoll", "epoll", plain, 24},	       {"read", "read", plain, 24},
	{"futex", "futex", plain, 24},	       {"sigtimedwait", "sigtimedwait", plain, 24},
	{"accept", "accept", plain, 24},       {"spin", "spin", plain, 6},
	{"flood", "flood", plain, 8},	       {"sigtrap", "sigtrap", plain, 24},
	{"timer", "timer", plain, 8},	       {"vfork", "vfork", patient, 24},
	{"exec", "exec", stormy, 24},	       {"stopped", "nanosleep", stopped, 24},
	{"strict", "strict", filtered, 16},    {"filter", "filter", filtered, 24},
	{"dispatch", "dispatch", patient, 24}, {"rseq", "rseq", plain, 8},
	{"fifo", "fifo", plain, 12},	       {"traced", "nanosleep", traced, 12},
	{"registers", "spin", registers, 12},  {"registers-asleep", "poll", registers, 24},
};

static void *idle(void *gate)
{
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	return NULL;
}

static void run(const struct plan *plan, const char *program, unsigned threads, bool alone)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct tally tally = {0};
	struct victim v;
	pthread_t second;

	pthread_mutex_lock(&gate);
	if (!alone)
		REQUIRE(!pthread_create(&second, NULL, idle, &gate), "pthread_create");
	victim_start(&v, program, plan->victim, threads);
	plan->run(&v, rounds(plan->quick), &tally);
	victim_finish(&v);
	pthread_mutex_unlock(&gate);
	if (!alone)
		pthread_join(second, NULL);
	printf("%s %s x%u, %s: %u done, %u refused\n", plan->name,
	       name_of(program), threads,
	       alone ? "by the caller" : "by its helper", tally.done, tally.refused);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct plan *plan = NULL;

	for (unsigned i = 0; argc > 2 && i < sizeof(plans) / sizeof(*plans); i++) {
		if (!strcmp(plans[i].name, argv[1]))
			plan = &plans[i];
	}
	if (!plan) {
		fprintf(stderr, "usage: routines SCENARIO VICTIM...\n");
		return 2;
	}
	require_scenario(plan->name);
	for (int i = 2; i < argc; i++) {
		if (!victim_runs(argv[i]))
			continue;
		for (unsigned j = 0; j < 4; j++)
			run(plan, argv[i], j & 1 ? 8 : 1, j < 2);
	}
	return 0;
}
