/* SPDX-License-Identifier: MIT */
/*
 * vm_remap: snapshots and sharing, within one task and between two; codes and
 * their order; and that the source never notices.
 */
#include "layout.h"
#include "pattern.h"

#include <string.h>
#include <sys/mman.h>

static struct ground ground;

static void for_each_place(void (*run)(void))
{
	for (enum place place = 0; place < PLACE_COUNT; place++) {
		trying("%s", place_name(place));
		ground_open(&ground, place, GROUND_PAGES);
		run();
		ground_close(&ground);
	}
}

/* Remaps pages of the ground into a task, at `*address` or anywhere. */
static kern_return_t remap(mach_port_t task, uint64_t *address, unsigned page, unsigned pages,
			   int flags, boolean_t copy, vm_prot_t *current, vm_prot_t *maximum)
{
	return mach_vm_remap(task, address, pages * PAGE, 0, flags, ground.task,
			     ground.base + page * PAGE, copy, current, maximum, 1);
}

static void try_snapshot(void)
{
	uint64_t here = 0, at = ground.base + 8 * PAGE;
	uint8_t want[3 * PAGE], byte = 3;
	vm_prot_t current = 77, maximum = 77;

	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "file-rx");
	ground_lay(&ground, 2, 1, "ro");
	memcpy(want, ground_expect(&ground, ground.base), sizeof(want));
	expect_code(remap(mach_task_self(), &here, 0, 3, 1, 1, &current, &maximum), KERN_SUCCESS);
	expect_number(current, 1);
	expect_number(maximum, 7);
	expect_bytes((void *)(uintptr_t)here, want, sizeof(want));
	expect_code(remap(ground.task, &at, 0, 3, 0, 1, &current, &maximum), KERN_SUCCESS);
	expect_layout(&ground, "351.....351.....");
	expect_code(machvm_write(ground.task, ground.base + 9, &byte, 1, 0), KERN_SUCCESS);
	*ground_expect(&ground, ground.base + 9) = byte;
	/* The snapshots do not follow. */
	expect_bytes((void *)(uintptr_t)here, want, sizeof(want));
	{
		uint8_t got[3 * PAGE];

		expect_code(machvm_read(ground.task, at, got, sizeof(got), 0), KERN_SUCCESS);
		expect_bytes(got, want, sizeof(got));
	}
	expect_code(mach_vm_deallocate(ground.task, at, 3 * PAGE), KERN_SUCCESS);
	expect_code(mach_vm_deallocate(mach_task_self(), here, 3 * PAGE), KERN_SUCCESS);
	ground_verify(&ground);
}

static void snapshot_keeps_what_was_there(void **state)
{
	for_each_place(try_snapshot);
}

/* Stores on either side of one task's two mappings. */
static void try_sharing_within(void)
{
	uint64_t at = ground.base + 8 * PAGE;
	uint8_t byte = 0x21, seen = 0;
	vm_prot_t current = 0, maximum = 0;

	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 1, "shared-rw");
	ground_lay(&ground, 3, 1, "ro");
	expect_code(remap(ground.task, &at, 0, 4, 0, 0, &current, &maximum), KERN_SUCCESS);
	expect_number(at, ground.base + 8 * PAGE);
	expect_number(current, 1);
	expect_layout(&ground, "dddb....dddb....");
	for (unsigned page = 0; page < 3; page++) {
		uint64_t one = ground.base + page * PAGE + 11, other = at + page * PAGE + 11;

		expect_code(machvm_write(ground.task, one, &byte, 1, 0), KERN_SUCCESS);
		expect_code(machvm_read(ground.task, other, &seen, 1, 0), KERN_SUCCESS);
		expect_number(seen, byte++);
		expect_code(machvm_write(ground.task, other, &byte, 1, 0), KERN_SUCCESS);
		*ground_expect(&ground, one) = byte++;
	}
	/* Sharing outlives the first mapping. */
	expect_code(mach_vm_deallocate(ground.task, at, 4 * PAGE), KERN_SUCCESS);
	ground_verify(&ground);
}

static void shared_pages_are_one_memory_within_a_task(void **state)
{
	for_each_place(try_sharing_within);
}

