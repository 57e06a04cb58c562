/* SPDX-License-Identifier: MIT */
/* vm_purgable_control: states of purgeable allocations, and what is none. */
#include "layout.h"

#include <mach/vm_purgable.h>
#include <string.h>

static struct ground ground;

static mach_vm_address_t allocate(unsigned page, unsigned pages, int flags)
{
	mach_vm_address_t address = ground.base + page * PAGE;

	expect_code(mach_vm_allocate(ground.task, &address, pages * PAGE, VM_FLAGS_FIXED | flags),
		    KERN_SUCCESS);
	return address;
}

static int state_of(mach_vm_address_t address)
{
	int state = 77;

	expect_code(mach_vm_purgable_control(ground.task, address, VM_PURGABLE_GET_STATE, &state),
		    KERN_SUCCESS);
	return state;
}

static int change(mach_vm_address_t address, int state)
{
	expect_code(mach_vm_purgable_control(ground.task, address, VM_PURGABLE_SET_STATE, &state),
		    KERN_SUCCESS);
	return state;
}

static void fill(mach_vm_address_t address, unsigned pages, unsigned char byte)
{
	static unsigned char bytes[4 * 4096];

	memset(bytes, byte, sizeof(bytes));
	expect_code(mach_vm_write(ground.task, address, (vm_offset_t)bytes,
				  (mach_msg_type_number_t)(pages * PAGE)),
		    KERN_SUCCESS);
}

/* What the owner finds there. */
static void expect_filled(mach_vm_address_t address, unsigned pages, unsigned char byte)
{
	static unsigned char bytes[4 * 4096], want[4 * 4096];
	mach_vm_size_t size;

	memset(want, byte, sizeof(want));
	expect_code(mach_vm_read_overwrite(ground.task, address, pages * PAGE,
					   (mach_vm_address_t)(uintptr_t)bytes, &size),
		    KERN_SUCCESS);
	expect_bytes(bytes, want, pages * PAGE);
	if (ground.victim)
		expect_number(victim_ask(ground.victim, "sum %llx %zx",
					 (unsigned long long)address, pages * PAGE) == 0,
			      byte == 0);
}

static void try_states(void)
{
	mach_vm_address_t first = allocate(0, 3, VM_FLAGS_PURGABLE);
	mach_vm_address_t second = allocate(3, 2, VM_FLAGS_PURGABLE);

	fill(first, 3, 0x11);
	fill(second, 2, 0x22);
	expect_number(state_of(first), VM_PURGABLE_NONVOLATILE);
	expect_number(change(first, VM_PURGABLE_VOLATILE | VM_VOLATILE_GROUP_3),
		      VM_PURGABLE_NONVOLATILE);
	expect_number(state_of(first), VM_PURGABLE_VOLATILE);
	/* Any address in the first page will do, and the neighbour is another allocation. */
	expect_number(state_of(first + 5), VM_PURGABLE_VOLATILE);
	expect_number(state_of(second), VM_PURGABLE_NONVOLATILE);
	expect_number(change(first, VM_PURGABLE_NONVOLATILE), VM_PURGABLE_VOLATILE);
	expect_filled(first, 3, 0x11);
	expect_number(change(first, VM_PURGABLE_EMPTY), VM_PURGABLE_NONVOLATILE);
	expect_filled(first, 3, 0);
	expect_filled(second, 2, 0x22);
	expect_number(change(first, VM_PURGABLE_NONVOLATILE), VM_PURGABLE_EMPTY);
	expect_number(state_of(first), VM_PURGABLE_NONVOLATILE);
	expect_layout(&ground, "33333...........");
}

static void states_are_those_of_one_allocation(void **state)
{
	ground_each_place(&ground, try_states);
}

static kern_return_t control(mach_vm_address_t address, vm_purgable_t what, int state)
{
	int kept = state;
	kern_return_t kr = mach_vm_purgable_control(ground.task, address, what, &kept);

	if (kr != KERN_SUCCESS)
		expect_number(kept, state);
	return kr;
}

