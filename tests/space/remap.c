/* SPDX-License-Identifier: MIT */
/*
 * vm_remap: snapshots and sharing, within one task and between two; codes and
 * their order; and that the source never notices.
 */
#include "layout.h"
#include "pattern.h"
#include "travel.h"

#include <mach/host_priv.h>
#include <mach/memory_object_types.h>
#include <mach/vm_inherit.h>
#include <string.h>
#include <sys/mman.h>

static struct ground ground;

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
	ground_each_place(&ground, try_snapshot);
}

/* A snapshot that takes the place of its own source, wholly and by a page beside it. */
static void try_snapshot_over_itself(void)
{
	uint64_t at = ground.base;
	vm_prot_t current, maximum;

	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "shared-ro");
	ground_lay(&ground, 2, 1, "ro");
	ground_lay(&ground, 3, 1, "rw");
	expect_code(remap(ground.task, &at, 0, 3, VM_FLAGS_OVERWRITE, 1, &current, &maximum),
		    KERN_SUCCESS);
	expect_number(at, ground.base);
	expect_layout(&ground, "3113............");
	ground_verify(&ground);
	at = ground.base + PAGE;
	expect_code(remap(ground.task, &at, 0, 3, VM_FLAGS_OVERWRITE, 1, &current, &maximum),
		    KERN_SUCCESS);
	expect_layout(&ground, "3311............");
	memmove(ground_expect(&ground, at), ground_expect(&ground, ground.base), 3 * PAGE);
	ground_verify(&ground);
	/* What cannot be replaced, or not be read, is all kept. */
	if (ground_lay(&ground, 6, 1, "sealed-rw")) {
		ground_lay(&ground, 5, 1, "rw");
		at = ground.base + 5 * PAGE;
		expect_code(remap(ground.task, &at, 1, 2, VM_FLAGS_OVERWRITE, 1, &current, &maximum),
			    KERN_PROTECTION_FAILURE);
		expect_layout(&ground, "3311.33.........");
		ground_verify(&ground);
	}
	ground_lay(&ground, 4, 1, "eof-private");
	at = ground.base + 3 * PAGE;
	expect_code(remap(ground.task, &at, 3, 2, VM_FLAGS_OVERWRITE, 1, &current, &maximum),
		    KERN_MEMORY_ERROR);
	expect_layout_at(&ground, ground.base, "33113");
	ground_verify(&ground);
}

static void snapshot_can_take_the_place_of_its_source(void **state)
{
	ground_each_place(&ground, try_snapshot_over_itself);
}

/* Sharing over a part of its own source: page n is page n - 1 from then on. */
static void try_sharing_over_itself(void)
{
	uint64_t at = ground.base + PAGE;
	uint8_t byte = 0x91;
	vm_prot_t current, maximum;

	ground_lay(&ground, 0, 2, "rw");
	expect_code(remap(ground.task, &at, 0, 2, VM_FLAGS_OVERWRITE, 0, &current, &maximum),
		    KERN_SUCCESS);
	expect_layout(&ground, "ddd.............");
	ground.kind[2] = ground.kind[1];
	memmove(ground_expect(&ground, at), ground_expect(&ground, ground.base), 2 * PAGE);
	ground_verify(&ground);
	expect_code(machvm_write(ground.task, ground.base + 5, &byte, 1, 0), KERN_SUCCESS);
	*ground_expect(&ground, ground.base + 5) = *ground_expect(&ground, at + 5) = byte;
	ground_verify(&ground);
}

static void sharing_can_take_the_place_of_a_part_of_its_source(void **state)
{
	ground_each_place(&ground, try_sharing_over_itself);
}

/* What is refused for want of room has not made the source shared. */
static void try_no_room(void)
{
	vm_prot_t current, maximum;
	uint64_t at;

	ground_lay(&ground, 0, 2, "rw");
	at = (uint64_t)(uintptr_t)&ground & ~(PAGE - 1);
	expect_code(remap(mach_task_self(), &at, 0, 2, 0, 0, &current, &maximum), KERN_NO_SPACE);
	at = 0x7fffffffe000;
	expect_code(remap(mach_task_self(), &at, 0, 2, 1, 0, &current, &maximum), KERN_NO_SPACE);
	expect_code(mach_vm_remap(mach_task_self(), &at, PAGE, UINT64_MAX, 1, ground.task,
				  ground.base, 0, &current, &maximum, 1),
		    KERN_NO_SPACE);
	expect_layout(&ground, "33..............");
	ground_verify(&ground);
}

