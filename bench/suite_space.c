/* SPDX-License-Identifier: MIT */
/*
 * suite_space.c - changing another process's address space: vm_protect of a page against
 * those who do it with less care, and for how long the target stands still.
 *
 * The bare sequence is what any remote call costs at least; the goal for a session of its
 * own is 15 us where that takes 11.5.
 */
#include <inttypes.h>
#include <mach/mach_vm.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debuggers.h"
#include "measure.h"
#include "stopper.h"
#include "subject.h"
#include "suites.h"

enum { PAGE = 4096 };

struct targets {
	struct subject ours, theirs, gdbs;
	uint64_t instruction;
	struct talk gdb;
	bool writable;
};

static int protection(struct targets *t)
{
	t->writable = !t->writable;
	return t->writable ? PROT_READ | PROT_WRITE : PROT_READ;
}

static void by_machvm(void *context, unsigned repetitions)
{
	struct targets *t = context;

	while (repetitions--)
		if (mach_vm_protect(t->ours.task, t->ours.address, PAGE, 0, protection(t)))
			die("mach_vm_protect failed");
}

static void by_bare_calls(void *context, unsigned repetitions)
{
	struct targets *t = context;

	while (repetitions--)
		stopper_bare(t->theirs.pid, t->instruction, t->theirs.address, protection(t));
}

static void by_parasite(void *context, unsigned repetitions)
{
	struct targets *t = context;

	while (repetitions--)
		stopper_parasite(t->theirs.pid, t->instruction, t->theirs.address, protection(t));
}

static void by_gdb(void *context, unsigned repetitions)
{
	struct targets *t = context;
	char command[128];

	while (repetitions--) {
		snprintf(command, sizeof command,
			 "print ((int (*)(void *, long, int))mprotect)((void *)0x%" PRIx64
			 ", %d, %d)",
			 t->gdbs.address, PAGE, protection(t));
		gdb_do(&t->gdb, command);
	}
}

static void together(pid_t pid)
{
	cpu_set_t mine;

	if (sched_getaffinity(0, sizeof mine, &mine) || sched_setaffinity(pid, sizeof mine, &mine))
		die("sched_setaffinity");
}

static void against(struct targets *t, const char *group)
{
	static const struct side sides[] = {{"mach_vm_protect", by_machvm},
					    {"seize, interrupt, call, detach", by_bare_calls},
					    {"as compel does", by_parasite}};
	struct samples samples;

	measure(&samples, sides, 3, t, 3);
	row_print(&(struct row){group, "vm_protect of a page", GOAL_RATIO, 1.3,
				"nothing is saved from harm there"},
		  &samples, sides, 0, 1);
	row_print(&(struct row){group, "vm_protect of a page", GOAL_RATIO, 1.0,
				"all threads stopped, a blob mapped, copied, run and unmapped"},
		  &samples, sides, 0, 2);
	measure_free(&samples);
}

static void against_gdb(struct targets *t)
{
	static const struct side sides[] = {{"mach_vm_protect", by_machvm}, {"gdb", by_gdb}};
	struct samples samples;

	if (gdb_start(&t->gdb, t->gdbs.pid)) {
		fputs("bench: gdb is not installed: not measured\n", stderr);
		return;
	}
	measure(&samples, sides, 2, t, 3);
	row_print(&(struct row){"vm_protect in another process", "vm_protect of a page", GOAL_RATIO,
				1.0, "'call mprotect(...)' in a gdb that is attached already"},
		  &samples, sides, 0, 1);
	measure_free(&samples);
	talk_end(&t->gdb);
}

/* ---- standing still ---- */

/* A thread that looks at the clock all the time knows when it did not. */
struct watcher {
	_Atomic uint64_t longest, looks;
	unsigned char pages[2 * PAGE] __attribute__((aligned(PAGE)));
};

static void watch(struct watcher *w)
{
	uint64_t last = now_ns();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		uint64_t now = now_ns();

		if (now - last > atomic_load_explicit(&w->longest, memory_order_relaxed))
			atomic_store_explicit(&w->longest, now - last, memory_order_relaxed);
		atomic_fetch_add_explicit(&w->looks, 1, memory_order_relaxed);
		last = now;
	}
}

static void let_look(struct watcher *w)
{
	uint64_t looks = atomic_load(&w->looks);

	while (atomic_load(&w->looks) < looks + 3)
		;
}

typedef void change(mach_port_t task, mach_vm_address_t page, unsigned round);

static void change_nothing(mach_port_t task, mach_vm_address_t page, unsigned round)
{
	mach_vm_protect(task, page, PAGE, 0, VM_PROT_READ | VM_PROT_WRITE);
}