static void try_sharing_across(void)
{
	uint64_t here = 0;
	vm_prot_t current = 0, maximum = 0;
	uint8_t byte = 0x35, *memory;

	ground_lay(&ground, 0, 3, "rw");
	expect_code(remap(mach_task_self(), &here, 0, 3, 1, 0, &current, &maximum), KERN_SUCCESS);
	expect_number(current, 3);
	expect_number(maximum, 7);
	expect_layout(&ground, "ddd.............");
	memory = (uint8_t *)(uintptr_t)here;
	expect_bytes(memory, ground_expect(&ground, ground.base), 3 * PAGE);
	ground_verify(&ground);
	/* No call of ours: plain stores. */
	memory[4097] = byte;
	*ground_expect(&ground, ground.base + 4097) = byte;
	ground_verify(&ground);
	if (ground.victim) {
		victim_ask(ground.victim, "fill %llx 1000 8", (unsigned long long)ground.base);
		pattern_fill(ground_expect(&ground, ground.base), ground.base, PAGE, 8);
		expect_bytes(memory, ground_expect(&ground, ground.base), 3 * PAGE);
		victim_ask(ground.victim, "unmap %llx 3000", (unsigned long long)ground.base);
		expect_bytes(memory, ground_expect(&ground, ground.base), 3 * PAGE);
		ground_lay(&ground, 0, 3, "hole");
	}
	expect_code(mach_vm_deallocate(mach_task_self(), here, 3 * PAGE), KERN_SUCCESS);
}

static void shared_pages_are_one_memory_between_tasks(void **state)
{
	for_each_place(try_sharing_across);
}

static void try_arguments(void)
{
	uint64_t at = ground.base + 8 * PAGE;
	vm_prot_t current = 55, maximum = 66;
	mach_port_t self = mach_task_self();

	ground_lay(&ground, 0, 2, "rw");
	for (boolean_t copy = 0; copy <= 1; copy++) {
		trying("copy %d in %s", copy, ground.name);
		expect_code(remap(ground.task, &at, 0, 1, VM_MAKE_TAG(1), copy, &current, &maximum),
			    KERN_INVALID_ARGUMENT);
		expect_code(remap(ground.task, &at, 0, 1, 2, copy, &current, &maximum),
			    KERN_INVALID_ARGUMENT);
		expect_code(remap(ground.task, &at, 0, 0, 0, copy, &current, &maximum),
			    KERN_INVALID_ARGUMENT);
		expect_code(mach_vm_remap(self, &at, UINT64_MAX - 1, 0, 1, ground.task, ground.base,
					  copy, &current, &maximum, 1),
			    KERN_INVALID_ARGUMENT);
		expect_code(mach_vm_remap(self, &at, PAGE, 0, 1, ground.task, ground.base, copy,
					  &current, &maximum, 3),
			    KERN_INVALID_ARGUMENT);
		expect_code(remap(ground.task, &at, 0, 3, 0, copy, &current, &maximum),
			    KERN_INVALID_ADDRESS);
		expect_code(remap(ground.task, &at, 5, 1, 0, copy, &current, &maximum),
			    KERN_INVALID_ADDRESS);
		at = ground.base + PAGE;
		expect_code(remap(ground.task, &at, 0, 1, 0, copy, &current, &maximum),
			    KERN_NO_SPACE);
		at = 0;
		expect_code(remap(ground.task, &at, 0, 1, 0, copy, &current, &maximum),
			    KERN_INVALID_ADDRESS);
		at = ground.base + 8 * PAGE;
		expect_code(mach_vm_remap(ground.task, &at, PAGE, 0, 0, MACH_PORT_NULL, ground.base,
					  copy, &current, &maximum, 1),
			    MACH_SEND_INVALID_DEST);
		expect_code(mach_vm_remap(ground.task, &at, PAGE, 0, 0, mach_host_self(),
					  ground.base, copy, &current, &maximum, 1),
			    KERN_INVALID_ARGUMENT);
	}
	expect_number(current, 55);
	expect_number(maximum, 66);
	expect_layout_at(&ground, ground.base + 2 * PAGE, "..............");
	ground_verify(&ground);
}

static void arguments_are_judged_in_order(void **state)
{
	for_each_place(try_arguments);
}

static void try_data_address(void)
{
	uint64_t here = 0;
	vm_prot_t current, maximum;

	ground_lay(&ground, 0, 2, "rw");
	expect_code(mach_vm_remap(mach_task_self(), &here, 10, 0,
				  VM_FLAGS_ANYWHERE | VM_FLAGS_RETURN_DATA_ADDR, ground.task,
				  ground.base + PAGE - 5, 1, &current, &maximum, 1),
		    KERN_SUCCESS);
	expect_number(here & (PAGE - 1), PAGE - 5);
	expect_bytes((void *)(uintptr_t)here, ground_expect(&ground, ground.base + PAGE - 5), 10);
	expect_code(mach_vm_deallocate(mach_task_self(), here, 10), KERN_SUCCESS);
	/* Without the flag: one page, from the beginning of the first. */
	here = 0;
	expect_code(mach_vm_remap(mach_task_self(), &here, 10, 0, VM_FLAGS_ANYWHERE, ground.task,
				  ground.base + PAGE - 5, 1, &current, &maximum, 1),
		    KERN_SUCCESS);
	expect_number(here & (PAGE - 1), 0);
	expect_bytes((void *)(uintptr_t)here, ground_expect(&ground, ground.base), PAGE);
	expect_code(mach_vm_deallocate(mach_task_self(), here, 10), KERN_SUCCESS);
}