static void sharing_without_room_changes_nothing(void **state)
{
	ground_each_place(&ground, try_no_room);
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
	ground_each_place(&ground, try_sharing_within);
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
	ground_each_place(&ground, try_sharing_across);
}

/* What was set of the source's pages stays when they are moved. */
static void try_moved(void)
{
	uint64_t at = ground.base + 8 * PAGE;
	vm_prot_t current, maximum;

	ground_lay(&ground, 0, 1, "rw");
	expect_code(mach_vm_inherit(ground.task, ground.base, PAGE, VM_INHERIT_NONE), KERN_SUCCESS);
	expect_code(mach_vm_wire(mach_host_self(), ground.task, ground.base, PAGE, 1), KERN_SUCCESS);
	expect_code(remap(ground.task, &at, 0, 1, 0, 0, &current, &maximum), KERN_SUCCESS);
	expect_layout(&ground, "d.......d.......");
	assert_true(layout_has_flag(&ground, ground.base, "dc"));
	assert_true(layout_has_flag(&ground, ground.base, "lo"));
	assert_false(layout_has_flag(&ground, at, "dc") || layout_has_flag(&ground, at, "lo"));
	expect_code(mach_vm_deallocate(ground.task, at, PAGE), KERN_SUCCESS);
	ground_verify(&ground);
}

static void source_that_is_moved_keeps_its_attributes(void **state)
{
	ground_each_place(&ground, try_moved);
}

/* The kernel's own pages can be copied and not shared. */
static void try_special(void)
{
	uint64_t here = 0, start = layout_find(&ground, "[vdso]");
	vm_prot_t current, maximum;

	if (!start)
		return;
	expect_code(mach_vm_remap(mach_task_self(), &here, PAGE, 0, 1, ground.task, start, 0, &current,
				  &maximum, 1),
		    KERN_NOT_SUPPORTED);
	expect_code(mach_vm_remap(mach_task_self(), &here, PAGE, 0, 1, ground.task, start, 1, &current,
				  &maximum, 1),
		    KERN_SUCCESS);
	expect_number(current, 5);
	expect_bytes((void *)(uintptr_t)here, "\177ELF", 4);
	expect_code(mach_vm_deallocate(mach_task_self(), here, PAGE), KERN_SUCCESS);
}

static void memory_of_the_kernel_is_copied_and_not_shared(void **state)
{
	ground_each_place(&ground, try_special);
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
	ground_each_place(&ground, try_arguments);
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
	ground_each_place(&ground, try_data_address);
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
	ground_each_place(&ground, try_new);
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

/* A copy that children are to share is one memory with theirs. */
static void copy_is_shared_with_children_where_that_is_asked_for(void **state)
{
	vm_prot_t current, maximum;
	struct victim *child;
	uint8_t byte = 0x5c;
	uint64_t at;

	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	at = ground.base + 8 * PAGE;
	ground_lay(&ground, 0, 1, "rw");
	expect_code(mach_vm_remap(ground.task, &at, PAGE, 0, 0, ground.task, ground.base, 1,
				  &current, &maximum, VM_INHERIT_SHARE),
		    KERN_SUCCESS);
	child = victim_adopt(ground.victim, (pid_t)victim_ask(ground.victim, "fork"));
	expect_code(machvm_write(ground.task, at, &byte, 1, 0), KERN_SUCCESS);
	expect_number(victim_ask(child, "sum %llx 1", (unsigned long long)at),
		      pattern_sum(&byte, 1, 0));
	victim_kill(child);
	ground_close(&ground);
}

/* Two ports for one process: by a second name it is no second process. */
static void names_of_one_task_are_one_task(void **state)
{
	uint64_t at;
	vm_prot_t current = 0, maximum = 0;
	mach_port_t other;

	if (!travel_possible())
		skip();
	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	other = travel_received(ground.task, MACHVM_RIGHT_CONTROL);
	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 1, "none");
	at = ground.base + 8 * PAGE;
	/* Several objects, one of them not accessible at all: between two tasks that is refused. */
	expect_code(mach_vm_remap(other, &at, 3 * PAGE, 0, 0, ground.task, ground.base, 0, &current,
				  &maximum, VM_INHERIT_SHARE),
		    KERN_SUCCESS);
	expect_code(mach_vm_remap(other, &at, 3 * PAGE, 0, VM_FLAGS_OVERWRITE, ground.task, at, 0,
				  &current, &maximum, VM_INHERIT_SHARE),
		    KERN_SUCCESS);
	expect_layout(&ground, "dda.....dda.....");
	expect_code(mach_vm_deallocate(other, at, 3 * PAGE), KERN_SUCCESS);
	ground_verify(&ground);
	task_drop(other);
	ground_close(&ground);
}

