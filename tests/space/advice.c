/* SPDX-License-Identifier: MIT */
/*
 * vm_behavior_set, vm_msync, vm_machine_attribute and vm_wire: codes and their
 * order, contents that are kept, contents that go, and what the owner's map says.
 */
#include "layout.h"
#include "nursery.h"
#include "pattern.h"

#include <mach/host_priv.h>
#include <mach/vm_attributes.h>
#include <mach/vm_behavior.h>
#include <mach/vm_sync.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TOP (UINT64_MAX - PAGE + 1)

static struct ground ground;

static kern_return_t behave(unsigned page, unsigned pages, vm_behavior_t behavior)
{
	return mach_vm_behavior_set(ground.task, ground.base + page * PAGE, pages * PAGE, behavior);
}

static void try_hints(void)
{
	static const vm_behavior_t hints[] = {
		VM_BEHAVIOR_RANDOM, VM_BEHAVIOR_SEQUENTIAL, VM_BEHAVIOR_RSEQNTL,
		VM_BEHAVIOR_DEFAULT, VM_BEHAVIOR_WILLNEED, VM_BEHAVIOR_DONTNEED,
		VM_BEHAVIOR_PAGEOUT,
	};

	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 2, "file-rw");
	ground_lay(&ground, 4, 2, "shared-rw");
	ground_lay(&ground, 6, 1, "ro");
	for (unsigned i = 0; i < ARRAY_SIZE(hints); i++) {
		trying("behavior %d in %s", hints[i], ground.name);
		expect_code(behave(0, 7, hints[i]), KERN_SUCCESS);
		ground_verify(&ground);
	}
	expect_code(behave(1, 1, VM_BEHAVIOR_RANDOM), KERN_SUCCESS);
	assert_true(layout_has_flag(&ground, ground.base + PAGE, "rr"));
	assert_false(layout_has_flag(&ground, ground.base, "rr"));
	expect_code(behave(1, 1, VM_BEHAVIOR_SEQUENTIAL), KERN_SUCCESS);
	assert_true(layout_has_flag(&ground, ground.base + PAGE, "sr"));
	expect_code(behave(1, 1, VM_BEHAVIOR_DEFAULT), KERN_SUCCESS);
	assert_false(layout_has_flag(&ground, ground.base + PAGE, "sr"));
}

static void hints_never_lose_contents(void **state)
{
	ground_each_place(&ground, try_hints);
}

static void zero_expected(unsigned page, unsigned pages)
{
	memset(ground_expect(&ground, ground.base + page * PAGE), 0, pages * PAGE);
}

static void try_zero(void)
{
	ground_lay(&ground, 0, 4, "rw");
	ground_lay(&ground, 4, 1, "shared-rw");
	ground_lay(&ground, 5, 1, "ro");
	ground_lay(&ground, 6, 1, "file-rw");
	expect_code(behave(0, 6, VM_BEHAVIOR_ZERO), KERN_PROTECTION_FAILURE);
	expect_detail(KERN_PROTECTION_FAILURE, ground.base + 5 * PAGE);
	expect_code(behave(6, 1, VM_BEHAVIOR_ZERO), KERN_NO_ACCESS);
	ground_verify(&ground);
	expect_code(behave(1, 2, VM_BEHAVIOR_ZERO), KERN_SUCCESS);
	zero_expected(1, 2);
	ground_verify(&ground);
	expect_code(behave(3, 2, VM_BEHAVIOR_ZERO), KERN_SUCCESS);
	zero_expected(3, 2);
	ground_verify(&ground);
	expect_code(mach_vm_protect(ground.task, ground.base, PAGE, 0, 7), KERN_SUCCESS);
	expect_code(behave(0, 1, VM_BEHAVIOR_ZERO), KERN_PROTECTION_FAILURE);
	ground_verify(&ground);
}

static void zero_makes_pages_read_as_zero(void **state)
{
	ground_each_place(&ground, try_zero);
}