static void data_address_keeps_the_offset_in_the_page(void **state)
{
	for_each_place(try_data_address);
}

static void try_new(void)
{
	vm_prot_t current = 1, maximum = 1;
	uint64_t here = 0;

	ground_lay(&ground, 0, 2, "ro");
	expect_code(mach_vm_remap_new(mach_task_self(), &here, 10, 0, VM_FLAGS_ANYWHERE, ground.task,
				      ground.base + 20, 1, &current, &maximum, 1),
		    KERN_SUCCESS);
	expect_number(here & (PAGE - 1), 20);
	expect_number(current, 1);
	expect_number(maximum, 1);
	expect_bytes((void *)(uintptr_t)here, ground_expect(&ground, ground.base + 20), 10);
	expect_code(mach_vm_protect(mach_task_self(), here, 1, 0, 3), KERN_PROTECTION_FAILURE);
	expect_code(mach_vm_deallocate(mach_task_self(), here, 10), KERN_SUCCESS);
	maximum = 7;
	expect_code(mach_vm_remap_new(mach_task_self(), &here, 10, 0, 1, ground.task, ground.base, 1,
				      &current, &maximum, 1),
		    KERN_PROTECTION_FAILURE);
	current = 3;
	maximum = 1;
	expect_code(mach_vm_remap_new(mach_task_self(), &here, 10, 0, 1, ground.task, ground.base, 1,
				      &current, &maximum, 1),
		    KERN_INVALID_ARGUMENT);
	maximum = 3;
	/* Sharing asks no more than the source has now; a mask takes what there is. */
	expect_code(mach_vm_remap_new(ground.task, &here, 10, 0, 1, ground.task, ground.base, 0,
				      &current, &maximum, 1),
		    KERN_PROTECTION_FAILURE);
	expect_layout(&ground, "11..............");
	current = maximum = 3 | VM_PROT_IS_MASK;
	here = ground.base + 4 * PAGE;
	expect_code(mach_vm_remap_new(ground.task, &here, 10, 0, 0, ground.task, ground.base, 0,
				      &current, &maximum, 1),
		    KERN_SUCCESS);
	expect_number(current, 1);
	expect_number(maximum, 3);
	expect_layout(&ground, "b1..b...........");
	expect_code(mach_vm_deallocate(ground.task, here, 10), KERN_SUCCESS);
	ground_verify(&ground);
}

static void remap_new_gives_the_protections_that_are_asked_for(void **state)
{
	for_each_place(try_new);
}

static void snapshot_needs_no_more_than_a_read_right(void **state)
{
	vm_prot_t current = 1, maximum = 1;
	mach_port_t weak = MACH_PORT_NULL;
	uint64_t here = 0;

	ground_open(&ground, PLACE_VICTIM, 2);
	ground_lay(&ground, 0, 1, "rw");
	assert_int_equal(task_read_for_pid(mach_task_self(), ground.victim->pid, &weak), 0);
	expect_code(mach_vm_remap_new(mach_task_self(), &here, PAGE, 0, 1, weak, ground.base, 1,
				      &current, &maximum, 1),
		    KERN_SUCCESS);
	expect_bytes((void *)(uintptr_t)here, ground_expect(&ground, ground.base), PAGE);
	expect_code(mach_vm_deallocate(mach_task_self(), here, PAGE), KERN_SUCCESS);
	expect_code(mach_vm_remap_new(mach_task_self(), &here, PAGE, 0, 1, weak, ground.base, 0,
				      &current, &maximum, 1),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_remap(mach_task_self(), &here, PAGE, 0, 1, weak, ground.base, 1,
				  &current, &maximum, 1),
		    KERN_INVALID_ARGUMENT);
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(remap_new_gives_the_protections_that_are_asked_for),
	TEST(snapshot_needs_no_more_than_a_read_right),
	TEST(snapshot_keeps_what_was_there),
	TEST(shared_pages_are_one_memory_within_a_task),
	TEST(shared_pages_are_one_memory_between_tasks),
	TEST(arguments_are_judged_in_order),
	TEST(data_address_keeps_the_offset_in_the_page),
};

HARNESS_MAIN(tests)
