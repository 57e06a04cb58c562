/* SPDX-License-Identifier: MIT */
/* task_info: every flavor, its counts, and what is in it, on the own task and on victims. */
#include "crew.h"
#include "ground.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct ground ground;

static int pid_of_ground(void)
{
	return ground.victim ? ground.victim->pid : (int)getpid();
}

static bool wide(void)
{
	return ground.victim ? ground.victim->word == WORD_64 : sizeof(void *) == 8;
}

static void for_each_place(void (*run)(void))
{
	for (enum place place = 0; place < place_count(); place++) {
		trying("%s", place_name(place));
		ground_open(&ground, place, GROUND_PAGES);
		run();
		ground_close(&ground);
	}
}

#define INFO(name, flavor, type)                                                              \
	static type name(void)                                                                \
	{                                                                                     \
		mach_msg_type_number_t count = sizeof(type) / sizeof(natural_t);              \
		type info;                                                                    \
                                                                                              \
		expect_code(task_info(ground.task, flavor, (task_info_t)&info, &count),       \
			    KERN_SUCCESS);                                                    \
		expect_number(count, sizeof(type) / sizeof(natural_t));                       \
		return info;                                                                  \
	}

INFO(mach_basic, MACH_TASK_BASIC_INFO, mach_task_basic_info_data_t)
INFO(basic_32, TASK_BASIC_INFO_32, task_basic_info_32_data_t)
INFO(basic2_32, TASK_BASIC2_INFO_32, task_basic_info_32_data_t)
INFO(basic_64, TASK_BASIC_INFO_64, task_basic_info_64_data_t)
INFO(events, TASK_EVENTS_INFO, task_events_info_data_t)
INFO(thread_times, TASK_THREAD_TIMES_INFO, task_thread_times_info_data_t)
INFO(absolute_times, TASK_ABSOLUTETIME_INFO, task_absolutetime_info_data_t)
INFO(security_token, TASK_SECURITY_TOKEN, security_token_t)
INFO(audit_token, TASK_AUDIT_TOKEN, audit_token_t)
INFO(dyld, TASK_DYLD_INFO, task_dyld_info_data_t)
INFO(power, TASK_POWER_INFO, task_power_info_data_t)
INFO(vm, TASK_VM_INFO, task_vm_info_data_t)
INFO(vm_purgeable, TASK_VM_INFO_PURGEABLE, task_vm_info_data_t)
INFO(flags, TASK_FLAGS_INFO, task_flags_info_data_t)

static const struct {
	task_flavor_t flavor;
	mach_msg_type_number_t count;
} flavors[] = {
	{TASK_BASIC_INFO_32, 8},     {TASK_BASIC2_INFO_32, 8},    {5, 10},
	{18, 10},                    {MACH_TASK_BASIC_INFO, 12},  {TASK_EVENTS_INFO, 8},
	{TASK_THREAD_TIMES_INFO, 4}, {TASK_ABSOLUTETIME_INFO, 8}, {TASK_SECURITY_TOKEN, 2},
	{TASK_AUDIT_TOKEN, 8},       {TASK_DYLD_INFO, 5},         {TASK_POWER_INFO, 12},
	{TASK_FLAGS_INFO, 1},
};

static void try_counts(void)
{
	integer_t words[512];

	for (unsigned i = 0; i < ARRAY_SIZE(flavors); i++) {
		mach_msg_type_number_t count = flavors[i].count - 1;

		trying("flavor %u of %s", flavors[i].flavor, ground.name);
		memset(words, 0x5a, sizeof(words));
		expect_code(task_info(ground.task, flavors[i].flavor, words, &count),
			    KERN_INVALID_ARGUMENT);
		expect_number(count, flavors[i].count - 1);
		expect_number(words[0], 0x5a5a5a5a);
		/* Some pass bytes instead of words. */
		count = 4 * flavors[i].count;
		expect_code(task_info(ground.task, flavors[i].flavor, words, &count), KERN_SUCCESS);
		expect_number(count, flavors[i].count);
		expect_number(words[count], 0x5a5a5a5a);
	}
}