static void try_zero_of_wired(void)
{
	ground_lay(&ground, 0, 2, "rw");
	expect_code(mach_vm_wire(mach_host_self(), ground.task, ground.base, 2 * PAGE, 1),
		    KERN_SUCCESS);
	expect_code(behave(0, 1, VM_BEHAVIOR_ZERO), KERN_SUCCESS);
	zero_expected(0, 1);
	ground_verify(&ground);
}

static void zero_reaches_wired_pages_too(void **state)
{
	ground_each_place(&ground, try_zero_of_wired);
}

static void try_reuse(void)
{
	static const vm_behavior_t plain[] = {VM_BEHAVIOR_REUSABLE, VM_BEHAVIOR_REUSE,
					      VM_BEHAVIOR_CAN_REUSE};

	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "shared-rw");
	ground_lay(&ground, 2, 1, "file-rw");
	ground_lay(&ground, 3, 1, "ro");
	ground_lay(&ground, 5, 1, "rw");
	expect_code(mach_vm_wire(mach_host_self(), ground.task, ground.base + 5 * PAGE, PAGE, 1),
		    KERN_SUCCESS);
	for (unsigned i = 0; i < ARRAY_SIZE(plain); i++) {
		trying("behavior %d in %s", plain[i], ground.name);
		expect_code(behave(5, 1, plain[i]), KERN_INVALID_ADDRESS);
		expect_code(behave(1, 1, plain[i]), KERN_INVALID_ADDRESS);
		expect_code(behave(2, 1, plain[i]), KERN_INVALID_ADDRESS);
		expect_code(behave(3, 1, plain[i]), plain[i] == VM_BEHAVIOR_REUSABLE
							    ? KERN_PROTECTION_FAILURE
							    : KERN_SUCCESS);
	}
	ground_verify(&ground);
	expect_code(behave(0, 1, VM_BEHAVIOR_REUSABLE), KERN_SUCCESS);
	expect_code(behave(0, 1, VM_BEHAVIOR_REUSE), KERN_SUCCESS);
	expect_code(behave(0, 1, VM_BEHAVIOR_FREE), KERN_SUCCESS);
	expect_code(behave(1, 2, VM_BEHAVIOR_FREE), KERN_SUCCESS);
	expect_code(behave(0, 1, VM_BEHAVIOR_ZERO_WIRED_PAGES), KERN_NOT_SUPPORTED);
	expect_code(behave(3, 1, VM_BEHAVIOR_ZERO_WIRED_PAGES), KERN_PROTECTION_FAILURE);
}

static void only_plain_memory_can_be_reused(void **state)
{
	ground_each_place(&ground, try_reuse);
}

static void try_behavior_arguments(void)
{
	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 2, 1, "rw");
	expect_code(mach_vm_behavior_set(ground.task, ground.base, 0, 13), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_behavior_set(ground.task, ground.base, 0, -1), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_behavior_set(ground.task, TOP, 0, 12), KERN_SUCCESS);
	expect_code(mach_vm_behavior_set(ground.task, TOP, 2 * PAGE, 0), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_behavior_set(ground.task, (uint64_t)1 << 60, PAGE, 0), KERN_NO_SPACE);
	for (vm_behavior_t behavior = 0; behavior <= VM_BEHAVIOR_LAST_VALID; behavior++) {
		trying("behavior %d over a hole in %s", behavior, ground.name);
		expect_code(behave(0, 3, behavior), KERN_INVALID_ADDRESS);
		expect_detail(KERN_INVALID_ADDRESS, ground.base + PAGE);
	}
	ground_verify(&ground);
}

static void behavior_arguments_are_judged_in_order(void **state)
{
	ground_each_place(&ground, try_behavior_arguments);
}

static kern_return_t synchronize(unsigned page, unsigned pages, vm_sync_t flags)
{
	return mach_vm_msync(ground.task, ground.base + page * PAGE, pages * PAGE, flags);
}

