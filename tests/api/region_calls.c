/* SPDX-License-Identifier: MIT */
/* The region routines: which arguments they take, from whom, and in what order they judge. */
#include "ground.h"
#include "processes.h"
#include "regions.h"

#include <string.h>
#include <unistd.h>

static struct ground ground;

/* Any count from what is needed to what gives the same answer, and none below. */
static void count_below_the_flavors_is_refused_and_a_larger_one_is_not(void **state)
{
	ground_open(&ground, PLACE_VICTIM, 16);
	ground_lay(&ground, 4, 2, "rw");
	for (unsigned i = 0; i < region_call_count; i++) {
		const struct region_call *call = &region_calls[i];

		for (mach_msg_type_number_t count = 0; count <= call->most + 1024; count++) {
			mach_msg_type_number_t got = count;
			uint64_t address = ground.base + 4 * PAGE, size = 0;
			int info[1100];

			/* Beyond that it is another version's. */
			if (count > call->most && call->most < 64)
				break;
			memset(info, 0x5a, sizeof(info));
			trying("%s with count %u", call->name, count);
			if (count < call->count && strstr(call->name, "recurse") != NULL && count >= 12)
				continue;
			expect_code(call->ask(ground.task, &address, &size, info, &got),
				    count < call->count ? KERN_INVALID_ARGUMENT : KERN_SUCCESS);
			expect_number(got, count < call->count ? count : call->count);
			for (unsigned word = count < call->count ? 0 : call->count;
			     word < ARRAY_SIZE(info); word++)
				expect_number(info[word], 0x5a5a5a5a);
		}
	}
	ground_close(&ground);
}

static void unknown_flavor_is_refused(void **state)
{
	static const vm_region_flavor_t flavors[] = {0, 1, 8, 14, 15, 100, -1, -9};
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t tasks[] = {mach_task_self(), victim_task(victim)};

	for (unsigned task = 0; task < ARRAY_SIZE(tasks); task++) {
		for (unsigned i = 0; i < ARRAY_SIZE(flavors); i++) {
			mach_msg_type_number_t count = 1024;
			mach_vm_address_t address = 0;
			vm_address_t natural = 0;
			mach_vm_size_t size = 7;
			vm_size_t natural_size = 7;
			int info[1024];

			trying("flavor %d", flavors[i]);
			expect_code(mach_vm_region(tasks[task], &address, &size, flavors[i], info,
						   &count, NULL),
				    KERN_INVALID_ARGUMENT);
			expect_code(vm_region(tasks[task], &natural, &natural_size, flavors[i], info,
					      &count, NULL),
				    KERN_INVALID_ARGUMENT);
			expect_code(vm_region_64(tasks[task], &natural, &natural_size, flavors[i],
						 info, &count, NULL),
				    KERN_INVALID_ARGUMENT);
			expect_number(count, 1024);
			expect_number(size, 7);
		}
	}
}

static void nothing_above_is_an_invalid_address(void **state)
{
	struct region region;

	for (enum place place = 0; place < place_count(); place++) {
		uint64_t past = place == PLACE_VICTIM_32 ? 0xfffff000 : 0x7ffffffff000;
		const uint64_t addresses[] = {past, past + PAGE, UINT64_C(1) << 47,
					      UINT64_C(0xffffffffff600000), UINT64_MAX - 1, UINT64_MAX};

		ground_open(&ground, place, 16);
		for (unsigned call = 0; call < region_call_count; call++) {
			for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
				trying("%s in %s at %#llx", region_calls[call].name, ground.name,
				       (unsigned long long)addresses[i]);
				expect_code(region_ask(&region_calls[call], ground.task, addresses[i],
						       &region),
					    KERN_INVALID_ADDRESS);
				expect_detail(KERN_INVALID_ADDRESS, addresses[i]);
			}
		}
		ground_close(&ground);
	}
}

static void expect_all(mach_port_t task, uint64_t address, kern_return_t code)
{
	struct region region;

	for (unsigned call = 0; call < region_call_count; call++) {
		trying("%s of port %#x", region_calls[call].name, task);
		expect_code(region_ask(&region_calls[call], task, address, &region), code);
	}
}

static void port_that_names_no_task_is_no_destination(void **state)
{
	expect_all(MACH_PORT_NULL, 0, MACH_SEND_INVALID_DEST);
	expect_all(MACH_PORT_DEAD, 0, MACH_SEND_INVALID_DEST);
	expect_all(0x12345, 0, MACH_SEND_INVALID_DEST);
	expect_all(mach_host_self(), 0, KERN_INVALID_ARGUMENT);
}

