/* SPDX-License-Identifier: MIT */
/*
 * vm_map and memory entries: codes and their order, where memory comes to stand,
 * who shares it with whom, and what an entry grants.
 */
#include "layout.h"
#include "pattern.h"

#include <mach/memory_object_types.h>
#include <mach/vm_region.h>
#include <mach/vm_statistics.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_VMA /* Linux 5.17 */
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define TOP (UINT64_MAX - PAGE + 1)

static struct ground ground;

static kern_return_t map_at(uint64_t *address, uint64_t size, uint64_t mask, int flags,
			    vm_prot_t current, vm_prot_t maximum, vm_inherit_t inheritance)
{
	return mach_vm_map(ground.task, address, size, mask, flags, MACH_PORT_NULL, 0, 0, current,
			   maximum, inheritance);
}

static void try_anonymous(void)
{
	uint64_t at = ground.base + PAGE + 5;

	expect_code(map_at(&at, PAGE + 1, 0, VM_FLAGS_FIXED, 1, 5, 1), KERN_SUCCESS);
	expect_number(at, ground.base + PAGE);
	expect_layout(&ground, ".11.............");
	expect_code(mach_vm_protect(ground.task, at, PAGE, 0, 3), KERN_PROTECTION_FAILURE);
	expect_code(mach_vm_protect(ground.task, at, PAGE, 0, 5), KERN_SUCCESS);
	expect_layout(&ground, ".51.............");
	/* The hint is honoured, upwards and around what is there. */
	at = ground.base + PAGE;
	expect_code(map_at(&at, 2 * PAGE, 0, VM_FLAGS_ANYWHERE, 3, 7, 1), KERN_SUCCESS);
	expect_number(at, ground.base + 3 * PAGE);
	at = ground.base + PAGE;
	expect_code(map_at(&at, PAGE, 2 * PAGE - 1, VM_FLAGS_ANYWHERE, 3, 7, 1), KERN_SUCCESS);
	expect_number(at, (ground.base + 5 * PAGE + 2 * PAGE - 1) & ~(2 * PAGE - 1));
	/* The current protection is reduced to the maximum. */
	at = ground.base + 8 * PAGE;
	expect_code(map_at(&at, PAGE, 0, VM_FLAGS_FIXED, 7, 1, 1), KERN_SUCCESS);
	expect_layout_at(&ground, ground.base + 8 * PAGE, "1.......");
	expect_code(map_at(&at, PAGE, 0, VM_FLAGS_FIXED, 7, 1, 1), KERN_NO_SPACE);
	expect_code(map_at(&at, PAGE, 0, VM_FLAGS_OVERWRITE, 3, 3, 0), KERN_SUCCESS);
	expect_layout_at(&ground, ground.base + 8 * PAGE, "d.......");
}

static void anonymous_memory_is_placed_as_asked(void **state)
{
	ground_each_place(&ground, try_anonymous);
}

static void try_alignment(void)
{
	uint64_t at = 0;

	expect_code(map_at(&at, PAGE, 0x1fffff, VM_FLAGS_ANYWHERE, 3, 7, 1), KERN_SUCCESS);
	expect_number(at & 0x1fffff, 0);
	expect_code(mach_vm_deallocate(ground.task, at, PAGE), KERN_SUCCESS);
	at = 0;
	expect_code(map_at(&at, PAGE, UINT64_MAX, VM_FLAGS_ANYWHERE, 3, 7, 1), KERN_NO_SPACE);
	at = ground.base + PAGE;
	expect_code(map_at(&at, PAGE, 2 * PAGE, VM_FLAGS_FIXED, 3, 7, 1),
		    (ground.base + PAGE) & 2 * PAGE ? KERN_NO_SPACE : KERN_SUCCESS);
	at = 0x7fffffffffff & ~(PAGE - 1);
	expect_code(map_at(&at, 4 * PAGE, 0, VM_FLAGS_ANYWHERE, 3, 7, 1), KERN_NO_SPACE);
}

