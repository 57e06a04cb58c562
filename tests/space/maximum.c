/* SPDX-License-Identifier: MIT */
/*
 * The maximum that vm_protect sets: what it binds, who tells of it, and with which memory
 * and which process it goes.
 */
#include "layout.h"
#include "regions.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ground ground;

static kern_return_t protect(unsigned page, unsigned pages, vm_prot_t protection)
{
	return mach_vm_protect(ground.task, ground.base + page * PAGE, pages * PAGE, 0, protection);
}

static kern_return_t limit(unsigned page, unsigned pages, vm_prot_t protection)
{
	return mach_vm_protect(ground.task, ground.base + page * PAGE, pages * PAGE, 1, protection);
}

static void try_maximum(void)
{
	ground_lay(&ground, 0, 6, "rw");
	expect_code(limit(1, 2, 5), KERN_SUCCESS);
	expect_layout(&ground, "311333..........");
	expect_code(protect(1, 1, 3), KERN_PROTECTION_FAILURE);
	expect_detail(KERN_PROTECTION_FAILURE, ground.base + PAGE);
	expect_code(protect(0, 6, 3), KERN_PROTECTION_FAILURE);
	expect_detail(KERN_PROTECTION_FAILURE, ground.base + PAGE);
	expect_layout(&ground, "311333..........");
	expect_code(protect(1, 2, 5), KERN_SUCCESS);
	expect_layout(&ground, "355333..........");
	/* It only shrinks. */
	expect_code(limit(1, 1, 7), KERN_PROTECTION_FAILURE);
	expect_code(limit(1, 1, 1), KERN_SUCCESS);
	expect_layout(&ground, "315333..........");
	expect_code(limit(1, 1, 5), KERN_PROTECTION_FAILURE);
	expect_code(limit(1, 1, 1), KERN_SUCCESS);
	expect_code(limit(2, 1, 0), KERN_SUCCESS);
	expect_layout(&ground, "310333..........");
	expect_code(protect(2, 1, 1), KERN_PROTECTION_FAILURE);
	expect_code(protect(2, 1, 0), KERN_SUCCESS);
	expect_code(protect(3, 3, 7), KERN_SUCCESS);
	expect_layout(&ground, "310777..........");
	/* The owner's own mprotect is bound by the kernel's maximum alone. */
	if (ground.victim)
		victim_ask(ground.victim, "protect %llx 1000 3",
			   (unsigned long long)ground.base + 2 * PAGE);
	else
		assert_int_equal(mprotect(ground_pointer(&ground, ground.base + 2 * PAGE), PAGE, 3), 0);
	ground_verify(&ground);
}

static void maximum_only_shrinks_and_binds_the_current(void **state)
{
	ground_each_place(&ground, try_maximum);
}

static void expect_told(unsigned page, vm_prot_t maximum)
{
	for (unsigned i = 0; i < region_call_count; i++) {
		struct region region;

		trying("%s in %s", region_calls[i].name, ground.name);
		if (!(region_calls[i].has & HAS_RULES) ||
		    (sizeof(vm_address_t) == 4 && ground.base > UINT32_MAX))
			continue;
		expect_code(region_ask(&region_calls[i], ground.task, ground.base + page * PAGE,
				       &region),
			    KERN_SUCCESS);
		expect_number(region.maximum, maximum);
	}
}

static void try_telling(void)
{
	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 3, 2, "ro");
	expect_told(0, 7);
	expect_code(limit(0, 2, 3), KERN_SUCCESS);
	expect_code(limit(3, 1, 5), KERN_SUCCESS);
	expect_told(0, 3);
	/* One region for the kernel: what all of it permits. */
	expect_told(4, 5);
	expect_code(limit(4, 1, 1), KERN_SUCCESS);
	expect_told(3, 1);
	expect_code(protect(0, 2, 3 | VM_PROT_COPY), KERN_SUCCESS);
	expect_told(0, 3);
	expect_code(mach_vm_deallocate(ground.task, ground.base, 2 * PAGE), KERN_SUCCESS);
	ground_lay(&ground, 0, 2, "rw");
	expect_told(0, 7);
}

static void maximum_that_was_set_is_told_by_the_region(void **state)
{
	ground_each_place(&ground, try_telling);
}

/* They are other memory than the shared pages, for which the maximum was set. */
static void try_copy_of_limited(void)
{
	ground_lay(&ground, 0, 2, "shared-rw");
	expect_code(limit(0, 2, 3), KERN_SUCCESS);
	expect_code(protect(0, 2, 3 | VM_PROT_COPY), KERN_SUCCESS);
	expect_layout(&ground, "33..............");
	expect_code(protect(0, 2, 5), KERN_PROTECTION_FAILURE);
	expect_code(protect(0, 2, 1), KERN_SUCCESS);
	expect_code(protect(0, 2, 3), KERN_SUCCESS);
	ground_verify(&ground);
}

static void private_copies_keep_the_maximum(void **state)
{
	ground_each_place(&ground, try_copy_of_limited);
}