/* Private memory is moved for it whatever its protection, and keeps that. */
static void memory_that_cannot_be_read_is_shared(void **state)
{
	uint64_t at;
	vm_prot_t current = 0, maximum = 0;
	uint8_t byte = 0x5c;

	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	at = ground.base + 8 * PAGE;
	ground_lay(&ground, 0, 4, "none");
	expect_code(mach_vm_remap(ground.task, &at, 3 * PAGE, 0, 0, ground.task, ground.base, 0,
				  &current, &maximum, VM_INHERIT_SHARE),
		    KERN_SUCCESS);
	expect_layout(&ground, "aaa0....aaa.....");
	/* One memory. */
	expect_code(mach_vm_protect(ground.task, at, PAGE, 0, 3), KERN_SUCCESS);
	expect_code(machvm_write(ground.task, at + 7, &byte, 1, 0), KERN_SUCCESS);
	*ground_expect(&ground, ground.base + 7) = byte;
	expect_code(mach_vm_deallocate(ground.task, at, 3 * PAGE), KERN_SUCCESS);
	ground_verify(&ground);
	ground_close(&ground);
}

/* Shared memory needs looks and files that private memory does not. */
static void name_that_was_received_changes_shared_memory(void **state)
{
	memory_object_size_t size = PAGE;
	mach_port_t other, entry = MACH_PORT_NULL;

	if (!travel_possible())
		skip();
	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	other = travel_received(ground.task, MACHVM_RIGHT_CONTROL);
	ground_lay(&ground, 0, 4, "rw");
	expect_code(mach_vm_inherit(other, ground.base, 2 * PAGE, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_code(mach_vm_protect(other, ground.base, PAGE, 0, VM_PROT_READ), KERN_SUCCESS);
	expect_code(mach_vm_protect(other, ground.base, PAGE, 1, VM_PROT_READ), KERN_SUCCESS);
	expect_code(mach_vm_protect(ground.task, ground.base, PAGE, 0, 3), KERN_PROTECTION_FAILURE);
	expect_code(mach_make_memory_entry_64(other, &size, ground.base + 2 * PAGE,
					      3 | MAP_MEM_VM_SHARE, &entry, MACH_PORT_NULL),
		    KERN_SUCCESS);
	expect_layout(&ground, "bdd3............");
	ground_verify(&ground);
	task_drop(entry);
	task_drop(other);
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(copy_is_shared_with_children_where_that_is_asked_for),
	TEST(names_of_one_task_are_one_task),
	TEST(memory_that_cannot_be_read_is_shared),
	TEST(name_that_was_received_changes_shared_memory),
	TEST(remap_new_gives_the_protections_that_are_asked_for),
	TEST(snapshot_needs_no_more_than_a_read_right),
	TEST(snapshot_keeps_what_was_there),
	TEST(snapshot_can_take_the_place_of_its_source),
	TEST(sharing_can_take_the_place_of_a_part_of_its_source),
	TEST(sharing_without_room_changes_nothing),
	TEST(shared_pages_are_one_memory_within_a_task),
	TEST(shared_pages_are_one_memory_between_tasks),
	TEST(source_that_is_moved_keeps_its_attributes),
	TEST(memory_of_the_kernel_is_copied_and_not_shared),
	TEST(arguments_are_judged_in_order),
	TEST(data_address_keeps_the_offset_in_the_page),
};

HARNESS_MAIN(tests)
