/* SPDX-License-Identifier: MIT */
/*
 * A caller who runs out: of memory at every single allocation, of descriptors at every
 * number of them, and of patience with signals. The same scenario is run over and
 * over, with the n-th allocation failing; each answer is right or says what is short, and
 * afterwards nothing is left behind and the victim has what it should.
 *
 * The library is linked into this program, so that its allocations can be refused.
 */
#include "ground.h"
#include "refuse.h"
#include "travel.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/vm_behavior.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define BASE 0x100000000000u

/* The allocations of this thread are counted while a scenario runs; one of them fails. */
static _Thread_local bool counting;
static _Thread_local unsigned long allocation, failing;
static unsigned long refusals;

static bool refuse_allocation(void)
{
	if (!counting || ++allocation != failing)
		return false;
	refusals++;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size)
{
	return refuse_allocation() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return refuse_allocation() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return refuse_allocation() ? NULL : __real_realloc(old, size);
}

void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return refuse_allocation() ? MAP_FAILED : __real_mmap64(at, size, prot, flags, fd, offset);
}

/* What a scenario works on. */
static struct ground ground;
static uint8_t local[5 * PAGE];

/* Which answers are honest when something is short. */
static bool strict;

static bool honest(kern_return_t kr)
{
	return kr == KERN_SUCCESS || (!strict && kr == KERN_RESOURCE_SHORTAGE);
}

#define expect_honest(kr) harness_expect_honest(__LINE__, #kr, (kr))

static kern_return_t harness_expect_honest(int line, const char *call, kern_return_t kr)
{
	bool was = counting;

	counting = false;
	if (!honest(kr))
		harness_expect_code(__FILE__, line, call, kr,
				    strict ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE);
	counting = was;
	return kr;
}

static int end_walk(const struct machvm_region *region, void *context)
{
	unsigned *seen = context;

	return ++*seen == 3;
}

static void try_writes(mach_port_t task, uint8_t fill)
{
	static const struct {
		uint64_t at;
		size_t size;
		unsigned flags;
	} writes[] = {{BASE + 8, 8, 0},
		      {BASE + PAGE - 8, 16, 0},
		      {BASE + 100, 4 * PAGE, 0},
		      {BASE + 10, 3 * PAGE, MACHVM_TRANSACTION},
		      {BASE + 5, 2 * PAGE, MACHVM_FORCE},
		      {BASE + 9, 2 * PAGE, MACHVM_NOWAIT}};

	for (unsigned i = 0; i < ARRAY_SIZE(writes); i++) {
		memset(local, fill + (int)i, sizeof(local));
		if (expect_honest(machvm_write(task, writes[i].at, local, writes[i].size,
					       writes[i].flags)) == KERN_SUCCESS)
			memcpy(ground_expect(&ground, writes[i].at), local, writes[i].size);
	}
	if (expect_honest(mach_vm_copy(task, BASE + 3, 3 * PAGE, BASE + PAGE)) == KERN_SUCCESS)
		memmove(ground_expect(&ground, BASE + PAGE), ground_expect(&ground, BASE + 3), 3 * PAGE);
}

static void try_reads(mach_port_t task)
{
	vm_offset_t data = 0;
	mach_msg_type_number_t count = 0;

	if (expect_honest(machvm_read(task, BASE + 50, local, 4 * PAGE, 0)) == KERN_SUCCESS &&
	    memcmp(local, ground_expect(&ground, BASE + 50), 4 * PAGE) != 0)
		fail_case("what was read is not what is there");
	expect_honest(machvm_read(task, BASE + 50, local, 3 * PAGE, MACHVM_TRANSACTION));
	if (expect_honest(mach_vm_read(task, BASE + 7, 2 * PAGE, &data, &count)) == KERN_SUCCESS)
		mach_vm_deallocate(mach_task_self(), data, count);
}

