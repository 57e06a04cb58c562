/* SPDX-License-Identifier: MIT */
/*
 * vm_protect: codes and their order, rounding, private copies, and that a call that
 * fails has changed nothing. (The maximum that it sets is maximum.c's.)
 */
#include "layout.h"
#include "travel.h"

static struct ground ground;

static kern_return_t protect(unsigned page, unsigned pages, vm_prot_t protection)
{
	return mach_vm_protect(ground.task, ground.base + page * PAGE, pages * PAGE, 0, protection);
}

static kern_return_t limit(unsigned page, unsigned pages, vm_prot_t protection)
{
	return mach_vm_protect(ground.task, ground.base + page * PAGE, pages * PAGE, 1, protection);
}

static void try_every_protection(void)
{
	static const vm_prot_t order[] = {1, 3, 0, 5, 7, 4, 2, 6, 3};

	ground_lay(&ground, 2, 3, "rw");
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
		char want[17] = "..3.3...........";

		trying("protection %d in %s", order[i], ground.name);
		expect_code(protect(3, 1, order[i]), KERN_SUCCESS);
		want[3] = (char)('0' + order[i]);
		expect_layout(&ground, want);
	}
	ground_verify(&ground);
}

static void every_protection_reaches_exactly_its_pages(void **state)
{
	ground_each_place(&ground, try_every_protection);
}

static void try_rounding(void)
{
	ground_lay(&ground, 0, 6, "rw");
	expect_code(mach_vm_protect(ground.task, ground.base + PAGE + 1, 1, 0, 1), KERN_SUCCESS);
	expect_layout(&ground, "313333..........");
	expect_code(mach_vm_protect(ground.task, ground.base + 3 * PAGE - 1, 2, 0, 1),
		    KERN_SUCCESS);
	expect_layout(&ground, "311133..........");
	expect_code(mach_vm_protect(ground.task, ground.base + 5 * PAGE - 1, 1, 0, 0),
		    KERN_SUCCESS);
	expect_layout(&ground, "311103..........");
	expect_code(protect(4, 1, 1), KERN_SUCCESS);
	ground_verify(&ground);
}

static void every_page_that_the_range_touches_changes(void **state)
{
	ground_each_place(&ground, try_rounding);
}

static void try_arguments(void)
{
	uint64_t top = UINT64_MAX - PAGE + 1;

	ground_lay(&ground, 0, 2, "rw");
	/* Size 0 comes first, then the range, then the protection, then the map. */
	expect_code(mach_vm_protect(ground.task, ground.base, 0, 0, 0x7fffffff), KERN_SUCCESS);
	expect_code(mach_vm_protect(ground.task, UINT64_MAX, 0, 1, 1), KERN_SUCCESS);
	expect_code(mach_vm_protect(ground.task, top, 2 * PAGE, 0, 0x20), KERN_INVALID_ADDRESS);
	expect_code(mach_vm_protect(ground.task, top, PAGE, 0, 1), KERN_INVALID_ADDRESS);
	expect_code(mach_vm_protect(ground.task, top, 1, 0, 1), KERN_INVALID_ADDRESS);
	expect_code(mach_vm_protect(ground.task, ground.base, UINT64_MAX, 0, 1),
		    KERN_INVALID_ADDRESS);
	expect_code(mach_vm_protect(ground.task, ground.base + 8 * PAGE, PAGE, 0, 8),
		    KERN_INVALID_ARGUMENT);
	expect_code(protect(0, 1, 0x20), KERN_INVALID_ARGUMENT);
	expect_code(protect(0, 1, -1), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_protect(ground.task, 0, 1, 0, 1), KERN_INVALID_ADDRESS);
	expect_code(mach_vm_protect(ground.task, top - PAGE, PAGE, 0, 1), KERN_INVALID_ADDRESS);
	expect_layout(&ground, "33..............");
}

static void arguments_are_judged_in_order(void **state)
{
	ground_each_place(&ground, try_arguments);
}

static void try_holes(void)
{
	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 3, 2, "rw");
	expect_code(protect(0, 5, 1), KERN_INVALID_ADDRESS);
	expect_detail(KERN_INVALID_ADDRESS, ground.base + 2 * PAGE);
	expect_code(protect(2, 3, 1), KERN_INVALID_ADDRESS);
	expect_detail(KERN_INVALID_ADDRESS, ground.base + 2 * PAGE);
	expect_code(protect(3, 3, 1), KERN_INVALID_ADDRESS);
	expect_detail(KERN_INVALID_ADDRESS, ground.base + 5 * PAGE);
	expect_code(limit(0, 5, 1), KERN_INVALID_ADDRESS);
	expect_code(protect(0, 5, 3 | VM_PROT_COPY), KERN_INVALID_ADDRESS);
	expect_layout(&ground, "33.33...........");
	expect_code(protect(0, 2, 3), KERN_SUCCESS);
	ground_verify(&ground);
}