static void mask_and_hint_that_leave_no_room_are_no_space(void **state)
{
	ground_each_place(&ground, try_alignment);
}

static void try_arguments(void)
{
	uint64_t at = ground.base;

	expect_code(map_at(&at, 0, 0, 0x20, 3, 7, 1), KERN_INVALID_ARGUMENT);
	expect_code(map_at(&at, PAGE, 0, 0, 8, 7, 1), KERN_INVALID_ARGUMENT);
	expect_code(map_at(&at, PAGE, 0, 0, 3, 0x27, 1), KERN_INVALID_ARGUMENT);
	expect_code(map_at(&at, PAGE, 0, 0, 3, 7, 3), KERN_INVALID_ARGUMENT);
	expect_code(map_at(&at, 0, 0, 0, 3, 7, 1), KERN_INVALID_ARGUMENT);
	expect_code(map_at(&at, UINT64_MAX, 0, 1, 3, 7, 1), KERN_INVALID_ARGUMENT);
	at = TOP;
	expect_code(map_at(&at, 2 * PAGE, 0, 0, 3, 7, 1), KERN_INVALID_ARGUMENT);
	at = 0;
	expect_code(map_at(&at, PAGE, 0, 0, 3, 7, 1), KERN_INVALID_ADDRESS);
	at = (uint64_t)1 << 60;
	expect_code(map_at(&at, PAGE, 0, 0, 3, 7, 1), KERN_INVALID_ADDRESS);
	expect_number(at, (uint64_t)1 << 60);
	expect_code(mach_vm_map(ground.task, &at, PAGE, 0, 1, mach_host_self(), 0, 0, 3, 7, 1),
		    KERN_INVALID_OBJECT);
	expect_code(mach_vm_map(ground.task, &at, PAGE, 0, 1, 0x9999, 0, 0, 3, 7, 1),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_map(MACH_PORT_NULL, &at, 0, 0, 0x20, 0, 0, 0, 3, 7, 1),
		    MACH_SEND_INVALID_DEST);
	expect_layout(&ground, "................");
}

static void arguments_are_judged_in_order(void **state)
{
	ground_each_place(&ground, try_arguments);
}

static void try_permanent(void)
{
	uint64_t at = ground.base + PAGE;

	ground_lay(&ground, 0, 1, "rw");
	expect_code(map_at(&at, PAGE, 0, VM_FLAGS_PERMANENT, 3, 7, 1), KERN_SUCCESS);
	expect_code(mach_vm_deallocate(ground.task, ground.base, 2 * PAGE), KERN_SUCCESS);
	expect_layout(&ground, ".0..............");
}

static void permanent_memory_stays_and_loses_all_access(void **state)
{
	ground_each_place(&ground, try_permanent);
}

static unsigned tag_of(uint64_t address)
{
	vm_region_extended_info_data_t info;
	mach_msg_type_number_t count = VM_REGION_EXTENDED_INFO_COUNT;
	mach_vm_size_t size;
	mach_port_t name;

	expect_code(mach_vm_region(ground.task, &address, &size, VM_REGION_EXTENDED_INFO,
				   (vm_region_info_t)&info, &count, &name),
		    KERN_SUCCESS);
	return info.user_tag;
}

static void try_tags(void)
{
	uint64_t at = ground.base;

	expect_code(map_at(&at, PAGE, 0, (int)VM_MAKE_TAG(77), 3, 7, 1), KERN_SUCCESS);
	expect_number(tag_of(at), 77);
	at += PAGE;
	expect_code(mach_vm_allocate(ground.task, &at, PAGE, (int)VM_MAKE_TAG(78)), KERN_SUCCESS);
	expect_number(tag_of(at), 78);
	expect_number(tag_of(at - PAGE), 77);
	at += PAGE;
	expect_code(mach_vm_allocate(ground.task, &at, PAGE, 0), KERN_SUCCESS);
	expect_number(tag_of(at), 0);
}