static void try_refusals(void)
{
	mach_vm_address_t purgable = allocate(0, 3, VM_FLAGS_PURGABLE), plain = allocate(4, 2, 0);
	int state;

	expect_code(control(plain, VM_PURGABLE_GET_STATE, 0), KERN_INVALID_ARGUMENT);
	expect_code(control(plain, VM_PURGABLE_SET_STATE, 0), KERN_INVALID_ARGUMENT);
	expect_code(control(purgable + PAGE, VM_PURGABLE_SET_STATE, 1), KERN_INVALID_ARGUMENT);
	expect_code(control(ground.base + 8 * PAGE, VM_PURGABLE_GET_STATE, 0),
		    KERN_INVALID_ADDRESS);
	expect_code(control(ground.base + 8 * PAGE, VM_PURGABLE_SET_STATE, 1),
		    KERN_INVALID_ADDRESS);
	expect_code(control(UINT64_MAX, VM_PURGABLE_GET_STATE, 0), KERN_INVALID_ADDRESS);
	for (vm_purgable_t what = 3; what < 8; what++)
		expect_code(control(purgable, what, 0), KERN_INVALID_ARGUMENT);
	expect_code(control(purgable, -1, 0), KERN_INVALID_ARGUMENT);
	expect_code(control(purgable, VM_PURGABLE_SET_STATE, VM_PURGABLE_DENY),
		    KERN_INVALID_ARGUMENT);
	expect_code(control(purgable, VM_PURGABLE_SET_STATE, 1 << 20), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_protect(ground.task, purgable, 3 * PAGE, 0, VM_PROT_READ), KERN_SUCCESS);
	expect_code(control(purgable, VM_PURGABLE_SET_STATE, 1), KERN_PROTECTION_FAILURE);
	expect_code(control(purgable, VM_PURGABLE_GET_STATE, 1), KERN_SUCCESS);
	expect_number(state_of(purgable), VM_PURGABLE_NONVOLATILE);
	/* That it may not be written comes before that it is none. */
	expect_code(mach_vm_protect(ground.task, plain, 2 * PAGE, 0, VM_PROT_READ), KERN_SUCCESS);
	expect_code(control(plain, VM_PURGABLE_SET_STATE, 1), KERN_PROTECTION_FAILURE);
	expect_code(control(plain, VM_PURGABLE_GET_STATE, 1), KERN_INVALID_ARGUMENT);
	state = 99;
	expect_code(vm_purgable_control(ground.task, purgable, VM_PURGABLE_GET_STATE, &state),
		    KERN_SUCCESS);
	expect_number(state, VM_PURGABLE_NONVOLATILE);
	expect_code(mach_vm_purgable_control(MACH_PORT_NULL, purgable, 1, &state),
		    MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_purgable_control(mach_host_self(), purgable, 1, &state),
		    KERN_INVALID_ARGUMENT);
}

static void what_is_not_purgeable_is_refused(void **state)
{
	ground_each_place(&ground, try_refusals);
}

static void try_purge(void)
{
	mach_vm_address_t first = allocate(0, 2, VM_FLAGS_PURGABLE);
	mach_vm_address_t second = allocate(2, 2, VM_FLAGS_PURGABLE);
	mach_vm_address_t third = allocate(6, 2, VM_FLAGS_PURGABLE), plain = allocate(9, 2, 0);

	expect_code(control(0, VM_PURGABLE_PURGE_ALL, 0x5a5a5a), KERN_SUCCESS);
	fill(first, 2, 0x11);
	fill(second, 2, 0x22);
	fill(third, 2, 0x33);
	fill(plain, 2, 0x44);
	change(first, VM_PURGABLE_VOLATILE);
	change(third, VM_PURGABLE_VOLATILE);
	expect_code(control(UINT64_MAX, VM_PURGABLE_PURGE_ALL, 0), KERN_SUCCESS);
	expect_number(state_of(first), VM_PURGABLE_EMPTY);
	expect_number(state_of(second), VM_PURGABLE_NONVOLATILE);
	expect_number(state_of(third), VM_PURGABLE_EMPTY);
	expect_filled(first, 2, 0);
	expect_filled(second, 2, 0x22);
	expect_filled(third, 2, 0);
	expect_filled(plain, 2, 0x44);
}

static void purging_empties_what_is_volatile_and_nothing_else(void **state)
{
	ground_each_place(&ground, try_purge);
}

static const struct CMUnitTest tests[] = {
	TEST(states_are_those_of_one_allocation),
	TEST(purging_empties_what_is_volatile_and_nothing_else),
	TEST(what_is_not_purgeable_is_refused),
};

HARNESS_MAIN(tests)