static void change_protection(mach_port_t task, mach_vm_address_t page, unsigned round)
{
	if (mach_vm_protect(task, page, PAGE, 0, round & 1 ? VM_PROT_READ | VM_PROT_WRITE : 1))
		die("mach_vm_protect failed");
}

static void change_two_pages(mach_port_t task, mach_vm_address_t page, unsigned round)
{
	if (mach_vm_protect(task, page, PAGE, 0, VM_PROT_READ) ||
	    mach_vm_protect(task, page, 2 * PAGE, 0, round & 1 ? VM_PROT_NONE : VM_PROT_READ) ||
	    mach_vm_protect(task, page, 2 * PAGE, 0, VM_PROT_READ | VM_PROT_WRITE))
		die("mach_vm_protect failed");
}

static void change_by_allocating(mach_port_t task, mach_vm_address_t page, unsigned round)
{
	static mach_vm_address_t address;

	if (round & 1 ? mach_vm_deallocate(task, address, PAGE)
		      : mach_vm_allocate(task, &address, PAGE, VM_FLAGS_ANYWHERE))
		die("mach_vm_allocate failed");
}

static void change_inheritance(mach_port_t task, mach_vm_address_t page, unsigned round)
{
	if (mach_vm_inherit(task, page, PAGE, round & 1 ? VM_INHERIT_COPY : VM_INHERIT_NONE))
		die("mach_vm_inherit failed");
}

static void change_wiring(mach_port_t task, mach_vm_address_t page, unsigned round)
{
	if (mach_vm_wire(mach_host_self(), task, page, PAGE,
			 round & 1 ? VM_PROT_NONE : VM_PROT_READ))
		die("mach_vm_wire failed");
}

static void change_behavior(mach_port_t task, mach_vm_address_t page, unsigned round)
{
	if (mach_vm_behavior_set(task, page, PAGE, VM_BEHAVIOR_WILLNEED))
		die("mach_vm_behavior_set failed");
}

static void stand_still(struct watcher *w, mach_port_t task, mach_vm_address_t pages,
			const char *name, change *run)
{
	enum { ROUNDS = 1000 };
	static double ns[ROUNDS];
	uint64_t until = now_ns() + UINT64_C(2000000000);
	unsigned rounds = 0;

	for (; rounds < ROUNDS && (rounds < 20 || now_ns() < until); rounds++) {
		let_look(w);
		atomic_store(&w->longest, 0);
		run(task, pages, rounds);
		let_look(w);
		ns[rounds] = (double)atomic_load(&w->longest);
	}
	row_print_still(&(struct row){"the target stands still", name, GOAL_NONE, 0, NULL}, ns,
			rounds);
}

static void still(cpu_set_t elsewhere)
{
	static const struct {
		const char *name;
		change *run;
	} changes[] = {
		{"(never stopped: what the machine takes)", change_nothing},
		{"mach_vm_protect, one page", change_protection},
		{"mach_vm_protect, two that differ", change_two_pages},
		{"mach_vm_allocate, _deallocate", change_by_allocating},
		{"mach_vm_inherit", change_inheritance},
		{"mach_vm_wire", change_wiring},
		{"mach_vm_behavior_set", change_behavior},
	};
	struct watcher *w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mach_vm_address_t pages = (uintptr_t)own_memory(2 * PAGE);
	mach_port_t task;
	pid_t pid;

	if (w == MAP_FAILED)
		die("mmap");
	pid = fork();
	if (pid == 0)
		watch(w);
	if (pid < 0 || sched_setaffinity(pid, sizeof elsewhere, &elsewhere) ||
	    task_for_pid(mach_task_self(), pid, &task))
		die("no task for the watcher");
	for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++)
		stand_still(w, task, pages, changes[i].name, changes[i].run);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	mach_port_deallocate(mach_task_self(), task);
}

void suite_space(const struct settings *settings)
{
	static struct targets t;
	cpu_set_t elsewhere;

	subject_memory(&t.ours, PAGE);
	subject_memory(&t.theirs, PAGE);
	subject_memory(&t.gdbs, PAGE);
	t.instruction = stopper_instruction(t.theirs.pid);
	sched_getaffinity(t.ours.pid, sizeof elsewhere, &elsewhere);
	against(&t, "vm_protect in another process, on another CPU");
	together(t.ours.pid);
	together(t.theirs.pid);
	against(&t, "vm_protect in another process, on the same CPU");
	against_gdb(&t);
	still(elsewhere);
	subject_end(&t.ours);
	subject_end(&t.theirs);
	subject_end(&t.gdbs);
}