/* Tags are names of anonymous memory, which not every kernel keeps. */
static void tag_is_told_by_the_region(void **state)
{
	void *page = mmap(NULL, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, page, PAGE, "probe");

	munmap(page, PAGE);
	if (r)
		skip();
	ground_each_place(&ground, try_tags);
}

/* A byte that one side stores, seen by the owner of the ground. */
static void expect_byte(uint64_t at, uint8_t byte)
{
	if (ground.victim)
		expect_number(victim_ask(ground.victim, "sum %llx 1", (unsigned long long)at),
			      pattern_sum(&byte, 1, 0));
	else
		expect_number(*(volatile uint8_t *)(uintptr_t)at, byte);
}

static void try_created(void)
{
	mach_vm_address_t here = 0, there = ground.base, again = ground.base + 4 * PAGE;
	memory_object_size_t size = 2 * PAGE + 1;
	mach_port_t entry = 7;
	volatile uint8_t *memory;

	expect_code(mach_make_memory_entry_64(ground.task, &size, 12345, 3 | MAP_MEM_NAMED_CREATE,
					      &entry, MACH_PORT_NULL),
		    KERN_SUCCESS);
	expect_number(size, 3 * PAGE);
	expect_code(mach_vm_map(mach_task_self(), &here, size, 0, 1, entry, 0, 0, 3, 3, 1),
		    KERN_SUCCESS);
	expect_code(mach_vm_map(ground.task, &there, 2 * PAGE, 0, 0, entry, PAGE, 0, 3, 3, 1),
		    KERN_SUCCESS);
	expect_layout(&ground, "dd..............");
	memory = (volatile uint8_t *)(uintptr_t)here;
	memory[PAGE + 3] = 0x42;
	expect_byte(there + 3, 0x42);
	/* A private snapshot of it does not follow. */
	expect_code(mach_vm_map(ground.task, &again, PAGE, 0, 0, entry, PAGE, 1, 3, 3, 1),
		    KERN_SUCCESS);
	expect_layout(&ground, "dd..3...........");
	expect_byte(again + 3, 0x42);
	memory[PAGE + 3] = 0x44;
	expect_byte(there + 3, 0x44);
	expect_byte(again + 3, 0x42);
	if (ground.victim) {
		victim_ask(ground.victim, "fill %llx 1000 3", (unsigned long long)there + PAGE);
		expect_number(memory[2 * PAGE + 100], pattern_byte(3, there + PAGE + 100));
	}
	/* More than there is, and more than is granted. */
	expect_code(mach_vm_map(ground.task, &again, 3 * PAGE, 0, 1, entry, PAGE, 0, 3, 3, 1),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_map(ground.task, &again, PAGE, 0, 1, entry, 8, 0, 3, 3, 1),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_map(ground.task, &again, PAGE, 0, 1, entry, UINT64_MAX, 0, 3, 3, 1),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_map(ground.task, &again, PAGE, 0, 1, entry, 0, 0, 3, 7, 1),
		    KERN_INVALID_RIGHT);
	again = ground.base + 8 * PAGE;
	expect_code(mach_vm_map(ground.task, &again, PAGE, 0, 0, entry, 0, 0, 7 | VM_PROT_IS_MASK,
				7 | VM_PROT_IS_MASK, 1),
		    KERN_SUCCESS);
	expect_layout_at(&ground, ground.base + 8 * PAGE, "d.");
	/* The memory outlives the port. */
	expect_code(mach_port_deallocate(mach_task_self(), entry), KERN_SUCCESS);
	expect_code(mach_vm_map(ground.task, &again, PAGE, 0, 1, entry, 0, 0, 3, 3, 1),
		    KERN_INVALID_ARGUMENT);
	memory[PAGE + 4] = 0x43;
	expect_byte(there + 4, 0x43);
	expect_code(mach_vm_deallocate(mach_task_self(), here, size), KERN_SUCCESS);
}