static void counts_are_checked_and_written_back(void **state)
{
	for_each_place(try_counts);
}

static void try_revisions(void)
{
	static const mach_msg_type_number_t revisions[] = {36, 38, 42, 84, 86, 87, 89, 93};
	integer_t words[512];
	mach_msg_type_number_t count = 35;

	expect_code(task_info(ground.task, TASK_VM_INFO, words, &count), KERN_INVALID_ARGUMENT);
	for (mach_msg_type_number_t room = 36; room < 100; room++) {
		mach_msg_type_number_t want = 0;

		for (unsigned i = 0; i < ARRAY_SIZE(revisions); i++)
			want = revisions[i] <= room ? revisions[i] : want;
		memset(words, 0x5a, sizeof(words));
		count = room;
		expect_code(task_info(ground.task, TASK_VM_INFO, words, &count), KERN_SUCCESS);
		expect_number(count, want);
		expect_number(words[count], 0x5a5a5a5a);
	}
	count = sizeof(task_vm_info_data_t);
	expect_code(task_info(ground.task, TASK_VM_INFO_PURGEABLE, words, &count), KERN_SUCCESS);
	expect_number(count, 93);
}

static void vm_info_answers_the_revision_that_fits(void **state)
{
	for_each_place(try_revisions);
}

static void try_refusals(void)
{
	integer_t words[TASK_INFO_MAX];
	mach_msg_type_number_t count;

	for (task_flavor_t flavor = 0; flavor < 64; flavor++) {
		bool known = flavor == TASK_VM_INFO || flavor == TASK_VM_INFO_PURGEABLE;
		kern_return_t want = flavor == TASK_SCHED_FIFO_INFO ? KERN_INVALID_POLICY
				     : flavor == TASK_EXTMOD_INFO || flavor == TASK_AFFINITY_TAG_INFO
					     ? KERN_NOT_SUPPORTED
					     : KERN_INVALID_ARGUMENT;

		for (unsigned i = 0; i < ARRAY_SIZE(flavors); i++)
			known = known || flavors[i].flavor == flavor;
		count = TASK_INFO_MAX;
		trying("flavor %u", flavor);
		expect_code(task_info(ground.task, flavor, words, &count),
			    known ? KERN_SUCCESS : want);
	}
}

static void other_flavors_are_refused(void **state)
{
	for_each_place(try_refusals);
}

/* ---- contents ---- */

static uint64_t status_bytes(const char *name)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid_of_ground());
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtoull(line + strlen(name) + 1, NULL, 10) * 1024;
	if (file)
		fclose(file);
	return value;
}

/* What the victim allocates is what is told: it stands still between the looks. */
static void sizes_follow_the_map(void **state)
{
	const uint64_t size = 64u << 20;
	task_vm_info_data_t before, after;

	for (enum place place = PLACE_VICTIM; place < place_count(); place++) {
		uint64_t at;

		ground_open(&ground, place, GROUND_PAGES);
		before = vm();
		expect_number(before.page_size, PAGE);
		expect_number(before.virtual_size, status_bytes("VmSize:"));
		expect_number(mach_basic().virtual_size, before.virtual_size);
		expect_number(basic_64().virtual_size, before.virtual_size);
		expect_number(basic_32().virtual_size, before.virtual_size);
		at = 0x30000000;
		/* All of it touched: resident, anonymous, the owner's footprint. */
		victim_ask(ground.victim, "lay rw %llx %llx 1", (unsigned long long)at,
			   (unsigned long long)(size / PAGE));
		after = vm();
		expect_number(after.virtual_size, before.virtual_size + size);
		expect_number(after.region_count, before.region_count + 1);
		assert_true(after.internal >= before.internal + size - (4u << 20));
		assert_true(after.resident_size >= after.internal);
		expect_number(after.phys_footprint, after.internal + after.compressed);
		expect_number(vm_purgeable().virtual_size, after.virtual_size);
		expect_number(after.compressed, status_bytes("VmSwap:"));
		assert_true(after.resident_size_peak >= after.resident_size);
		expect_number(after.max_address, wide() ? 0x7ffffffff000 : 0xffffe000);
		assert_true(after.min_address >= PAGE && after.min_address <= 0x100000);
		victim_ask(ground.victim, "unmap %llx %llx", (unsigned long long)at,
			   (unsigned long long)size);
		after = vm();
		expect_number(after.virtual_size, before.virtual_size);
		assert_true(after.resident_size_peak >= size);
		assert_true(basic2_32().resident_size >= size);
		assert_true(mach_basic().resident_size_max >= size);
		ground_close(&ground);
	}
}