static void try_msync(void)
{
	vm_sync_t both = VM_SYNC_SYNCHRONOUS | VM_SYNC_ASYNCHRONOUS;

	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 2, "shared-rw");
	ground_lay(&ground, 4, 1, "file-rw");
	expect_code(synchronize(0, 3, VM_SYNC_SYNCHRONOUS), KERN_SUCCESS);
	expect_code(synchronize(0, 3, VM_SYNC_SYNCHRONOUS | VM_SYNC_CONTIGUOUS), KERN_SUCCESS);
	expect_code(synchronize(0, 8, VM_SYNC_ASYNCHRONOUS), KERN_SUCCESS);
	expect_code(synchronize(0, 8, VM_SYNC_INVALIDATE | VM_SYNC_DEACTIVATE), KERN_SUCCESS);
	expect_code(synchronize(0, 8, 0), KERN_SUCCESS);
	expect_code(synchronize(0, 8, VM_SYNC_SYNCHRONOUS | VM_SYNC_CONTIGUOUS),
		    KERN_INVALID_ADDRESS);
	expect_detail(KERN_INVALID_ADDRESS, ground.base + 3 * PAGE);
	expect_code(synchronize(8, 2, VM_SYNC_SYNCHRONOUS), KERN_SUCCESS);
	expect_code(synchronize(0, 1, both), KERN_INVALID_ARGUMENT);
	expect_code(synchronize(0, 0, both), KERN_SUCCESS);
	expect_code(mach_vm_msync(ground.task, TOP, 2 * PAGE, 0), KERN_INVALID_ADDRESS);
	expect_code(mach_vm_msync(ground.task, TOP, PAGE, 0), KERN_INVALID_ADDRESS);
	expect_code(mach_vm_msync(mach_host_self(), 0, 0, 0), KERN_INVALID_TASK);
	expect_code(mach_vm_msync(MACH_PORT_NULL, 0, 0, 0), MACH_SEND_INVALID_DEST);
	expect_code(synchronize(1, 2, VM_SYNC_KILLPAGES), KERN_SUCCESS);
	ground_verify(&ground);
}

static void msync_skips_holes_and_keeps_contents(void **state)
{
	ground_each_place(&ground, try_msync);
}

/* Has the owner given the page up, should memory be short? MADV_FREE marks it as not written. */
static bool given_up(unsigned page)
{
	return layout_kilobytes(&ground, ground.base + page * PAGE, "Private_Dirty:") == 0;
}

static void try_killing(void)
{
	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "ro");
	ground_lay(&ground, 2, 1, "file-rw");
	ground_lay(&ground, 4, 1, "rw");
	expect_code(synchronize(0, 5, VM_SYNC_KILLPAGES), KERN_SUCCESS);
	/* It ends at the hole. */
	assert_true(given_up(0));
	assert_false(given_up(1) || given_up(4));
	ground_lay(&ground, 0, 1, "rw");
	ground_verify(&ground);
	expect_code(synchronize(0, 5, VM_SYNC_REUSABLEPAGES), KERN_SUCCESS);
	assert_true(given_up(0) && given_up(4));
	assert_false(given_up(1));
	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 4, 1, "rw");
	ground_verify(&ground);
}

static void killing_gives_up_writable_private_pages_alone(void **state)
{
	ground_each_place(&ground, try_killing);
}

/* Pages that are wired are written back, and stay. */
static void try_sync_of_wired(void)
{
	ground_lay(&ground, 0, 2, "shared-rw");
	expect_code(mach_vm_wire(mach_host_self(), ground.task, ground.base, PAGE, 1), KERN_SUCCESS);
	expect_code(synchronize(0, 2, VM_SYNC_SYNCHRONOUS | VM_SYNC_INVALIDATE), KERN_SUCCESS);
	ground_verify(&ground);
	expect_code(mach_vm_wire(mach_host_self(), ground.task, ground.base, PAGE, 0), KERN_SUCCESS);
}

static void wired_pages_can_be_written_back(void **state)
{
	ground_each_place(&ground, try_sync_of_wired);
}

