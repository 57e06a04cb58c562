/* SPDX-License-Identifier: MIT */
/*
 * Where a change comes to its limits half-way, and several callers at once: what
 * fails has changed nothing, and nobody's change is lost.
 */
#include "layout.h"
#include "pattern.h"

#include <mach/vm_statistics.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STRIPES 0x300000000000u /* where the map is filled */

static struct ground ground;

static kern_return_t protect(unsigned page, unsigned pages, vm_prot_t protection)
{
	return mach_vm_protect(ground.task, ground.base + page * PAGE, pages * PAGE, 0, protection);
}

/* ---- the limit on mappings ---- */

static unsigned long limit(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	unsigned long count = 0;

	if (!file || fscanf(file, "%lu", &count) != 1)
		fail_case("cannot read the limit on mappings");
	fclose(file);
	return count;
}

/* Regions of the owner; the gate of old system calls is listed and is none. */
static unsigned long regions(void)
{
	char path[64], line[512];
	unsigned long count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", ground.victim->pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, "[vsyscall]") == NULL;
	if (file)
		fclose(file);
	return count;
}

/* Most of it once, and the rest beside it again and again. */
#define ROOM 200u

static uint64_t rest(void)
{
	return STRIPES + 2 * limit() * PAGE;
}

static void make_room(void)
{
	victim_ask(ground.victim, "unmap %llx %zx", (unsigned long long)rest(), ROOM * PAGE);
}

/* Fills the owner's map so that `left` more regions can be made by splitting others. */
static void fill(unsigned long left)
{
	unsigned long wanted = limit() - left;

	make_room();
	victim_ask(ground.victim, "stripes %llx %lx", (unsigned long long)rest(),
		   wanted - regions());
	expect_number(regions(), wanted);
}

static void open_crowded(void)
{
	if (limit() > 200000)
		harness_skip("the limit on mappings is %lu", limit());
	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	victim_ask(ground.victim, "stripes %llx %lx", (unsigned long long)STRIPES,
		   limit() - regions() - ROOM / 2);
}

/* Two regions are to be split, and there is room for one part only. */
static void protect_that_runs_out_of_mappings_is_taken_back(void **state)
{
	open_crowded();
	ground_lay(&ground, 1, 2, "rw");
	ground_lay(&ground, 3, 2, "file-rx");
	fill(1);
	expect_code(protect(2, 2, 1), KERN_RESOURCE_SHORTAGE);
	expect_layout(&ground, ".3355...........");
	ground_verify(&ground);
	expect_number(regions(), limit() - 1);
	fill(2);
	expect_code(protect(2, 2, 1), KERN_SUCCESS);
	expect_layout(&ground, ".3115...........");
	ground_verify(&ground);
	ground_close(&ground);
}

/* Each of several calls that one protect needs may be the one that finds no room. */
static void maximum_that_runs_out_of_mappings_is_taken_back(void **state)
{
	open_crowded();
	for (unsigned left = 0; left < 5; left++) {
		kern_return_t kr;

		make_room();
		ground_lay(&ground, 1, 2, "rw");
		ground_lay(&ground, 3, 1, "file-rw");
		ground_lay(&ground, 4, 2, "rx");
		fill(left);
		trying("room for %u", left);
		kr = mach_vm_protect(ground.task, ground.base + 2 * PAGE, 3 * PAGE, 1, 1);
		if (kr == KERN_SUCCESS) {
			expect_layout(&ground, ".31115..........");
			make_room();
			expect_code(protect(2, 1, 3), KERN_PROTECTION_FAILURE);
			/* The next round begins with other memory. */
			ground_lay(&ground, 1, 5, "shared-rw");
		} else {
			expect_code(kr, KERN_RESOURCE_SHORTAGE);
			expect_layout(&ground, ".33355..........");
			/* Nor is there a smaller maximum. */
			fill(20);
			expect_code(protect(2, 1, 7), KERN_SUCCESS);
		}
		ground_verify(&ground);
	}
	ground_close(&ground);
}

