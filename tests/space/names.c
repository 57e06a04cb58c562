/* SPDX-License-Identifier: MIT */
/*
 * The task argument of every routine that changes an address space: what is no
 * name, a name of something else, a right that is too weak, a process that is gone.
 */
#include "layout.h"

#include <mach/host_priv.h>
#include <mach/memory_object_types.h>
#include <mach/vm_attributes.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_purgable.h>
#include <mach/vm_statistics.h>
#include <mach/vm_sync.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct ground ground;

static kern_return_t allocate(mach_port_t task)
{
	mach_vm_address_t address = ground.base + 8 * PAGE;

	return mach_vm_allocate(task, &address, PAGE, VM_FLAGS_FIXED);
}

static kern_return_t attribute(mach_port_t task)
{
	vm_machine_attribute_val_t value = MATTR_VAL_CACHE_FLUSH;

	return mach_vm_machine_attribute(task, ground.base, PAGE, MATTR_CACHE, &value);
}

static kern_return_t map(mach_port_t task)
{
	mach_vm_address_t address = ground.base + 8 * PAGE;

	return mach_vm_map(task, &address, PAGE, 0, VM_FLAGS_FIXED, MACH_PORT_NULL, 0, 0, 3, 7,
			   VM_INHERIT_COPY);
}

static kern_return_t remap(mach_port_t task)
{
	mach_vm_address_t address = ground.base + 8 * PAGE;
	vm_prot_t current, maximum;

	return mach_vm_remap(task, &address, PAGE, 0, VM_FLAGS_FIXED, ground.task, ground.base, 1,
			     &current, &maximum, VM_INHERIT_COPY);
}

static kern_return_t remap_from(mach_port_t task)
{
	mach_vm_address_t address = 0;
	vm_prot_t current, maximum;

	return mach_vm_remap(mach_task_self(), &address, PAGE, 0, VM_FLAGS_ANYWHERE, task,
			     ground.base, 1, &current, &maximum, VM_INHERIT_COPY);
}

static kern_return_t copy(mach_port_t task)
{
	return mach_vm_copy(task, ground.base, 8, ground.base + 100);
}

static kern_return_t remap_new(mach_port_t task)
{
	mach_vm_address_t address = ground.base + 8 * PAGE;
	vm_prot_t current = 1, maximum = 1;

	return mach_vm_remap_new(task, &address, PAGE, 0, VM_FLAGS_FIXED, ground.task, ground.base, 1,
				 &current, &maximum, VM_INHERIT_COPY);
}

static kern_return_t share_from(mach_port_t task)
{
	mach_vm_address_t address = 0;
	vm_prot_t current = 1, maximum = 1;

	return mach_vm_remap_new(mach_task_self(), &address, PAGE, 0, VM_FLAGS_ANYWHERE, task,
				 ground.base, 0, &current, &maximum, VM_INHERIT_COPY);
}

static kern_return_t purge(mach_port_t task)
{
	int state = VM_PURGABLE_EMPTY;

	return mach_vm_purgable_control(task, ground.base, VM_PURGABLE_SET_STATE, &state);
}

static kern_return_t make_entry(mach_port_t task)
{
	memory_object_size_t size = PAGE;
	mach_port_t entry;

	return mach_make_memory_entry_64(task, &size, ground.base, VM_PROT_READ, &entry, 0);
}

static kern_return_t create_entry(mach_port_t task)
{
	memory_object_size_t size = PAGE;
	mach_port_t entry;

	return mach_make_memory_entry_64(task, &size, 0, VM_PROT_READ | MAP_MEM_NAMED_CREATE, &entry,
					 0);
}

/* A routine whose two spellings take the same arguments. */
#define BOTH(name, routine, ...)                              \
	static kern_return_t name(mach_port_t task)           \
	{                                                     \
		return mach_vm_##routine(__VA_ARGS__);        \
	}                                                     \
	static kern_return_t natural_##name(mach_port_t task) \
	{                                                     \
		return vm_##routine(__VA_ARGS__);             \
	}

BOTH(deallocate, deallocate, task, ground.base, PAGE)
BOTH(protect, protect, task, ground.base, PAGE, 0, VM_PROT_READ)
BOTH(inherit, inherit, task, ground.base, PAGE, VM_INHERIT_NONE)
BOTH(behave, behavior_set, task, ground.base, PAGE, VM_BEHAVIOR_ZERO)
BOTH(wire, wire, mach_host_self(), task, ground.base, PAGE, VM_PROT_READ)
BOTH(synchronize, msync, task, ground.base, PAGE, VM_SYNC_SYNCHRONOUS)