static void try_machine_attribute(void)
{
	vm_machine_attribute_val_t value = MATTR_VAL_ICACHE_FLUSH;

	ground_lay(&ground, 0, 2, "rw");
	expect_code(mach_vm_machine_attribute(ground.task, ground.base, 2 * PAGE, MATTR_CACHE,
					      &value),
		    KERN_SUCCESS);
	expect_number(value, MATTR_VAL_ICACHE_FLUSH);
	expect_code(mach_vm_machine_attribute(ground.task, ground.base, 3 * PAGE, MATTR_CACHE,
					      &value),
		    KERN_FAILURE);
	expect_code(mach_vm_machine_attribute(ground.task, ground.base, 0, 99, &value),
		    KERN_SUCCESS);
	expect_code(mach_vm_machine_attribute(ground.task, ground.base, 1, 99, &value),
		    KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_machine_attribute(ground.task, ground.base, 1, MATTR_MIGRATE, &value),
		    KERN_NOT_SUPPORTED);
	expect_code(mach_vm_machine_attribute(ground.task, TOP, 2 * PAGE, MATTR_CACHE, &value),
		    KERN_INVALID_ADDRESS);
	expect_code(mach_vm_machine_attribute(ground.task, (uint64_t)1 << 60, 1, MATTR_CACHE,
					      &value),
		    KERN_INVALID_ADDRESS);
	value = MATTR_VAL_GET;
	expect_code(mach_vm_machine_attribute(ground.task, ground.base, 1, MATTR_CACHE, &value),
		    KERN_SUCCESS);
	expect_number(value, MATTR_VAL_ON);
	value = 77;
	expect_code(mach_vm_machine_attribute(ground.task, ground.base, 1, MATTR_CACHE, &value),
		    KERN_INVALID_ARGUMENT);
	value = MATTR_VAL_OFF;
	expect_code(mach_vm_machine_attribute(ground.task, ground.base, 1, MATTR_CACHE, &value),
		    KERN_NOT_SUPPORTED);
}

static void machine_attribute_answers_for_the_cache(void **state)
{
	ground_each_place(&ground, try_machine_attribute);
}

static kern_return_t wire(unsigned page, unsigned pages, vm_prot_t access)
{
	return mach_vm_wire(mach_host_self(), ground.task, ground.base + page * PAGE, pages * PAGE,
			    access);
}

static bool locked(unsigned page)
{
	return layout_has_flag(&ground, ground.base + page * PAGE, "lo");
}

static void try_wire(void)
{
	ground_lay(&ground, 0, 4, "rw");
	ground_lay(&ground, 4, 1, "ro");
	ground_lay(&ground, 6, 1, "rw");
	expect_code(wire(1, 2, 3), KERN_SUCCESS);
	assert_false(locked(0));
	assert_true(locked(1) && locked(2));
	/* It nests, region by region. */
	expect_code(wire(2, 2, 1), KERN_SUCCESS);
	expect_code(wire(1, 3, 0), KERN_SUCCESS);
	assert_false(locked(1));
	assert_true(locked(2));
	assert_false(locked(3));
	expect_code(wire(1, 3, 0), KERN_SUCCESS);
	assert_false(locked(2));
	/* A failure undoes what the call wired. */
	expect_code(wire(2, 3, 3), KERN_PROTECTION_FAILURE);
	expect_detail(KERN_PROTECTION_FAILURE, ground.base + 4 * PAGE);
	expect_code(wire(2, 5, 1), KERN_INVALID_ADDRESS);
	assert_false(locked(2));
	ground_lay(&ground, 5, 1, "eof-shared");
	expect_code(wire(2, 4, 1), KERN_MEMORY_ERROR);
	assert_false(locked(2) || locked(3) || locked(4) || locked(5));
	/* Unwiring skips holes and what is not wired, but does not begin at a hole. */
	expect_code(wire(6, 1, 1), KERN_SUCCESS);
	expect_code(wire(5, 4, 0), KERN_SUCCESS);
	assert_false(locked(6));
	expect_code(wire(7, 1, 0), KERN_INVALID_ADDRESS);
	ground_lay(&ground, 5, 1, "hole");
	ground_verify(&ground);
}

static void wirings_nest_and_a_failure_undoes_its_own(void **state)
{
	ground_each_place(&ground, try_wire);
}