static void hole_is_an_invalid_address_and_nothing_changes(void **state)
{
	ground_each_place(&ground, try_holes);
}

static void try_several_regions(void)
{
	ground_lay(&ground, 1, 1, "ro");
	ground_lay(&ground, 2, 1, "rw");
	ground_lay(&ground, 3, 1, "none");
	ground_lay(&ground, 4, 2, "file-rw");
	ground_lay(&ground, 6, 1, "rx");
	expect_layout(&ground, ".130335.........");
	expect_code(protect(1, 6, 3), KERN_SUCCESS);
	expect_layout(&ground, ".333333.........");
	expect_code(protect(2, 4, 1), KERN_SUCCESS);
	expect_layout(&ground, ".311113.........");
	ground_verify(&ground);
}

static void several_regions_change_in_one_call(void **state)
{
	ground_each_place(&ground, try_several_regions);
}

/* An earlier region that refuses decides before a later hole, and the other way round. */
static void try_first_problem(void)
{
	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 2, 1, "rw");
	ground_lay(&ground, 3, 1, "rw");
	expect_code(limit(2, 1, 1), KERN_SUCCESS);
	expect_code(protect(2, 4, 3), KERN_PROTECTION_FAILURE);
	expect_code(protect(0, 4, 3), KERN_INVALID_ADDRESS);
	expect_layout(&ground, "3.13............");
}

static void first_problem_in_the_range_decides(void **state)
{
	ground_each_place(&ground, try_first_problem);
}

static void try_kernel_maximum(void)
{
	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 2, "shared-ro");
	ground_lay(&ground, 4, 2, "rw");
	expect_code(protect(0, 6, 3), KERN_PROTECTION_FAILURE);
	expect_detail(KERN_PROTECTION_FAILURE, ground.base + 2 * PAGE);
	expect_layout(&ground, "33bb33..........");
	expect_code(limit(2, 2, 3), KERN_PROTECTION_FAILURE);
	expect_code(protect(0, 6, 1), KERN_SUCCESS);
	expect_layout(&ground, "11bb11..........");
	ground_lay(&ground, 8, 2, "shared-drop");
	expect_code(protect(8, 2, 3), KERN_SUCCESS);
	expect_layout(&ground, "11bb11..dd......");
	ground_verify(&ground);
}

static void shared_file_opened_for_reading_cannot_be_made_writable(void **state)
{
	ground_each_place(&ground, try_kernel_maximum);
}

/* Private memory of a file that may only be read: the way to patch program text. */
static void try_copy(void)
{
	uint8_t byte = 0x5a;

	ground_lay(&ground, 0, 2, "file-rx");
	ground_lay(&ground, 2, 2, "shared-ro");
	expect_code(protect(0, 2, 3 | VM_PROT_COPY), KERN_SUCCESS);
	expect_layout(&ground, "33bb............");
	expect_code(limit(0, 2, 5), KERN_SUCCESS);
	expect_code(protect(0, 2, 3), KERN_PROTECTION_FAILURE);
	expect_code(protect(0, 2, 3 | VM_PROT_COPY), KERN_SUCCESS);
	expect_layout(&ground, "33bb............");
	ground_verify(&ground);
	/* From then on it may be written without that. */
	expect_code(protect(0, 2, 1), KERN_SUCCESS);
	expect_code(protect(0, 2, 3), KERN_SUCCESS);
	/* Shared pages become private ones with the same contents. */
	expect_code(protect(1, 3, 3 | VM_PROT_COPY), KERN_SUCCESS);
	expect_layout(&ground, "3333............");
	ground_verify(&ground);
	expect_code(mach_vm_write(ground.task, ground.base + 2 * PAGE + 7, (vm_offset_t)&byte, 1),
		    KERN_SUCCESS);
	*ground_expect(&ground, ground.base + 2 * PAGE + 7) = byte;
	ground_verify(&ground);
	if (ground.victim) {
		uint8_t file[2 * PAGE];
		uint64_t at = ground.base + 2 * PAGE;

		victim_ask(ground.victim, "file %llx %zx", (unsigned long long)at, 2 * PAGE);
		victim_bytes(ground.victim, file, sizeof(file));
		assert_int_not_equal(file[7], byte);
	}
}

static void copy_makes_a_private_writable_copy(void **state)
{
	ground_each_place(&ground, try_copy);
}