static void try_looks(mach_port_t task)
{
	struct vm_region_extended_info extended;
	struct vm_region_basic_info_64 basic;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
	integer_t disposition, references;
	mach_vm_address_t at = BASE;
	mach_vm_size_t size;
	mach_port_t object;
	unsigned seen = 0;

	expect_honest(mach_vm_region(task, &at, &size, VM_REGION_BASIC_INFO_64,
				     (vm_region_info_t)&basic, &count, &object));
	count = VM_REGION_EXTENDED_INFO_COUNT;
	at = BASE;
	expect_honest(mach_vm_region(task, &at, &size, VM_REGION_EXTENDED_INFO,
				     (vm_region_info_t)&extended, &count, &object));
	expect_honest(mach_vm_page_query(task, BASE, &disposition, &references));
	expect_honest(machvm_region_walk(task, 0, ~0ull, end_walk, &seen));
}

static void try_lists(mach_port_t task, uint8_t fill)
{
	struct machvm_range list[] = {{BASE + 20, local, 100, 0},
				      {BASE + 2 * PAGE, local, 3 * PAGE, 0}};
	unsigned flags = fill % 2 ? MACHVM_TRANSACTION : 0;

	memset(local, fill, sizeof(local));
	if (expect_honest(machvm_write_list(task, list, 2, flags)) == KERN_SUCCESS)
		for (unsigned i = 0; i < 2; i++)
			memcpy(ground_expect(&ground, list[i].address), local, list[i].size);
	expect_honest(machvm_read_list(task, list, 2, 0));
}

static int take_match(void *context, mach_vm_address_t address)
{
	return 0;
}

static void try_search(mach_port_t task)
{
	struct machvm_range where = {.address = BASE, .size = 8 * PAGE};
	struct machvm_find find = {.bytes = "scarce",
				   .size = 6,
				   .ranges = &where,
				   .range_count = 1,
				   .match = take_match};

	expect_honest(machvm_find(task, &find));
}

/* Memory that comes and goes, and what stays as it was in the end. */
static void try_changes(mach_port_t task)
{
	mach_vm_address_t there = BASE + 16 * PAGE, again = BASE + 20 * PAGE;
	vm_prot_t current, maximum;

	expect_honest(mach_vm_protect(task, BASE, PAGE, 0, VM_PROT_READ));
	while (expect_honest(mach_vm_protect(task, BASE, PAGE, 0, VM_PROT_DEFAULT)) != KERN_SUCCESS)
		;
	if (expect_honest(mach_vm_allocate(task, &there, 2 * PAGE, VM_FLAGS_FIXED)) != KERN_SUCCESS)
		return;
	expect_honest(mach_vm_protect(task, there, PAGE, 1, VM_PROT_DEFAULT));
	expect_honest(mach_vm_behavior_set(task, there, PAGE, VM_BEHAVIOR_RANDOM));
	expect_honest(mach_vm_inherit(task, there, PAGE, VM_INHERIT_SHARE));
	if (expect_honest(mach_vm_remap(task, &again, PAGE, 0, 0, task, there, 1, &current,
					&maximum, 1)) == KERN_SUCCESS)
		while (expect_honest(mach_vm_deallocate(task, again, PAGE)) != KERN_SUCCESS)
			;
	while (expect_honest(mach_vm_deallocate(task, there, 2 * PAGE)) != KERN_SUCCESS)
		;
}

static void try_stops(mach_port_t task)
{
	thread_act_array_t threads;
	mach_msg_type_number_t count;

	if (expect_honest(task_suspend(task)) == KERN_SUCCESS) {
		try_writes(task, 0x40);
		while (expect_honest(task_resume(task)) != KERN_SUCCESS)
			;
	}
	if (expect_honest(task_threads(task, &threads, &count)) != KERN_SUCCESS)
		return;
	for (unsigned i = 0; i < count; i++)
		mach_port_deallocate(mach_task_self(), threads[i]);
	mach_vm_deallocate(mach_task_self(), (uintptr_t)threads, count * sizeof(*threads));
}

/* To ourselves, through a socket. */
static void try_travel(mach_port_t task)
{
	mach_port_t port = MACH_PORT_NULL;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return;
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	if (expect_honest(machvm_task_send(ends[0], task, MACHVM_RIGHT_CONTROL)) == KERN_SUCCESS &&
	    expect_honest(machvm_task_receive(ends[1], &port)) == KERN_SUCCESS) {
		try_writes(port, 0x80);
		try_reads(port);
		try_looks(port);
		mach_port_deallocate(mach_task_self(), port);
	}
	close(ends[0]);
	close(ends[1]);
}