/* Its threads have what its leader has no more. */
static void process_without_its_leader_is_as_large(void **state)
{
	for (enum place place = PLACE_VICTIM; place < place_count(); place++) {
		task_vm_info_data_t before, after;

		ground_open(&ground, place, GROUND_PAGES);
		before = vm();
		victim_ask(ground.victim, "leave");
		after = vm();
		trying("%s", ground.name);
		assert_true(after.virtual_size >= before.virtual_size);
		assert_true(after.region_count >= before.region_count);
		assert_true(after.resident_size >= before.internal);
		assert_true(mach_basic().virtual_size >= before.virtual_size);
		expect_number(flags().flags, wide() ? TF_LP64 | TF_64B_DATA : 0);
		expect_number(after.max_address, wide() ? 0x7ffffffff000 : 0xffffe000);
		ground_close(&ground);
	}
}

static void try_tokens(void)
{
	security_token_t security = security_token();
	audit_token_t audit = audit_token();

	expect_number(security.val[0], geteuid());
	expect_number(security.val[1], getegid());
	expect_number(audit.val[1], geteuid());
	expect_number(audit.val[2], getegid());
	expect_number(audit.val[3], getuid());
	expect_number(audit.val[4], getgid());
	expect_number(audit.val[5], pid_of_ground());
}

static void tokens_name_the_user_and_the_process(void **state)
{
	for_each_place(try_tokens);
}

static void try_flags(void)
{
	expect_number(flags().flags, wide() ? TF_LP64 | TF_64B_DATA : 0);
	expect_number(dyld().all_image_info_format,
		      wide() ? TASK_DYLD_ALL_IMAGE_INFO_64 : TASK_DYLD_ALL_IMAGE_INFO_32);
}

static void word_length_is_told(void **state)
{
	for_each_place(try_flags);
}

/* The 64-bit victim has a dynamic linker, which counts from 1 in the first word. */
static void dynamic_linkers_list_is_found(void **state)
{
	uint32_t version = 0;
	mach_vm_size_t size;

	for (enum place place = 0; place < PLACE_VICTIM_32; place++) {
		task_dyld_info_data_t info;

		ground_open(&ground, place, GROUND_PAGES);
		info = dyld();
		expect_number(info.all_image_info_size, sizeof(void *) == 8 ? 40 : 20);
		expect_code(mach_vm_read_overwrite(ground.task, info.all_image_info_addr,
						   sizeof(version),
						   (mach_vm_address_t)(uintptr_t)&version, &size),
			    KERN_SUCCESS);
		assert_true(version == 1 || version == 2);
		ground_close(&ground);
	}
	ground_open(&ground, PLACE_VICTIM_32, GROUND_PAGES);
	expect_number(dyld().all_image_info_addr, 0);
	expect_number(dyld().all_image_info_size, 0);
}

static uint64_t in_ns(time_value_t time)
{
	return (uint64_t)time.seconds * 1000000000u + (uint64_t)time.microseconds * 1000u;
}