/* The copy is memory like any other: a child gets it. */
static void try_copy_inherited(void)
{
	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "file-rx");
	expect_code(mach_vm_inherit(ground.task, ground.base, 2 * PAGE, VM_INHERIT_NONE),
		    KERN_SUCCESS);
	assert_true(layout_has_flag(&ground, ground.base, "dc"));
	expect_code(protect(0, 2, 3), KERN_SUCCESS);
	assert_true(layout_has_flag(&ground, ground.base, "dc"));
	expect_code(protect(0, 2, 3 | VM_PROT_COPY), KERN_SUCCESS);
	assert_false(layout_has_flag(&ground, ground.base, "dc"));
	assert_false(layout_has_flag(&ground, ground.base + PAGE, "dc"));
	expect_layout(&ground, "33..............");
	ground_verify(&ground);
}

static void copy_is_inherited_by_children(void **state)
{
	ground_each_place(&ground, try_copy_inherited);
}

static void try_copy_beyond_the_end(void)
{
	ground_lay(&ground, 0, 2, "shared-rw");
	ground_lay(&ground, 2, 1, "eof-shared");
	expect_code(protect(0, 3, 3 | VM_PROT_COPY), KERN_MEMORY_ERROR);
	expect_layout(&ground, "ddd.............");
	ground_verify(&ground);
}

static void copy_that_cannot_read_everything_changes_nothing(void **state)
{
	ground_each_place(&ground, try_copy_beyond_the_end);
}

static void try_sealed(void)
{
	if (!ground_lay(&ground, 3, 1, "sealed-rw"))
		return;
	ground_lay(&ground, 1, 2, "rw");
	ground_lay(&ground, 4, 2, "ro");
	expect_code(protect(1, 5, 1), KERN_PROTECTION_FAILURE);
	expect_layout(&ground, ".33311..........");
	expect_code(protect(1, 5, 7), KERN_PROTECTION_FAILURE);
	expect_layout(&ground, ".33311..........");
	ground_verify(&ground);
}

static void sealed_region_refuses_and_everything_is_put_back(void **state)
{
	ground_each_place(&ground, try_sealed);
}

static void task_argument_is_judged_first(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), weak = MACH_PORT_NULL;

	expect_code(mach_vm_protect(MACH_PORT_NULL, 0, 0, 0, 0x20), MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_protect(0x7777, 0, 0, 0, 0), MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_protect(mach_host_self(), 0, 0, 0, 0), KERN_INVALID_ARGUMENT);
	assert_int_equal(task_read_for_pid(mach_task_self(), victim->pid, &weak), 0);
	expect_code(mach_vm_protect(weak, 0, 0, 0, 0), KERN_INVALID_ARGUMENT);
	victim_kill(victim);
	expect_code(mach_vm_protect(task, 0, 0, 0, 0), MACH_SEND_INVALID_DEST);
	expect_code(vm_protect(task, 0, PAGE, 0, 3), MACH_SEND_INVALID_DEST);
}

/* Many threads protect one victim at once: every call is whole. */
static void stopped_and_running_victims_are_alike(void **state)
{
	ground_open(&ground, PLACE_VICTIM, 8);
	victim_ask(ground.victim, "threads 8");
	ground_lay(&ground, 0, 4, "rw");
	for (unsigned i = 0; i < 100; i++) {
		expect_code(protect(0, 4, i % 2 ? 3 : 1), KERN_SUCCESS);
		expect_code(protect(1, 2, i % 3), KERN_SUCCESS);
	}
	expect_layout(&ground, "3003....");
	ground_verify(&ground);
	ground_close(&ground);
}

/* What a remote call keeps open goes with the port. */
static void ports_that_are_given_back_leave_no_descriptor(void **state)
{
	unsigned before = 0;

	ground_open(&ground, PLACE_VICTIM, 1);
	ground_lay(&ground, 0, 1, "rw");
	task_drop(ground.task);
	for (unsigned i = 0; i < 8; i++) {
		mach_port_t task = victim_task(ground.victim);

		expect_code(mach_vm_protect(task, ground.base, PAGE, 0, 1 + i % 2 * 2),
			    KERN_SUCCESS);
		task_drop(task);
		/* The first one finds what is made once. */
		if (i == 0)
			before = count_descriptors();
	}
	expect_number(count_descriptors(), before);
	ground.task = MACH_PORT_NULL;
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(ports_that_are_given_back_leave_no_descriptor),
	TEST(every_protection_reaches_exactly_its_pages),
	TEST(every_page_that_the_range_touches_changes),
	TEST(arguments_are_judged_in_order),
	TEST(hole_is_an_invalid_address_and_nothing_changes),
	TEST(several_regions_change_in_one_call),
	TEST(first_problem_in_the_range_decides),
	TEST(shared_file_opened_for_reading_cannot_be_made_writable),
	TEST(copy_makes_a_private_writable_copy),
	TEST(copy_is_inherited_by_children),
	TEST(copy_that_cannot_read_everything_changes_nothing),
	TEST(sealed_region_refuses_and_everything_is_put_back),
	TEST(task_argument_is_judged_first),
	TEST(stopped_and_running_victims_are_alike),
};

HARNESS_MAIN(tests)
