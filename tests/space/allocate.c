/* SPDX-License-Identifier: MIT */
/*
 * vm_allocate and vm_deallocate: codes and their order, rounding, where memory
 * comes to stand, what it is, and that nothing else changes.
 */
#include "layout.h"
#include "pattern.h"

#include <string.h>
#include <sys/mman.h>

static struct ground ground;

/* What the owner of the ground finds in `size` bytes at `address` must be zeros. */
static void expect_zeros(uint64_t address, size_t size)
{
	static const uint8_t zeros[4 * PAGE];

	assert_true(size <= sizeof(zeros));
	if (ground.victim)
		expect_number(victim_ask(ground.victim, "sum %llx %zx",
					 (unsigned long long)address, size),
			      pattern_sum(zeros, size, 0));
	else
		expect_bytes((void *)(uintptr_t)address, zeros, size);
}

static void try_anywhere(void)
{
	static const uint64_t hints[] = {0, 12345, 0xffffffffffffffff, 0x1000};
	static const uint64_t sizes[] = {1, PAGE, PAGE + 1, 4 * PAGE};

	for (unsigned i = 0; i < ARRAY_SIZE(hints); i++) {
		mach_vm_address_t address = hints[i];
		unsigned pages = (unsigned)((sizes[i] + PAGE - 1) / PAGE);
		char want[8] = "3333";

		trying("%llx bytes in %s", (unsigned long long)sizes[i], ground.name);
		expect_code(mach_vm_allocate(ground.task, &address, sizes[i], VM_FLAGS_ANYWHERE),
			    KERN_SUCCESS);
		expect_number(address % PAGE, 0);
		want[pages] = '\0';
		expect_layout_at(&ground, address, want);
		expect_zeros(address, pages * PAGE);
		expect_code(mach_vm_deallocate(ground.task, address, sizes[i]), KERN_SUCCESS);
		memset(want, '.', pages);
		expect_layout_at(&ground, address, want);
	}
}

static void anywhere_ignores_the_hint_and_gives_zeros(void **state)
{
	ground_each_place(&ground, try_anywhere);
}