static void try_remapping(void)
{
	ground_lay(&ground, 0, 4, "rw");
	expect_code(limit(0, 4, 1), KERN_SUCCESS);
	/* The owner puts something else there: the maximum was the old memory's. */
	ground_lay(&ground, 1, 1, "shared-rw");
	expect_code(protect(1, 1, 1), KERN_SUCCESS);
	expect_code(protect(1, 1, 3), KERN_SUCCESS);
	ground_lay(&ground, 2, 1, "file-rw");
	expect_code(protect(2, 1, 3), KERN_SUCCESS);
	expect_code(protect(0, 1, 3), KERN_PROTECTION_FAILURE);
	expect_code(protect(3, 1, 3), KERN_PROTECTION_FAILURE);
	expect_layout(&ground, "1d31............");
}

static void maximum_goes_with_the_memory_it_was_set_for(void **state)
{
	ground_each_place(&ground, try_remapping);
}

/* A part of a file keeps it when another part loses it. */
static void try_parts(void)
{
	ground_lay(&ground, 0, 3, "file-rw");
	expect_code(limit(0, 3, 1), KERN_SUCCESS);
	expect_code(limit(0, 1, 0), KERN_SUCCESS);
	expect_code(protect(1, 1, 3), KERN_PROTECTION_FAILURE);
	expect_code(mach_vm_deallocate(ground.task, ground.base + PAGE, PAGE), KERN_SUCCESS);
	expect_code(protect(2, 1, 3), KERN_PROTECTION_FAILURE);
	expect_layout(&ground, "0.1.............");
}

static void maximum_of_a_part_of_a_file_stays(void **state)
{
	ground_each_place(&ground, try_parts);
}

static void maximum_of_a_file_is_of_its_place_in_the_file(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	unsigned long long at = 0x100000000000u;

	for (unsigned offset = 0; offset < 2; offset++) {
		victim_ask(victim, "map %s %llx 1000 1 %x 0 %x", victim_program(WORD_64), at,
			   MAP_PRIVATE, offset * 0x1000);
		expect_code(mach_vm_protect(task, at, PAGE, 0, 3), KERN_SUCCESS);
		expect_code(mach_vm_protect(task, at, PAGE, 1, 1), KERN_SUCCESS);
		expect_code(mach_vm_protect(task, at, PAGE, 0, 3), KERN_PROTECTION_FAILURE);
	}
}

static void maximum_ends_with_exec(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint64_t base = 0x100000000000u;

	victim_ask(victim, "lay rw %llx 2 1", (unsigned long long)base);
	expect_code(mach_vm_protect(task, base, PAGE, 1, 1), KERN_SUCCESS);
	expect_code(mach_vm_protect(task, base, PAGE, 0, 3), KERN_PROTECTION_FAILURE);
	victim_ask(victim, "exec rw %llx 2 1", (unsigned long long)base);
	expect_code(mach_vm_protect(task, base, PAGE, 0, 7), KERN_SUCCESS);
	expect_code(mach_vm_protect(task, base, PAGE, 0, 3), KERN_SUCCESS);
}

/* Another port to the same process, and the process after its port was given back. */
static void maximum_is_kept_for_the_process_not_for_the_port(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint64_t base = 0x100000000000u;

	victim_ask(victim, "lay rw %llx 2 1", (unsigned long long)base);
	expect_code(mach_vm_protect(task, base, PAGE, 1, 1), KERN_SUCCESS);
	task_drop(task);
	task = victim_task(victim);
	expect_code(mach_vm_protect(task, base, PAGE, 0, 3), KERN_PROTECTION_FAILURE);
	task_drop(task);
}

static void maximum_of_the_own_task_holds_in_a_child(void **state)
{
	char *memory = mmap(NULL, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t at = (uintptr_t)memory;
	int status;
	pid_t pid;

	expect_code(mach_vm_protect(mach_task_self(), at, PAGE, 1, 1), KERN_SUCCESS);
	pid = fork();
	if (pid == 0)
		_exit(mach_vm_protect(mach_task_self(), at, PAGE, 0, 3) == KERN_PROTECTION_FAILURE
			      ? 0
			      : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_number(status, 0);
	expect_code(mach_vm_protect(mach_task_self(), at, PAGE, 0, 3), KERN_PROTECTION_FAILURE);
	munmap(memory, PAGE);
}

static const struct CMUnitTest tests[] = {
	TEST(maximum_only_shrinks_and_binds_the_current),
	TEST(maximum_that_was_set_is_told_by_the_region),
	TEST(private_copies_keep_the_maximum),
	TEST(maximum_goes_with_the_memory_it_was_set_for),
	TEST(maximum_of_a_part_of_a_file_stays),
	TEST(maximum_of_a_file_is_of_its_place_in_the_file),
	TEST(maximum_ends_with_exec),
	TEST(maximum_is_kept_for_the_process_not_for_the_port),
	TEST(maximum_of_the_own_task_holds_in_a_child),
};

HARNESS_MAIN(tests)