static void inspect_right_is_enough_and_a_name_is_not(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t port;

	expect_all(victim_task(victim), 0, KERN_SUCCESS);
	expect_number(task_read_for_pid(mach_task_self(), victim->pid, &port), 0);
	expect_all(port, 0, KERN_SUCCESS);
	expect_number(task_inspect_for_pid(mach_task_self(), victim->pid, &port), 0);
	expect_all(port, 0, KERN_SUCCESS);
	expect_code(task_name_for_pid(mach_task_self(), victim->pid, &port), KERN_SUCCESS);
	expect_all(port, 0, KERN_INVALID_ARGUMENT);
	victim_kill(victim);
	/* Death comes before the weakness of the right. */
	expect_all(port, 0, MACH_SEND_INVALID_DEST);
}

static void dead_process_comes_before_every_other_mistake(void **state)
{
	struct victim *victims[] = {victim_spawn(WORD_64), victim_spawn(WORD_64)};
	mach_port_t tasks[] = {victim_task(victims[0]), victim_task(victims[1])};

	expect_all(tasks[0], 0, KERN_SUCCESS);
	victim_kill(victims[0]);
	victim_make_zombie(victims[1]);
	for (unsigned i = 0; i < ARRAY_SIZE(tasks); i++) {
		mach_msg_type_number_t count = 0;
		mach_vm_address_t address = UINT64_MAX;
		mach_vm_size_t size;
		natural_t depth;
		int info[1];

		expect_all(tasks[i], 0, MACH_SEND_INVALID_DEST);
		expect_all(tasks[i], UINT64_MAX, MACH_SEND_INVALID_DEST);
		expect_code(mach_vm_region(tasks[i], &address, &size, 99, info, &count, NULL),
			    MACH_SEND_INVALID_DEST);
		expect_code(mach_vm_region_recurse(tasks[i], &address, &size, &depth, info, &count),
			    MACH_SEND_INVALID_DEST);
	}
}

/* The port names the process: what it runs now is described, and what it ran is not. */
static void program_that_was_executed_is_the_one_described(void **state)
{
	struct region region;

	ground_open(&ground, PLACE_VICTIM, 16);
	ground_lay(&ground, 0, 16, "rw");
	for (unsigned call = 0; call < region_call_count; call++) {
		trying("%s", region_calls[call].name);
		expect_code(region_ask(&region_calls[call], ground.task, ground.base, &region),
			    KERN_SUCCESS);
		expect_number(region.address, ground.base);
	}
	victim_ask(ground.victim, "exec ro %llx 2 1", (unsigned long long)ground.base);
	for (unsigned call = 0; call < region_call_count; call++) {
		trying("%s after exec", region_calls[call].name);
		expect_code(region_ask(&region_calls[call], ground.task, ground.base, &region),
			    KERN_SUCCESS);
		expect_number(region.address, ground.base);
		expect_number(region.size, 2 * PAGE);
		if (region.has & HAS_PROTECTION)
			expect_number(region.protection, VM_PROT_READ);
	}
	ground_close(&ground);
}

static void process_whose_leader_has_left_is_described(void **state)
{
	struct region region;

	for (unsigned before = 0; before < 2; before++) {
		ground_open(&ground, PLACE_VICTIM, 16);
		ground_lay(&ground, 2, 3, "ro");
		/* Asked before and not: descriptors that are held know the leader. */
		if (before)
			expect_all(ground.task, ground.base, KERN_SUCCESS);
		victim_ask(ground.victim, "leave");
		for (unsigned call = 0; call < region_call_count; call++) {
			trying("%s, asked %s", region_calls[call].name, before ? "before" : "only now");
			expect_code(region_ask(&region_calls[call], ground.task, ground.base, &region),
				    KERN_SUCCESS);
			expect_number(region.address, ground.base + 2 * PAGE);
			expect_number(region.size, 3 * PAGE);
		}
		ground_close(&ground);
	}
}

static void process_of_another_user_is_described_to_root(void **state)
{
	struct victim *victim;

	if (!harness_is_root()) {
		print_message("needs root to have processes of two users\n");
		skip();
	}
	victim = victim_spawn_as(WORD_64, NOBODY);
	expect_all(victim_task(victim), 0, KERN_SUCCESS);
}

static const struct CMUnitTest tests[] = {
	TEST(count_below_the_flavors_is_refused_and_a_larger_one_is_not),
	TEST(unknown_flavor_is_refused),
	TEST(nothing_above_is_an_invalid_address),
	TEST(port_that_names_no_task_is_no_destination),
	TEST(inspect_right_is_enough_and_a_name_is_not),
	TEST(dead_process_comes_before_every_other_mistake),
	TEST(program_that_was_executed_is_the_one_described),
	TEST(process_whose_leader_has_left_is_described),
	TEST(process_of_another_user_is_described_to_root),
};

HARNESS_MAIN(tests)
