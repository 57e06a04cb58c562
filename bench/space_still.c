/* SPDX-License-Identifier: MIT */
/*
 * space_still.c - for how long a target stands still, by its own clock: one of its threads
 * looks at that all the time, and keeps the longest time in which it could not.
 */
#include "space_still.h"

#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "subject.h"

enum { PAGE = 4096, PAGES = 64 };

struct watcher {
	_Atomic uint64_t longest, looks;
};

/* What is changed: pages that the watcher has touched, and its thread. */
struct watched {
	mach_port_t task;
	thread_act_t thread;
	mach_vm_address_t pages, elsewhere; /* two halves */
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

static void good(kern_return_t kr, const char *routine)
{
	if (kr)
		die("%s failed (%d): %s", routine, kr, machvm_last_error()->message);
}

typedef void change(const struct watched *w, unsigned round);

static void change_nothing(const struct watched *w, unsigned round)
{
	good(mach_vm_protect(w->task, w->pages, PAGE, 0, VM_PROT_READ | VM_PROT_WRITE),
	     "mach_vm_protect");
}

static void change_protection(const struct watched *w, unsigned round)
{
	good(mach_vm_protect(w->task, w->pages, PAGE, 0,
			     round & 1 ? VM_PROT_READ | VM_PROT_WRITE : VM_PROT_READ),
	     "mach_vm_protect");
}

static void change_two_pages(const struct watched *w, unsigned round)
{
	good(mach_vm_protect(w->task, w->pages, PAGE, 0, VM_PROT_READ), "mach_vm_protect");
	good(mach_vm_protect(w->task, w->pages, 2 * PAGE, 0,
			     round & 1 ? VM_PROT_NONE : VM_PROT_READ),
	     "mach_vm_protect");
	good(mach_vm_protect(w->task, w->pages, 2 * PAGE, 0, VM_PROT_READ | VM_PROT_WRITE),
	     "mach_vm_protect");
}

static void change_by_allocating(const struct watched *w, unsigned round)
{
	static mach_vm_address_t address;

	good(round & 1 ? mach_vm_deallocate(w->task, address, PAGE)
		       : mach_vm_allocate(w->task, &address, PAGE, VM_FLAGS_ANYWHERE),
	     "mach_vm_allocate");
}

static void change_by_mapping(const struct watched *w, unsigned round)
{
	static mach_vm_address_t address;

	good(round & 1 ? mach_vm_deallocate(w->task, address, PAGE)
		       : mach_vm_map(w->task, &address, PAGE, 0, VM_FLAGS_ANYWHERE, MACH_PORT_NULL,
				     0, 0, VM_PROT_READ, VM_PROT_ALL, VM_INHERIT_COPY),
	     "mach_vm_map");
}

static void remap(const struct watched *w, mach_vm_address_t from, boolean_t copy,
		  mach_vm_address_t *address)
{
	vm_prot_t now, most;

	good(mach_vm_remap(w->task, address, PAGE, 0, VM_FLAGS_ANYWHERE, w->task, from, copy, &now,
			   &most, VM_INHERIT_COPY),
	     "mach_vm_remap");
}

static void change_by_remapping(const struct watched *w, unsigned round)
{
	static mach_vm_address_t address;

	if (round & 1)
		good(mach_vm_deallocate(w->task, address, PAGE), "mach_vm_deallocate");
	else
		remap(w, w->pages, 1, &address);
}

/* Private memory each time: the first time that it is shared it has to be moved. */
static void change_by_sharing(const struct watched *w, unsigned round)
{
	mach_vm_address_t fresh, address;

	good(mach_vm_allocate(w->task, &fresh, PAGE, VM_FLAGS_ANYWHERE), "mach_vm_allocate");
	remap(w, fresh, 0, &address);
	good(mach_vm_deallocate(w->task, fresh, PAGE), "mach_vm_deallocate");
	good(mach_vm_deallocate(w->task, address, PAGE), "mach_vm_deallocate");
}

static void change_inheritance(const struct watched *w, unsigned round)
{
	good(mach_vm_inherit(w->task, w->pages, PAGE,
			     round & 1 ? VM_INHERIT_COPY : VM_INHERIT_NONE),
	     "mach_vm_inherit");
}

static void change_wiring(const struct watched *w, unsigned round)
{
	good(mach_vm_wire(mach_host_self(), w->task, w->pages, PAGE,
			  round & 1 ? VM_PROT_NONE : VM_PROT_READ),
	     "mach_vm_wire");
}

static void change_behavior(const struct watched *w, unsigned round)
{
	good(mach_vm_behavior_set(w->task, w->pages, PAGE, VM_BEHAVIOR_WILLNEED),
	     "mach_vm_behavior_set");
}

static void change_by_copying(const struct watched *w, unsigned round)
{
	good(mach_vm_copy(w->task, w->pages, PAGES / 2 * PAGE, w->elsewhere), "mach_vm_copy");
}

static void change_in_one_stop(const struct watched *w, unsigned round)
{
	static const char bytes[PAGE];

	good(machvm_write(w->task, w->pages, bytes, sizeof bytes, MACHVM_STOP), "machvm_write");
}

static void change_nothing_but_time(const struct watched *w, unsigned round)
{
	good(task_suspend(w->task), "task_suspend");
	good(task_resume(w->task), "task_resume");
}

static void change_no_register(const struct watched *w, unsigned round)
{
	x86_thread_state64_t state;
	mach_msg_type_number_t count = x86_THREAD_STATE64_COUNT;

	good(thread_get_state(w->thread, x86_THREAD_STATE64, (thread_state_t)&state, &count),
	     "thread_get_state");
}

static void stand_still(struct watcher *w, const struct watched *target, const char *name,
			change *run)
{
	enum { ROUNDS = 1000 };
	static double ns[ROUNDS];
	uint64_t until = now_ns() + UINT64_C(2000000000);
	unsigned rounds = 0;

	for (; rounds < ROUNDS && (rounds < 20 || now_ns() < until); rounds++) {
		let_look(w);
		atomic_store(&w->longest, 0);
		run(target, rounds);
		let_look(w);
		ns[rounds] = (double)atomic_load(&w->longest);
	}
	row_print_still(&(struct row){"the target stands still", name, GOAL_NONE, 0, NULL}, ns,
			rounds);
}

static const struct {
	const char *name;
	change *run;
} changes[] = {
	{"(never stopped: what the machine takes)", change_nothing},
	{"mach_vm_protect, one page", change_protection},
	{"mach_vm_protect, two that differ", change_two_pages},
	{"mach_vm_allocate, _deallocate", change_by_allocating},
	{"mach_vm_map, _deallocate", change_by_mapping},
	{"mach_vm_remap of a copy, _deallocate", change_by_remapping},
	{"mach_vm_remap, shared: private memory is moved", change_by_sharing},
	{"mach_vm_inherit", change_inheritance},
	{"mach_vm_wire", change_wiring},
	{"mach_vm_behavior_set", change_behavior},
	{"mach_vm_copy of 128 KiB (never stopped)", change_by_copying},
	{"machvm_write of a page, MACHVM_STOP", change_in_one_stop},
	{"task_suspend, task_resume", change_nothing_but_time},
	{"thread_get_state", change_no_register},
};

static thread_act_t first_thread(mach_port_t task)
{
	mach_msg_type_number_t count;
	thread_act_array_t list;
	thread_act_t first;

	good(task_threads(task, &list, &count), "task_threads");
	first = list[0];
	mach_vm_deallocate(mach_task_self(), (mach_vm_address_t)(uintptr_t)list,
			   count * sizeof *list);
	return first;
}

void space_stand_still(cpu_set_t cpus)
{
	struct watcher *w =
		mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct watched target = {.pages = (uintptr_t)own_memory(PAGES * PAGE)};
	pid_t pid;

	target.elsewhere = target.pages + PAGES / 2 * PAGE;
	if (w == MAP_FAILED)
		die("mmap");
	pid = fork();
	if (pid == 0)
		watch(w);
	if (pid < 0 || sched_setaffinity(pid, sizeof cpus, &cpus) ||
	    task_for_pid(mach_task_self(), pid, &target.task))
		die("no task for the watcher");
	target.thread = first_thread(target.task);
	for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++)
		stand_still(w, &target, changes[i].name, changes[i].run);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	mach_port_deallocate(mach_task_self(), target.thread);
	mach_port_deallocate(mach_task_self(), target.task);
}