static void created_entry_is_shared_by_all_who_map_it(void **state)
{
	ground_each_place(&ground, try_created);
}

static void try_read_only(void)
{
	mach_vm_address_t there = ground.base;
	memory_object_size_t size = PAGE;
	mach_port_t entry, part;

	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, 3 | MAP_MEM_NAMED_CREATE,
					      &entry, MACH_PORT_NULL),
		    KERN_SUCCESS);
	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, 5, &part, entry),
		    KERN_INVALID_RIGHT);
	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, 1, &part, entry), KERN_SUCCESS);
	expect_code(mach_vm_map(ground.task, &there, size, 0, 0, part, 0, 0, 1, 1, 1), KERN_SUCCESS);
	expect_code(mach_vm_map(ground.task, &there, size, 0, 1, part, 0, 0, 3, 3, 1),
		    KERN_INVALID_RIGHT);
	expect_layout(&ground, "b...............");
	expect_code(mach_vm_protect(ground.task, there, size, 0, 3), KERN_PROTECTION_FAILURE);
	/* Nor does the kernel let the owner itself have more. */
	if (ground.victim)
		expect_number(victim_try(ground.victim, "protect %llx 1000 3",
					 (unsigned long long)there) != 0, 1);
	else
		assert_int_not_equal(mprotect((void *)(uintptr_t)there, PAGE, 3), 0);
	size = 2 * PAGE;
	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, 1, &part, entry),
		    KERN_INVALID_ARGUMENT);
	task_drop(part);
	task_drop(entry);
}

static void part_of_an_entry_never_grants_more(void **state)
{
	ground_each_place(&ground, try_read_only);
}

/* The memory of a range itself: from then on one memory, in both tasks. */
static void try_of_range(void)
{
	mach_vm_address_t here = 0;
	memory_object_size_t size = 4 * PAGE;
	mach_port_t entry;
	uint8_t *memory, byte = 0x66;

	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 2, "ro");
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base + 9, 1, &entry, 0),
		    KERN_SUCCESS);
	expect_number(size, 2 * PAGE);
	expect_layout(&ground, "dd11............");
	ground_verify(&ground);
	expect_code(mach_vm_map(mach_task_self(), &here, size, 0, 1, entry, 0, 0, 1, 1, 1),
		    KERN_SUCCESS);
	memory = (uint8_t *)(uintptr_t)here;
	expect_bytes(memory, ground_expect(&ground, ground.base), 2 * PAGE);
	expect_code(machvm_write(ground.task, ground.base + 77, &byte, 1, 0), KERN_SUCCESS);
	*ground_expect(&ground, ground.base + 77) = byte;
	expect_number(memory[77], byte);
	ground_verify(&ground);
	/* What the range does not permit is not granted; with VM_SHARE it is what it could permit. */
	size = PAGE;
	task_drop(entry);
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base + 2 * PAGE, 3, &entry,
					      0),
		    KERN_PROTECTION_FAILURE);
	expect_layout(&ground, "dd11............");
	size = 2 * PAGE;
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base + 2 * PAGE,
					      3 | MAP_MEM_VM_SHARE, &entry, 0),
		    KERN_SUCCESS);
	expect_number(size, 2 * PAGE);
	expect_layout(&ground, "ddbb............");
	ground_verify(&ground);
	expect_code(mach_vm_deallocate(mach_task_self(), here, 2 * PAGE), KERN_SUCCESS);
	task_drop(entry);
}

static void entry_of_a_range_is_the_memory_itself(void **state)
{
	ground_each_place(&ground, try_of_range);
}