static void copy_that_runs_out_of_mappings_changes_nothing(void **state)
{
	bool done = false;

	open_crowded();
	for (unsigned left = 0; !done && left < 40; left++) {
		kern_return_t kr;

		make_room();
		ground_lay(&ground, 1, 2, "shared-ro");
		ground_lay(&ground, 3, 1, "rx");
		ground_lay(&ground, 4, 2, "shared-rw");
		fill(left);
		trying("room for %u", left);
		kr = protect(2, 3, 3 | VM_PROT_COPY);
		done = kr == KERN_SUCCESS;
		if (!done)
			expect_code(kr, KERN_RESOURCE_SHORTAGE);
		expect_layout(&ground, done ? ".b333d.........." : ".bb5dd..........");
		if (!done)
			expect_number(regions(), limit() - left);
		ground_verify(&ground);
	}
	if (!done)
		fail_case("room for 40 regions is not enough");
	ground_close(&ground);
}

static void deallocate_that_runs_out_of_mappings_changes_nothing(void **state)
{
	open_crowded();
	ground_lay(&ground, 0, 5, "rw");
	fill(0);
	expect_code(mach_vm_deallocate(ground.task, ground.base + 2 * PAGE, PAGE),
		    KERN_RESOURCE_SHORTAGE);
	expect_layout(&ground, "33333...........");
	ground_verify(&ground);
	ground_close(&ground);
}

static void allocate_that_runs_out_of_mappings_changes_nothing(void **state)
{
	mach_vm_address_t address;
	unsigned long before;

	open_crowded();
	ground_lay(&ground, 0, 2, "ro");
	fill(0);
	/* The kernel lets one more in than it splits (do_mmap, mm/mmap.c). */
	address = ground.base + 4 * PAGE;
	(void)!mach_vm_allocate(ground.task, &address, PAGE, VM_FLAGS_FIXED);
	before = regions();
	address = ground.base + 6 * PAGE;
	expect_code(mach_vm_allocate(ground.task, &address, PAGE, VM_FLAGS_FIXED),
		    KERN_RESOURCE_SHORTAGE);
	expect_number(address, ground.base + 6 * PAGE);
	expect_layout_at(&ground, ground.base + 5 * PAGE, "...........");
	expect_number(regions(), before);
	ground_close(&ground);
}

/* ---- a seal in the middle ---- */

static void copy_over_a_seal_changes_nothing(void **state)
{
	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, GROUND_PAGES);
		trying("%s", ground.name);
		ground_lay(&ground, 1, 2, "shared-ro");
		ground_lay(&ground, 4, 1, "shared-rw");
		if (ground_lay(&ground, 3, 1, "sealed-ro")) {
			expect_code(protect(1, 4, 3 | VM_PROT_COPY), KERN_PROTECTION_FAILURE);
			expect_layout(&ground, ".bb1d...........");
			ground_verify(&ground);
		}
		ground_close(&ground);
	}
}

/* ---- memory that somebody else holds on to ---- */

static void memory_registered_with_io_uring_is_not_moved(void **state)
{
	mach_vm_address_t address = 0;
	vm_prot_t current, maximum;
	unsigned long long pinned;

	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	ground_lay(&ground, 0, 6, "rw");
	pinned = ground.base + 3 * PAGE;
	if (victim_try(ground.victim, "pin %llx %zx", pinned, PAGE) != 0) {
		ground_close(&ground);
		skip();
	}
	expect_code(mach_vm_inherit(ground.task, ground.base + PAGE, 4 * PAGE, VM_INHERIT_SHARE),
		    KERN_NOT_SUPPORTED);
	expect_detail(KERN_NOT_SUPPORTED, pinned);
	expect_code(mach_vm_remap(ground.task, &address, 4 * PAGE, 0, VM_FLAGS_ANYWHERE, ground.task,
				  ground.base + PAGE, 0, &current, &maximum, VM_INHERIT_NONE),
		    KERN_NOT_SUPPORTED);
	expect_layout(&ground, "333333..........");
	ground_verify(&ground);
	/* The pages beside it can be. */
	expect_code(mach_vm_inherit(ground.task, ground.base, 3 * PAGE, VM_INHERIT_SHARE),
		    KERN_SUCCESS);
	expect_layout(&ground, "ddd333..........");
	ground_verify(&ground);
	ground_close(&ground);
}

/* ---- superpages ---- */