/* What the owner has locked itself is wired once. */
static void try_own_lock(void)
{
	ground_lay(&ground, 0, 1, "rw");
	if (ground.victim)
		victim_ask(ground.victim, "lock %llx 1000", (unsigned long long)ground.base);
	else
		/* Not mlock(), which sanitizers leave out. */
		assert_int_equal(syscall(SYS_mlock, ground_pointer(&ground, ground.base), PAGE), 0);
	expect_code(wire(0, 1, 1), KERN_SUCCESS);
	expect_code(wire(0, 1, 0), KERN_SUCCESS);
	assert_true(locked(0));
	expect_code(wire(0, 1, 0), KERN_SUCCESS);
	assert_false(locked(0));
}

static void lock_of_the_owner_counts_as_one_wiring(void **state)
{
	ground_each_place(&ground, try_own_lock);
}

/* One page may be locked; it is let go again when the second cannot be. */
static void wiring_beyond_the_owners_limit_is_undone(void **state)
{
	struct rlimit all, one;
	struct victim *victim;

	/* A nursery's children have its limits. */
	if (nursery_is_open())
		skip();
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &all), 0);
	one = (struct rlimit){PAGE, all.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &one), 0);
	victim = harness_is_root() ? victim_spawn_as(WORD_64, 65534) : victim_spawn(WORD_64);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &all), 0);
	ground_open_in(&ground, victim, 0x100000000000u, GROUND_PAGES);
	ground.task = victim_task(victim);
	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "ro");
	expect_code(wire(0, 2, 1), KERN_RESOURCE_SHORTAGE);
	expect_detail(KERN_RESOURCE_SHORTAGE, ground.base + PAGE);
	assert_false(locked(0) || locked(1));
	expect_code(wire(0, 1, 1), KERN_SUCCESS);
	assert_true(locked(0));
	ground_verify(&ground);
	ground_close(&ground);
}

static void try_wire_arguments(void)
{
	expect_code(mach_vm_wire(MACH_PORT_NULL, MACH_PORT_NULL, 0, 0, 99), KERN_INVALID_HOST);
	expect_code(mach_vm_wire(ground.task, ground.task, 0, 0, 1), KERN_INVALID_HOST);
	expect_code(mach_vm_wire(mach_host_self(), mach_host_self(), 0, 0, 1), KERN_INVALID_TASK);
	expect_code(mach_vm_wire(mach_host_self(), 0x9999, 0, 0, 1), MACH_SEND_INVALID_DEST);
	expect_code(wire(0, 0, 8), KERN_INVALID_ARGUMENT);
	expect_code(wire(0, 0, 1), KERN_SUCCESS);
	expect_code(mach_vm_wire(mach_host_self(), ground.task, TOP, 2 * PAGE, 1),
		    KERN_INVALID_ARGUMENT);
	expect_code(wire(0, 1, 1), KERN_INVALID_ADDRESS);
	expect_code(vm_wire(mach_host_self(), ground.task, 0, 0, 1), KERN_SUCCESS);
}

static void wire_arguments_are_judged_in_order(void **state)
{
	ground_each_place(&ground, try_wire_arguments);
}

static const struct CMUnitTest tests[] = {
	TEST(hints_never_lose_contents),
	TEST(zero_makes_pages_read_as_zero),
	TEST(zero_reaches_wired_pages_too),
	TEST(only_plain_memory_can_be_reused),
	TEST(behavior_arguments_are_judged_in_order),
	TEST(msync_skips_holes_and_keeps_contents),
	TEST(killing_gives_up_writable_private_pages_alone),
	TEST(wired_pages_can_be_written_back),
	TEST(machine_attribute_answers_for_the_cache),
	TEST(wirings_nest_and_a_failure_undoes_its_own),
	TEST(lock_of_the_owner_counts_as_one_wiring),
	TEST(wiring_beyond_the_owners_limit_is_undone),
	TEST(wire_arguments_are_judged_in_order),
};

HARNESS_MAIN(tests)