static void try_fixed(void)
{
	mach_vm_address_t address = ground.base + 2 * PAGE + 1;

	/* The address is truncated before the size is rounded: one page. */
	expect_code(mach_vm_allocate(ground.task, &address, PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
	expect_number(address, ground.base + 2 * PAGE);
	expect_layout(&ground, "..3.............");
	address = ground.base + 3 * PAGE + 9;
	expect_code(mach_vm_allocate(ground.task, &address, PAGE + 1, VM_FLAGS_FIXED), KERN_SUCCESS);
	expect_number(address, ground.base + 3 * PAGE);
	expect_layout(&ground, "..333...........");
	address = ground.base + 4 * PAGE;
	expect_code(mach_vm_allocate(ground.task, &address, PAGE, VM_FLAGS_FIXED), KERN_NO_SPACE);
	expect_number(address, ground.base + 4 * PAGE);
	address = ground.base + PAGE;
	expect_code(mach_vm_allocate(ground.task, &address, 2 * PAGE, VM_FLAGS_FIXED),
		    KERN_NO_SPACE);
	address = ground.base;
	expect_code(mach_vm_allocate(ground.task, &address, 16 * PAGE, VM_FLAGS_FIXED),
		    KERN_NO_SPACE);
	expect_layout(&ground, "..333...........");
	expect_zeros(ground.base + 2 * PAGE, 3 * PAGE);
}

static void fixed_is_exact_or_fails(void **state)
{
	ground_each_place(&ground, try_fixed);
}

static void try_overwrite(void)
{
	mach_vm_address_t address = ground.base + PAGE;

	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "file-ro");
	ground_lay(&ground, 2, 1, "shared-rw");
	ground_lay(&ground, 5, 1, "rw");
	expect_code(mach_vm_allocate(ground.task, &address, 4 * PAGE,
				     VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE),
		    KERN_SUCCESS);
	expect_layout(&ground, "333333..........");
	expect_zeros(ground.base + PAGE, 4 * PAGE);
	/* With ANYWHERE the flag means nothing. */
	expect_code(mach_vm_allocate(ground.task, &address, PAGE,
				     VM_FLAGS_ANYWHERE | VM_FLAGS_OVERWRITE),
		    KERN_SUCCESS);
	assert_true(address < ground.base || address >= ground.base + 16 * PAGE);
	expect_code(mach_vm_deallocate(ground.task, address, PAGE), KERN_SUCCESS);
}

static void overwrite_replaces_what_is_there(void **state)
{
	ground_each_place(&ground, try_overwrite);
}

static void try_sealed(void)
{
	mach_vm_address_t address = ground.base;

	if (!ground_lay(&ground, 1, 1, "sealed-rw"))
		return;
	ground_lay(&ground, 0, 1, "rw");
	expect_code(mach_vm_allocate(ground.task, &address, 3 * PAGE, VM_FLAGS_OVERWRITE),
		    KERN_PROTECTION_FAILURE);
	expect_code(mach_vm_deallocate(ground.task, ground.base, 3 * PAGE),
		    KERN_PROTECTION_FAILURE);
	expect_layout(&ground, "33..............");
	ground_verify(&ground);
}

static void sealed_region_is_neither_replaced_nor_freed(void **state)
{
	ground_each_place(&ground, try_sealed);
}

static void try_arguments(void)
{
	static const int bad_flags[] = {0x20, 0x40, 0x100, 0x100000, 0x800000, 0x8000, 0x80000};
	mach_vm_address_t address;

	for (unsigned i = 0; i < ARRAY_SIZE(bad_flags); i++) {
		trying("flag %x in %s", (unsigned)bad_flags[i], ground.name);
		address = 77;
		/* Flags come before everything, size 0 before the address. */
		expect_code(mach_vm_allocate(ground.task, &address, 0, bad_flags[i]),
			    KERN_INVALID_ARGUMENT);
		expect_number(address, 77);
	}
	trying("sizes in %s", ground.name);
	expect_code(mach_vm_allocate(ground.task, &address, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
	expect_number(address, 0);
	address = 99;
	expect_code(mach_vm_allocate(ground.task, &address, 0, VM_FLAGS_FIXED), KERN_SUCCESS);
	expect_number(address, 0);
	expect_code(mach_vm_allocate(ground.task, &address, UINT64_MAX, VM_FLAGS_ANYWHERE),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_allocate(ground.task, &address, UINT64_MAX, VM_FLAGS_FIXED),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_allocate(ground.task, &address, UINT64_MAX - PAGE + 1,
				     VM_FLAGS_ANYWHERE),
		    KERN_NO_SPACE);
	expect_code(mach_vm_allocate(ground.task, &address, (uint64_t)1 << 47, VM_FLAGS_ANYWHERE),
		    KERN_NO_SPACE);
	address = 0;
	expect_code(mach_vm_allocate(ground.task, &address, PAGE, VM_FLAGS_FIXED),
		    KERN_INVALID_ADDRESS);
	address = 5;
	expect_code(mach_vm_allocate(ground.task, &address, 1, VM_FLAGS_FIXED), KERN_INVALID_ADDRESS);
	expect_number(address, 5);
	address = UINT64_MAX - PAGE + 1;
	expect_code(mach_vm_allocate(ground.task, &address, 2 * PAGE, VM_FLAGS_FIXED),
		    KERN_INVALID_ADDRESS);
	address = UINT64_MAX - 3 * PAGE + 1;
	expect_code(mach_vm_allocate(ground.task, &address, PAGE, VM_FLAGS_FIXED),
		    KERN_INVALID_ADDRESS);
	address = 0x7ffffffff000;
	expect_code(mach_vm_allocate(ground.task, &address, PAGE, VM_FLAGS_FIXED),
		    KERN_INVALID_ADDRESS);
	address = ground.base;
	expect_code(mach_vm_allocate(ground.task, &address, PAGE, VM_FLAGS_SUPERPAGE_SIZE_2MB),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_allocate(ground.task, &address, 2 << 20,
				     VM_FLAGS_SUPERPAGE_SIZE_2MB | VM_FLAGS_PURGABLE),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_allocate(ground.task, &address, 2 << 20, 3 << 16),
		    KERN_INVALID_ARGUMENT);
	expect_layout(&ground, "................");
}

static void arguments_are_judged_in_order(void **state)
{
	ground_each_place(&ground, try_arguments);
}

static void try_free(void)
{
	ground_lay(&ground, 0, 4, "rw");
	ground_lay(&ground, 5, 4, "file-rw");
	/* A byte frees its page; two bytes on either side of an edge free two. */
	expect_code(mach_vm_deallocate(ground.task, ground.base + PAGE + 9, 1), KERN_SUCCESS);
	expect_layout(&ground, "3.33.3333.......");
	expect_code(mach_vm_deallocate(ground.task, ground.base + 3 * PAGE - 1, 2), KERN_SUCCESS);
	expect_layout(&ground, "3....3333.......");
	/* Holes are fine, at either end and all over. */
	expect_code(mach_vm_deallocate(ground.task, ground.base + PAGE, 5 * PAGE), KERN_SUCCESS);
	expect_layout(&ground, "3.....333.......");
	expect_code(mach_vm_deallocate(ground.task, ground.base + 10 * PAGE, 3 * PAGE),
		    KERN_SUCCESS);
	expect_code(mach_vm_deallocate(ground.task, ground.base + 8 * PAGE, 8 * PAGE), KERN_SUCCESS);
	expect_layout(&ground, "3.....33........");
}

static void every_page_that_the_range_touches_is_freed(void **state)
{
	ground_each_place(&ground, try_free);
}

static void try_free_arguments(void)
{
	uint64_t top = UINT64_MAX - PAGE + 1;

	ground_lay(&ground, 0, 2, "rw");
	expect_code(mach_vm_deallocate(ground.task, ground.base, 0), KERN_SUCCESS);
	expect_code(mach_vm_deallocate(ground.task, UINT64_MAX, 0), KERN_SUCCESS);
	expect_code(mach_vm_deallocate(ground.task, top, 2 * PAGE), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_deallocate(ground.task, top, PAGE), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_deallocate(ground.task, top - PAGE, PAGE + 1), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_deallocate(ground.task, ground.base, UINT64_MAX),
		    KERN_INVALID_ARGUMENT);
	/* A range that leaves the address space frees nothing, and that is no failure. */
	expect_code(mach_vm_deallocate(ground.task, ground.base, (uint64_t)1 << 62), KERN_SUCCESS);
	expect_code(mach_vm_deallocate(ground.task, 0, ground.base + PAGE), KERN_SUCCESS);
	expect_layout(&ground, "33..............");
	ground_verify(&ground);
}

static void size_zero_wraps_and_outside_free_nothing(void **state)
{
	ground_each_place(&ground, try_free_arguments);
}

static void try_permanent(void)
{
	mach_vm_address_t address = ground.base + PAGE;

	ground_lay(&ground, 0, 1, "rw");
	expect_code(mach_vm_allocate(ground.task, &address, 2 * PAGE, VM_FLAGS_PERMANENT),
		    KERN_SUCCESS);
	ground_lay(&ground, 3, 1, "rw");
	expect_layout(&ground, "3333............");
	expect_code(mach_vm_deallocate(ground.task, ground.base, 4 * PAGE), KERN_SUCCESS);
	expect_layout(&ground, ".00.............");
	expect_code(mach_vm_protect(ground.task, address, PAGE, 0, 1), KERN_PROTECTION_FAILURE);
}

static void permanent_memory_stays_and_loses_all_access(void **state)
{
	ground_each_place(&ground, try_permanent);
}

static void natural_spelling_is_the_same(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t tasks[] = {mach_task_self(), victim_task(victim)};

	for (unsigned i = 0; i < 2; i++) {
		vm_address_t address = 3;

		expect_code(vm_allocate(tasks[i], &address, 0, TRUE), KERN_SUCCESS);
		expect_number(address, 0);
		expect_code(vm_allocate(tasks[i], &address, 3 * PAGE, TRUE), KERN_SUCCESS);
		expect_code(vm_protect(tasks[i], address, PAGE, 0, 1), KERN_SUCCESS);
		expect_code(vm_allocate(tasks[i], &address, PAGE, FALSE), KERN_NO_SPACE);
		expect_code(vm_deallocate(tasks[i], address, 3 * PAGE), KERN_SUCCESS);
		expect_code(vm_allocate(tasks[i], &address, PAGE, FALSE), KERN_SUCCESS);
		expect_code(vm_deallocate(tasks[i], address, PAGE), KERN_SUCCESS);
	}
}

static void task_argument_is_judged_first(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), weak = MACH_PORT_NULL;
	mach_vm_address_t address = 1;

	expect_code(mach_vm_allocate(MACH_PORT_NULL, &address, 0, 0x20), MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_deallocate(MACH_PORT_NULL, 0, 0), MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_allocate(mach_host_self(), &address, 0, 1), KERN_INVALID_ARGUMENT);
	assert_int_equal(task_read_for_pid(mach_task_self(), victim->pid, &weak), 0);
	expect_code(mach_vm_allocate(weak, &address, 0, 1), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_deallocate(weak, 0, 0), KERN_INVALID_ARGUMENT);
	victim_kill(victim);
	expect_code(mach_vm_allocate(task, &address, 0, 1), MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_deallocate(task, 0, 0), MACH_SEND_INVALID_DEST);
	expect_number(address, 1);
}

static const struct CMUnitTest tests[] = {
	TEST(anywhere_ignores_the_hint_and_gives_zeros),
	TEST(fixed_is_exact_or_fails),
	TEST(overwrite_replaces_what_is_there),
	TEST(sealed_region_is_neither_replaced_nor_freed),
	TEST(arguments_are_judged_in_order),
	TEST(every_page_that_the_range_touches_is_freed),
	TEST(size_zero_wraps_and_outside_free_nothing),
	TEST(permanent_memory_stays_and_loses_all_access),
	TEST(natural_spelling_is_the_same),
	TEST(task_argument_is_judged_first),
};

HARNESS_MAIN(tests)