static void times_move_to_the_ended_when_threads_end(void **state)
{
	struct crew crew;

	crew_start(&crew, WORD_64, "count", 2);
	ground.task = crew.task;
	/* Until both have used up time that can be seen. */
	while (in_ns(thread_times().user_time) < 100000000)
		crew_gets_on(&crew);
	/* None has ended, and so nothing is told for those that have. */
	assert_true(in_ns(mach_basic().user_time) <= 20000000);
	assert_true(absolute_times().threads_user >= 100000000);
	assert_true(absolute_times().total_user >= absolute_times().threads_user - 20000000);
	for (unsigned i = 0; i < 2; i++)
		crew.told->worker[i].stop = 1;
	for (unsigned i = 0; i < 2; i++)
		while (crew_state(&crew, (int)crew.told->worker[i].tid))
			usleep(100);
	assert_true(in_ns(mach_basic().user_time) >= 80000000);
	assert_true(in_ns(thread_times().user_time) <= 20000000);
	assert_true(absolute_times().total_user >= 100000000);
}

/* Every flavor that tells the time in the system tells the same, in its own unit. */
static void time_in_the_system_is_told(void **state)
{
	task_absolutetime_info_data_t before, after;
	uint64_t told;

	ground_open(&ground, PLACE_OWN, GROUND_PAGES);
	do {
		syscall(SYS_getppid);
		before = absolute_times();
	} while (before.total_system < 50000000 || before.threads_system < 50000000);
	told = power().total_system;
	after = absolute_times();
	assert_true(told >= before.total_system && told <= after.total_system);
	told = power().total_user;
	assert_true(told >= before.total_user && told <= absolute_times().total_user);
	assert_true(in_ns(thread_times().system_time) >= 40000000);
	ground_close(&ground);
}

/* The last word of the token is another one for another process. */
static void token_tells_processes_apart(void **state)
{
	struct victim *first = victim_spawn(WORD_64), *second;
	audit_token_t one, other;
	uint64_t ticks = 0;

	ground.task = victim_task(first);
	one = audit_token();
	other = audit_token();
	expect_number(one.val[7], other.val[7]);
	/* Started in the same tick they are alike, and their numbers differ. */
	while (one.val[7] == other.val[7] && ticks++ < 1000) {
		second = victim_spawn(WORD_64);
		ground.task = victim_task(second);
		other = audit_token();
		task_drop(ground.task);
		victim_kill(second);
	}
	assert_int_not_equal(one.val[7], other.val[7]);
}

static void events_are_counted(void **state)
{
	task_events_info_data_t before, after;

	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	before = events();
	ground_lay(&ground, 0, 8, "rw");
	after = events();
	assert_true(after.faults >= before.faults + 8);
	assert_true(after.csw > before.csw);
	ground_close(&ground);
}

static void suspensions_are_told(void **state)
{
	task_suspension_token_t token;

	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	expect_number(mach_basic().suspend_count, 0);
	expect_code(task_suspend(ground.task), KERN_SUCCESS);
	expect_code(task_suspend2(ground.task, &token), KERN_SUCCESS);
	expect_number(mach_basic().suspend_count, 2);
	expect_number(basic_64().suspend_count, 2);
	expect_code(task_resume(ground.task), KERN_SUCCESS);
	expect_code(task_resume2(token), KERN_SUCCESS);
	expect_number(mach_basic().suspend_count, 0);
	ground_close(&ground);
}

static void name_right_is_enough_save_for_addresses(void **state)
{
	integer_t words[TASK_INFO_MAX];
	mach_port_t name, dead;

	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	expect_code(task_name_for_pid(mach_task_self(), ground.victim->pid, &name), KERN_SUCCESS);
	for (unsigned i = 0; i < ARRAY_SIZE(flavors); i++) {
		mach_msg_type_number_t count = TASK_INFO_MAX;

		trying("flavor %u", flavors[i].flavor);
		expect_code(task_info(name, flavors[i].flavor, words, &count),
			    flavors[i].flavor == TASK_DYLD_INFO ? KERN_INVALID_ARGUMENT
								: KERN_SUCCESS);
	}
	dead = ground.task;
	victim_kill(ground.victim);
	for (unsigned i = 0; i < ARRAY_SIZE(flavors); i++) {
		mach_msg_type_number_t count = TASK_INFO_MAX;

		expect_code(task_info(dead, flavors[i].flavor, words, &count),
			    MACH_SEND_INVALID_DEST);
	}
	expect_code(task_info(MACH_PORT_NULL, TASK_FLAGS_INFO, words, &(mach_msg_type_number_t){9}),
		    MACH_SEND_INVALID_DEST);
	expect_code(task_info(mach_host_self(), TASK_FLAGS_INFO, words, &(mach_msg_type_number_t){9}),
		    KERN_INVALID_ARGUMENT);
}