/* Its memory lives on in the entry. */
static void entry_outlives_the_task_that_it_is_of(void **state)
{
	mach_vm_address_t here = 0;
	memory_object_size_t size = 2 * PAGE;
	mach_port_t entry;

	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	ground_lay(&ground, 0, 2, "rw");
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base, 3, &entry, 0),
		    KERN_SUCCESS);
	victim_ask(ground.victim, "unmap %llx 1000", (unsigned long long)ground.base);
	victim_kill(ground.victim);
	expect_code(mach_vm_map(mach_task_self(), &here, size, 0, 1, entry, 0, 0, 3, 3, 1),
		    KERN_SUCCESS);
	expect_bytes((void *)(uintptr_t)here, ground_expect(&ground, ground.base), 2 * PAGE);
	expect_code(mach_vm_deallocate(mach_task_self(), here, size), KERN_SUCCESS);
	task_drop(entry);
}

static void try_snapshot(void)
{
	mach_vm_address_t here = 0;
	memory_object_size_t size = PAGE + 10;
	uint8_t want[2 * PAGE], byte = 1;
	mach_port_t entry;

	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 1, "none");
	memcpy(want, ground_expect(&ground, ground.base), 2 * PAGE);
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base + 100,
					      3 | MAP_MEM_VM_COPY | MAP_MEM_USE_DATA_ADDR, &entry, 0),
		    KERN_SUCCESS);
	expect_number(size, PAGE + 10);
	expect_layout(&ground, "330.............");
	expect_code(machvm_write(ground.task, ground.base + 100, &byte, 1, 0), KERN_SUCCESS);
	*ground_expect(&ground, ground.base + 100) = byte;
	expect_code(mach_vm_map(mach_task_self(), &here, size, 0,
				VM_FLAGS_ANYWHERE | VM_FLAGS_RETURN_DATA_ADDR, entry, 0, 0, 3, 7, 1),
		    KERN_SUCCESS);
	expect_number(here & (PAGE - 1), 100);
	expect_bytes((void *)(uintptr_t)here, want + 100, size);
	expect_code(mach_vm_deallocate(mach_task_self(), here, size), KERN_SUCCESS);
	task_drop(entry);
	size = 3 * PAGE;
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base,
					      3 | MAP_MEM_VM_COPY, &entry, 0),
		    KERN_PROTECTION_FAILURE);
	size = 4 * PAGE;
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base + 3 * PAGE,
					      3 | MAP_MEM_VM_COPY, &entry, 0),
		    KERN_INVALID_ADDRESS);
}

static void snapshot_keeps_what_was_there(void **state)
{
	ground_each_place(&ground, try_snapshot);
}

static void try_entry_arguments(void)
{
	memory_object_size_t size = 0;
	mach_port_t entry = 5;

	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, MAP_MEM_NAMED_CREATE | 3, &entry,
					      0),
		    KERN_SUCCESS);
	expect_number(entry, MACH_PORT_NULL);
	entry = 5;
	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, 0x100 | 3, &entry, 0),
		    KERN_INVALID_VALUE);
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base, 3, &entry, 0),
		    KERN_INVALID_ARGUMENT);
	size = PAGE;
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base, 3, &entry, 0),
		    KERN_INVALID_ADDRESS);
	expect_code(mach_make_memory_entry_64(ground.task, &size, ground.base,
					      3 | MAP_MEM_VM_SHARE, &entry, 0),
		    KERN_INVALID_ADDRESS);
	expect_code(mach_make_memory_entry_64(ground.task, &size, UINT64_MAX, 3, &entry, 0),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_make_memory_entry_64(ground.task, &size, 0,
					      MAP_MEM_NAMED_CREATE | MAP_MEM_PURGABLE | 1, &entry, 0),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, 3, &entry, mach_host_self()),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_make_memory_entry_64(mach_host_self(), &size, 0, MAP_MEM_NAMED_CREATE | 3,
					      &entry, 0),
		    KERN_INVALID_TASK);
	expect_code(mach_make_memory_entry_64(MACH_PORT_NULL, &size, 0, MAP_MEM_NAMED_CREATE | 3,
					      &entry, 0),
		    MACH_SEND_INVALID_DEST);
	size = UINT64_C(0x100000000) * PAGE;
	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, MAP_MEM_NAMED_CREATE | 3, &entry,
					      0),
		    KERN_FAILURE);
	expect_number(entry, 5);
}