/* Everything from opening to letting go. */
static void run_scenario(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, ground.victim->pid, 0);
	mach_port_t task = MACH_PORT_NULL;
	char path[32];

	if (pidfd < 0 && refused("pidfd")) {
		snprintf(path, sizeof(path), "/proc/%d", ground.victim->pid);
		pidfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (pidfd < 0)
		return;
	allocation = 0;
	counting = true;
	if (expect_honest(machvm_task_open(pidfd, MACHVM_RIGHT_CONTROL, &task)) == KERN_SUCCESS) {
		try_writes(task, 0x10);
		try_reads(task);
		try_looks(task);
		try_lists(task, 0x61);
		try_lists(task, 0x62);
		try_search(task);
		try_changes(task);
		try_stops(task);
		if (travel_possible())
			try_travel(task);
		mach_port_deallocate(mach_task_self(), task);
	}
	counting = false;
	close(pidfd);
}

/* The second run finds everything that is made once. */
static void settle(void)
{
	ground_open(&ground, PLACE_VICTIM, 8);
	task_drop(ground.task);
	ground_lay(&ground, 0, 8, "rw");
	strict = true;
	failing = 0;
	run_scenario();
	run_scenario();
	ground_verify(&ground);
}

struct things {
	unsigned descriptors, mappings, threads;
};

static struct things count_things(void)
{
	return (struct things){count_descriptors(), count_mappings(), count_threads()};
}

static void expect_things(const struct things *before)
{
	struct things now = count_things();

	expect_number(now.descriptors, before->descriptors);
	expect_number(now.mappings, before->mappings);
	expect_number(now.threads, before->threads);
}

static void failing_allocation_is_a_shortage_wherever_it_is(void **state)
{
	struct things before;
	unsigned long n;

	settle();
	before = count_things();
	strict = false;
	refusals = 0;
	for (n = 1;; n++) {
		unsigned long had = refusals;

		failing = n;
		trying("allocation %lu fails", n);
		run_scenario();
		if (refusals == had)
			break;
		if (n % 8 == 0)
			ground_verify(&ground);
	}
	failing = 0;
	ground_verify(&ground);
	expect_things(&before);
	assert_true(refusals > 5);
	print_message("%lu allocations were refused, one after the other\n", refusals);
}

/* With room for none, for one, for two ... and for all that is needed. */
static void missing_descriptors_are_a_shortage_however_many_there_are(void **state)
{
	struct rlimit old, tight;
	struct things before;
	int plugs[256];

	settle();
	before = count_things();
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = 128;
	for (unsigned room = 0; room < 40; room++) {
		unsigned used = 0;

		setrlimit(RLIMIT_NOFILE, &tight);
		while (used < ARRAY_SIZE(plugs) && (plugs[used] = dup(0)) >= 0)
			used++;
		for (unsigned i = 0; i < room && used > 0; i++)
			close(plugs[--used]);
		strict = false;
		trying("room for %u descriptors", room);
		run_scenario();
		while (used > 0)
			close(plugs[--used]);
		setrlimit(RLIMIT_NOFILE, &old);
		ground_verify(&ground);
		expect_things(&before);
	}
}

static volatile sig_atomic_t rings;

static void ring(int signal)
{
	rings++;
}

/* Handlers that do not restart calls, as often as the machine bears it. */
static void signals_change_no_answer(void **state)
{
	struct sigaction action = {.sa_handler = ring}, old;
	struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	struct things before;

	settle();
	before = count_things();
	sigaction(SIGALRM, &action, &old);
	for (unsigned i = 0; i < 200; i++) {
		setitimer(ITIMER_REAL, &often, NULL);
		run_scenario();
		/* The victim is talked to in peace: the harness does not expect signals. */
		setitimer(ITIMER_REAL, &never, NULL);
		if (i % 20 == 0)
			ground_verify(&ground);
	}
	sigaction(SIGALRM, &old, NULL);
	ground_verify(&ground);
	expect_things(&before);
	print_message("%d signals\n", (int)rings);
}

static const struct CMUnitTest tests[] = {
	TEST(failing_allocation_is_a_shortage_wherever_it_is),
	TEST(missing_descriptors_are_a_shortage_however_many_there_are),
	TEST(signals_change_no_answer),
};

HARNESS_MAIN(tests)