/* ---- what else is asked of a task ---- */

static void task_is_not_terminated(void **state)
{
	ground_open(&ground, PLACE_VICTIM, GROUND_PAGES);
	expect_code(task_terminate(ground.task), KERN_FAILURE);
	expect_code(task_terminate(mach_task_self()), KERN_FAILURE);
	expect_code(task_terminate(MACH_PORT_NULL), MACH_SEND_INVALID_DEST);
	victim_ask(ground.victim, "pid");
	ground_close(&ground);
}

static void special_ports_are_no_stronger_than_the_port(void **state)
{
	static const struct {
		int which;
		kern_return_t code;
	} ports[] = {
		{TASK_KERNEL_PORT, KERN_SUCCESS},	 {TASK_HOST_PORT, KERN_SUCCESS},
		{TASK_NAME_PORT, KERN_SUCCESS},		 {TASK_READ_PORT, KERN_SUCCESS},
		{TASK_INSPECT_PORT, KERN_SUCCESS},	 {TASK_BOOTSTRAP_PORT, KERN_NOT_SUPPORTED},
		{TASK_ACCESS_PORT, KERN_NOT_SUPPORTED},	 {0, KERN_INVALID_ARGUMENT},
		{99, KERN_INVALID_ARGUMENT},
	};

	for (enum place place = 0; place <= PLACE_VICTIM; place++) {
		ground_open(&ground, place, GROUND_PAGES);
		for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
			mach_port_t port = 7, again;
			kern_return_t kr = task_get_special_port(ground.task, ports[i].which, &port);
			int pid = 0;

			trying("special port %d", ports[i].which);
			expect_code(kr, ports[i].code);
			expect_code(task_set_special_port(ground.task, ports[i].which, port),
				    ports[i].code == KERN_INVALID_ARGUMENT ? KERN_INVALID_ARGUMENT
									   : KERN_NOT_SUPPORTED);
			if (kr != KERN_SUCCESS)
				expect_number(port, 7);
			if (kr != KERN_SUCCESS || ports[i].which == TASK_HOST_PORT)
				continue;
			expect_code(pid_for_task(port, &pid), KERN_SUCCESS);
			expect_number(pid, pid_of_ground());
			if (ports[i].which == TASK_INSPECT_PORT)
				expect_code(task_get_special_port(port, TASK_READ_PORT, &again),
					    KERN_INVALID_ARGUMENT);
			task_drop(port);
		}
		ground_close(&ground);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(counts_are_checked_and_written_back),
	TEST(vm_info_answers_the_revision_that_fits),
	TEST(other_flavors_are_refused),
	TEST(sizes_follow_the_map),
	TEST(process_without_its_leader_is_as_large),
	TEST(tokens_name_the_user_and_the_process),
	TEST(word_length_is_told),
	TEST(dynamic_linkers_list_is_found),
	TEST(times_move_to_the_ended_when_threads_end),
	TEST(time_in_the_system_is_told),
	TEST(token_tells_processes_apart),
	TEST(events_are_counted),
	TEST(suspensions_are_told),
	TEST(name_right_is_enough_save_for_addresses),
	TEST(task_is_not_terminated),
	TEST(special_ports_are_no_stronger_than_the_port),
};

HARNESS_MAIN(tests)