static const struct {
	const char *name;
	kern_return_t (*run)(mach_port_t task);
	kern_return_t wrong; /* what a port of another kind is */
} routines[] = {
	{"mach_vm_allocate", allocate, KERN_INVALID_ARGUMENT},
	{"mach_vm_deallocate", deallocate, KERN_INVALID_ARGUMENT},
	{"mach_vm_protect", protect, KERN_INVALID_ARGUMENT},
	{"mach_vm_inherit", inherit, KERN_INVALID_ARGUMENT},
	{"mach_vm_behavior_set", behave, KERN_INVALID_ARGUMENT},
	{"mach_vm_machine_attribute", attribute, KERN_INVALID_ARGUMENT},
	{"mach_vm_map", map, KERN_INVALID_ARGUMENT},
	{"mach_vm_remap", remap, KERN_INVALID_ARGUMENT},
	{"mach_vm_remap, its source", remap_from, KERN_INVALID_ARGUMENT},
	{"mach_vm_copy", copy, KERN_INVALID_ARGUMENT},
	{"mach_vm_wire", wire, KERN_INVALID_TASK},
	{"mach_vm_msync", synchronize, KERN_INVALID_TASK},
	{"mach_vm_remap_new", remap_new, KERN_INVALID_ARGUMENT},
	{"mach_vm_remap_new, its source", share_from, KERN_INVALID_ARGUMENT},
	{"mach_vm_purgable_control", purge, KERN_INVALID_ARGUMENT},
	{"mach_make_memory_entry_64", make_entry, KERN_INVALID_ARGUMENT},
	{"mach_make_memory_entry_64, new", create_entry, KERN_INVALID_TASK},
	{"vm_deallocate", natural_deallocate, KERN_INVALID_ARGUMENT},
	{"vm_protect", natural_protect, KERN_INVALID_ARGUMENT},
	{"vm_inherit", natural_inherit, KERN_INVALID_ARGUMENT},
	{"vm_behavior_set", natural_behave, KERN_INVALID_ARGUMENT},
	{"vm_wire", natural_wire, KERN_INVALID_TASK},
	{"vm_msync", natural_synchronize, KERN_INVALID_TASK},
};

/* Another port to the same process, with less in it. */
static mach_port_t weaker(enum machvm_right right)
{
	int pidfd = (int)syscall(SYS_pidfd_open, ground.victim->pid, 0);
	mach_port_t task = MACH_PORT_NULL;

	expect_code(machvm_task_open(pidfd, right, &task), KERN_SUCCESS);
	close(pidfd);
	return task;
}

static void open_victim(void)
{
	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	ground_lay(&ground, 0, 2, "rw");
}

/* Every routine answers so; with WRONG_KIND as it does to a port that is none of a task's. */
#define WRONG_KIND (-1)
static void expect_each(mach_port_t task, kern_return_t code)
{
	for (unsigned i = 0; i < ARRAY_SIZE(routines); i++) {
		trying("%s", routines[i].name);
		expect_code(routines[i].run(task), code == WRONG_KIND ? routines[i].wrong : code);
	}
}

static void expect_unchanged(void)
{
	expect_layout(&ground, "33..............");
	ground_verify(&ground);
	ground_close(&ground);
}

static void no_task_is_an_invalid_destination(void **state)
{
	open_victim();
	expect_each(MACH_PORT_NULL, MACH_SEND_INVALID_DEST);
	expect_each(MACH_PORT_DEAD, MACH_SEND_INVALID_DEST);
	expect_each(0x9999, MACH_SEND_INVALID_DEST);
	expect_unchanged();
}

static void port_of_another_kind_or_a_weaker_right_is_refused(void **state)
{
	static const enum machvm_right rights[] = {MACHVM_RIGHT_READ, MACHVM_RIGHT_INSPECT,
						   MACHVM_RIGHT_NAME};

	open_victim();
	expect_each(mach_host_self(), WRONG_KIND);
	for (unsigned i = 0; i < ARRAY_SIZE(rights); i++) {
		mach_port_t task = weaker(rights[i]);

		expect_each(task, WRONG_KIND);
		task_drop(task);
	}
	expect_unchanged();
}

static void process_that_is_gone_is_an_invalid_destination(void **state)
{
	open_victim();
	victim_kill(ground.victim);
	expect_each(ground.task, MACH_SEND_INVALID_DEST);
}

/* Not reaped, it is as gone as it can be. */
static void zombie_is_an_invalid_destination(void **state)
{
	open_victim();
	victim_make_zombie(ground.victim);
	expect_each(ground.task, MACH_SEND_INVALID_DEST);
}

static const struct CMUnitTest tests[] = {
	TEST(no_task_is_an_invalid_destination),
	TEST(port_of_another_kind_or_a_weaker_right_is_refused),
	TEST(process_that_is_gone_is_an_invalid_destination),
	TEST(zombie_is_an_invalid_destination),
};

HARNESS_MAIN(tests)