static void superpages_are_whole_or_refused(void **state)
{
	static const size_t super = 2 << 20;

	for (enum place place = 0; place < place_count(); place++) {
		mach_vm_address_t address = 0;
		kern_return_t kr;

		ground_open(&ground, place, GROUND_PAGES);
		trying("%s", ground.name);
		expect_code(mach_vm_allocate(ground.task, &address, super + PAGE,
					     VM_FLAGS_ANYWHERE | VM_FLAGS_SUPERPAGE_SIZE_2MB),
			    KERN_INVALID_ARGUMENT);
		expect_code(mach_vm_allocate(ground.task, &address, super,
					     VM_FLAGS_ANYWHERE | VM_FLAGS_PURGABLE |
						     VM_FLAGS_SUPERPAGE_SIZE_2MB),
			    KERN_INVALID_ARGUMENT);
		expect_number(address, 0);
		kr = mach_vm_allocate(ground.task, &address, super,
				      VM_FLAGS_ANYWHERE | VM_FLAGS_SUPERPAGE_SIZE_2MB);
		/* Most machines have set none aside. */
		if (kr != KERN_SUCCESS) {
			expect_code(kr, KERN_RESOURCE_SHORTAGE);
			expect_number(address, 0);
		} else {
			expect_number(address % super, 0);
			assert_true(layout_has_flag(&ground, address, "ht"));
			/* A region is judged by its own page size. */
			expect_code(mach_vm_protect(ground.task, address + PAGE, 1, 0, 1),
				    KERN_SUCCESS);
			expect_layout_at(&ground, address + super - PAGE, "1");
			expect_code(mach_vm_deallocate(ground.task, address, super), KERN_SUCCESS);
			expect_layout_at(&ground, address, ".");
		}
		ground_close(&ground);
	}
}

/* ---- several callers ---- */

#define CALLERS 4u
#define ROUNDS  150u

struct caller {
	mach_port_t task;
	uint64_t base; /* four pages of its own, in one region with everybody else's */
	unsigned failures;
};

static void *change(void *argument)
{
	struct caller *caller = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		mach_vm_address_t fixed = caller->base + 3 * PAGE, anywhere = 0;

		caller->failures +=
			mach_vm_protect(caller->task, caller->base, PAGE, 0, i % 2 ? 3 : 1) ||
			mach_vm_protect(caller->task, caller->base + PAGE, PAGE, 0, i % 2 ? 5 : 3) ||
			mach_vm_deallocate(caller->task, fixed, PAGE) ||
			mach_vm_allocate(caller->task, &fixed, PAGE, VM_FLAGS_FIXED) ||
			mach_vm_allocate(caller->task, &anywhere, PAGE, VM_FLAGS_ANYWHERE) ||
			mach_vm_deallocate(caller->task, anywhere, PAGE);
	}
	return NULL;
}

static unsigned change_in_threads(struct caller *callers, unsigned first, unsigned count)
{
	pthread_t threads[CALLERS];
	unsigned failures = 0;

	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, change, &callers[first + i]))
			return 1000;
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		failures += callers[first + i].failures;
	}
	return failures;
}

/* Two threads of this process, and two of another. */
static void try_callers(enum place place)
{
	struct caller callers[CALLERS];
	int status;
	pid_t pid;

	ground_open(&ground, place, GROUND_PAGES);
	trying("%s", ground.name);
	ground_lay(&ground, 0, GROUND_PAGES, "rw");
	for (unsigned i = 0; i < CALLERS; i++)
		callers[i] = (struct caller){ground.task, ground.base + i * 4 * PAGE, 0};
	pid = fork();
	if (pid == 0)
		_exit(change_in_threads(callers, 2, 2) != 0);
	expect_number(change_in_threads(callers, 0, 2), 0);
	expect_number(waitpid(pid, &status, 0), pid);
	expect_number(status, 0);
	expect_layout(&ground, "3533353335333533");
	for (unsigned i = 3; i < GROUND_PAGES; i += 4) {
		ground.kind[i] = page_kind("fresh");
		memset(ground.expect + i * PAGE, 0, PAGE);
	}
	ground_verify(&ground);
	ground_close(&ground);
}

static void callers_at_once_lose_no_change(void **state)
{
	try_callers(PLACE_VICTIM);
	try_callers(PLACE_VICTIM_32);
}

static const struct CMUnitTest tests[] = {
	TEST(protect_that_runs_out_of_mappings_is_taken_back),
	TEST(maximum_that_runs_out_of_mappings_is_taken_back),
	TEST(copy_that_runs_out_of_mappings_changes_nothing),
	TEST(deallocate_that_runs_out_of_mappings_changes_nothing),
	TEST(allocate_that_runs_out_of_mappings_changes_nothing),
	TEST(copy_over_a_seal_changes_nothing),
	TEST(memory_registered_with_io_uring_is_not_moved),
	TEST(superpages_are_whole_or_refused),
	TEST(callers_at_once_lose_no_change),
};

HARNESS_MAIN(tests)