static void entry_arguments_are_judged_in_order(void **state)
{
	ground_each_place(&ground, try_entry_arguments);
}

static void natural_spellings_are_the_same(void **state)
{
	vm_address_t at = 0;
	vm_size_t size = PAGE;
	mach_port_t entry;

	expect_code(mach_make_memory_entry(mach_task_self(), &size, 0, 3 | MAP_MEM_NAMED_CREATE,
					   &entry, 0),
		    KERN_SUCCESS);
	expect_code(vm_map(mach_task_self(), &at, size, 0, 1, entry, 0, 0, 3, 3, 1), KERN_SUCCESS);
	*(volatile char *)at = 9;
	expect_code(vm_deallocate(mach_task_self(), at, size), KERN_SUCCESS);
	at = 0;
	expect_code(vm_map_64(mach_task_self(), &at, size, 0, 1, entry, 0, 0, 1, 1, 1), KERN_SUCCESS);
	expect_number(*(volatile char *)at, 9);
	expect_code(vm_deallocate(mach_task_self(), at, size), KERN_SUCCESS);
	task_drop(entry);
}

/* Also in pages that nobody has written to, and before anybody has looked at them. */
static void try_copy_of_entry(void)
{
	mach_vm_address_t shared = ground.base, copy = ground.base + 4 * PAGE;
	memory_object_size_t size = 3 * PAGE;
	uint8_t bytes[3 * 4096], later[3 * 4096];
	mach_port_t entry;

	expect_code(mach_make_memory_entry_64(ground.task, &size, 0, 3 | MAP_MEM_NAMED_CREATE,
					      &entry, 0),
		    KERN_SUCCESS);
	expect_code(mach_vm_map(ground.task, &shared, size, 0, 0, entry, 0, 0, 3, 3, 1),
		    KERN_SUCCESS);
	pattern_fill(bytes, 0, sizeof(bytes), 5);
	memset(bytes + PAGE, 0, PAGE);
	memset(later, 0x77, sizeof(later));
	expect_code(machvm_write(ground.task, shared, bytes, sizeof(bytes), 0), KERN_SUCCESS);
	expect_code(mach_vm_map(ground.task, &copy, size, 0, 0, entry, 0, 1, 1, 3, 1),
		    KERN_SUCCESS);
	expect_code(machvm_write(ground.task, shared, later, sizeof(later), 0), KERN_SUCCESS);
	expect_layout(&ground, "ddd.111.........");
	if (ground.victim)
		expect_number(victim_ask(ground.victim, "sum %llx %zx", (unsigned long long)copy,
					 sizeof(bytes)),
			      pattern_sum(bytes, sizeof(bytes), 0));
	else
		expect_bytes((void *)(uintptr_t)copy, bytes, sizeof(bytes));
	expect_code(mach_vm_protect(ground.task, copy, PAGE, 0, 7), KERN_PROTECTION_FAILURE);
	task_drop(entry);
}

static void copy_of_an_entry_does_not_follow_it(void **state)
{
	ground_each_place(&ground, try_copy_of_entry);
}

static const struct CMUnitTest tests[] = {
	TEST(copy_of_an_entry_does_not_follow_it),
	TEST(anonymous_memory_is_placed_as_asked),
	TEST(mask_and_hint_that_leave_no_room_are_no_space),
	TEST(arguments_are_judged_in_order),
	TEST(permanent_memory_stays_and_loses_all_access),
	TEST(tag_is_told_by_the_region),
	TEST(created_entry_is_shared_by_all_who_map_it),
	TEST(part_of_an_entry_never_grants_more),
	TEST(entry_of_a_range_is_the_memory_itself),
	TEST(entry_outlives_the_task_that_it_is_of),
	TEST(snapshot_keeps_what_was_there),
	TEST(entry_arguments_are_judged_in_order),
	TEST(natural_spellings_are_the_same),
};

HARNESS_MAIN(tests)
