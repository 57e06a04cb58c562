/* SPDX-License-Identifier: MIT */
/* The host routines, against what the system says elsewhere; and the parsers behind them. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include <mach/mach.h>
#include <machvm.h>

#include "host_facts.h"

#define CANARY 0x5a5a5a5a

static integer_t words[HOST_INFO_MAX];

static void lay_canaries(void)
{
	for (size_t i = 0; i < HOST_INFO_MAX; i++)
		words[i] = CANARY;
}

static void expect_untouched_from(size_t first)
{
	for (size_t i = first; i < HOST_INFO_MAX; i++)
		assert_int_equal(words[i], CANARY);
}

static void page_size_of_any_port_is_the_systems(void **state)
{
	const host_t hosts[] = {mach_host_self(), MACH_PORT_NULL, MACH_PORT_DEAD, mach_task_self(),
				12345};

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		vm_size_t size = 0;

		assert_int_equal(host_page_size(hosts[i], &size), KERN_SUCCESS);
		assert_int_equal(size, sysconf(_SC_PAGESIZE));
	}
}

static void page_variables_describe_one_size(void **state)
{
	assert_int_equal(vm_page_size, sysconf(_SC_PAGESIZE));
	assert_int_equal(vm_page_mask, vm_page_size - 1);
	assert_int_equal((vm_size_t)1 << vm_page_shift, vm_page_size);
	assert_int_equal(vm_kernel_page_size, vm_page_size);
	assert_int_equal(vm_kernel_page_mask, vm_page_mask);
	assert_int_equal(vm_kernel_page_shift, vm_page_shift);
	assert_int_equal(round_page(1), vm_page_size);
	assert_int_equal(trunc_page(vm_page_size + 1), vm_page_size);
}

static void basic_info_agrees_with_the_system(void **state)
{
	host_basic_info_data_t info;
	mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;
	struct sysinfo system;

	assert_int_equal(HOST_BASIC_INFO_COUNT, 12);
	assert_int_equal(host_info(mach_host_self(), HOST_BASIC_INFO, (host_info_t)&info, &count),
			 KERN_SUCCESS);
	assert_int_equal(count, 12);
	sysinfo(&system);
	assert_int_equal(info.max_mem, (uint64_t)system.totalram * system.mem_unit);
	assert_int_equal(info.memory_size, info.max_mem < 1u << 31 ? info.max_mem : 1u << 31);
	assert_int_equal(info.logical_cpu, sysconf(_SC_NPROCESSORS_ONLN));
	assert_in_range(info.max_cpus, info.logical_cpu, 65536);
	assert_int_equal(info.logical_cpu_max, info.max_cpus);
	assert_in_range(info.physical_cpu, 1, info.logical_cpu);
	assert_in_range(info.physical_cpu_max, info.physical_cpu, info.max_cpus);
	assert_true(info.cpu_type == CPU_TYPE_X86 || info.cpu_type == CPU_TYPE_ARM64);
}

static void basic_info_of_bound_thread_counts_its_cpus(void **state)
{
	host_basic_info_data_t info;
	mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;
	cpu_set_t before, one;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	host_info(mach_host_self(), HOST_BASIC_INFO, (host_info_t)&info, &count);
	sched_setaffinity(0, sizeof before, &before);
	assert_int_equal(info.avail_cpus, 1);
	host_info(mach_host_self(), HOST_BASIC_INFO, (host_info_t)&info, &count);
	assert_int_equal(info.avail_cpus, CPU_COUNT(&before));
}

static void info_with_small_count_fails_and_writes_nothing(void **state)
{
	static const struct {
		host_flavor_t flavor;
		mach_msg_type_number_t least;
	} cases[] = {
		{HOST_BASIC_INFO, 5},
		{HOST_SCHED_INFO, HOST_SCHED_INFO_COUNT},
		{HOST_PREFERRED_USER_ARCH, HOST_PREFERRED_USER_ARCH_COUNT},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		mach_msg_type_number_t count = cases[i].least - 1;

		lay_canaries();
		assert_int_equal(host_info(mach_host_self(), cases[i].flavor, words, &count),
				 KERN_FAILURE);
		assert_int_equal(count, cases[i].least - 1);
		expect_untouched_from(0);
		assert_int_equal(machvm_last_error()->code, KERN_FAILURE);
		assert_true(machvm_last_error()->message[0] != '\0');
	}
}

static void info_count_decides_what_is_written(void **state)
{
	for (mach_msg_type_number_t asked = 5; asked <= 68; asked++) {
		mach_msg_type_number_t count = asked;

		lay_canaries();
		assert_int_equal(host_info(mach_host_self(), HOST_BASIC_INFO, words, &count),
				 KERN_SUCCESS);
		assert_int_equal(count, asked < 12 ? 5 : 12);
		expect_untouched_from(count);
		assert_true(words[count - 1] != CANARY);
	}
}

static void info_of_what_is_no_host_is_invalid(void **state)
{
	const host_t hosts[] = {MACH_PORT_NULL, MACH_PORT_DEAD, mach_task_self(), 12345};

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		mach_msg_type_number_t count = HOST_INFO_MAX;
		kernel_version_t version = "untouched";

		lay_canaries();
		assert_int_equal(host_info(hosts[i], HOST_BASIC_INFO, words, &count),
				 KERN_INVALID_ARGUMENT);
		assert_int_equal(host_statistics(hosts[i], HOST_LOAD_INFO, words, &count),
				 KERN_INVALID_ARGUMENT);
		assert_int_equal(host_statistics64(hosts[i], HOST_VM_INFO64, words, &count),
				 KERN_INVALID_ARGUMENT);
		assert_int_equal(host_kernel_version(hosts[i], version), KERN_INVALID_ARGUMENT);
		assert_int_equal(count, HOST_INFO_MAX);
		assert_string_equal(version, "untouched");
		expect_untouched_from(0);
	}
}

static void flavor_that_nobody_knows_is_invalid(void **state)
{
	static const host_flavor_t flavors[] = {0, 2, 6, 13, -1, 1000};

	for (size_t i = 0; i < sizeof flavors / sizeof flavors[0]; i++) {
		mach_msg_type_number_t count = HOST_INFO_MAX;

		assert_int_equal(host_info(mach_host_self(), flavors[i], words, &count),
				 KERN_INVALID_ARGUMENT);
	}
	for (host_flavor_t flavor = 7; flavor < 10; flavor++) {
		mach_msg_type_number_t count = HOST_INFO_MAX;

		assert_int_equal(host_statistics(mach_host_self(), flavor, words, &count),
				 KERN_INVALID_ARGUMENT);
		assert_int_equal(host_statistics64(mach_host_self(), flavor, words, &count),
				 KERN_INVALID_ARGUMENT);
	}
}

static void flavor_of_what_linux_lacks_is_not_supported(void **state)
{
	static const host_flavor_t flavors[] = {HOST_RESOURCE_SIZES, HOST_PRIORITY_INFO,
						HOST_SEMAPHORE_TRAPS, HOST_MACH_MSG_TRAP};

	for (size_t i = 0; i < sizeof flavors / sizeof flavors[0]; i++) {
		mach_msg_type_number_t count = HOST_INFO_MAX;

		assert_int_equal(host_info(mach_host_self(), flavors[i], words, &count),
				 KERN_NOT_SUPPORTED);
	}
}

static void kernel_version_names_the_running_kernel(void **state)
{
	kernel_version_t version;
	struct utsname name;

	uname(&name);
	assert_int_equal(host_kernel_version(mach_host_self(), version), KERN_SUCCESS);
	assert_non_null(strstr(version, name.release));
	assert_non_null(strstr(version, name.sysname));
}

static vm_statistics64_data_t vm_statistics(void)
{
	vm_statistics64_data_t info;
	mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;

	assert_int_equal(
		host_statistics64(mach_host_self(), HOST_VM_INFO64, (host_info64_t)&info, &count),
		KERN_SUCCESS);
	assert_int_equal(count, HOST_VM_INFO64_COUNT);
	return info;
}

static void vm_info_counts_the_faults_that_happen(void **state)
{
	size_t pages = 512;
	char *memory = mmap(NULL, pages * vm_page_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t before;

	assert_ptr_not_equal(memory, MAP_FAILED);
	/* One fault for each page, not one for a huge one. EINVAL: there are no huge ones. */
	madvise(memory, pages * vm_page_size, MADV_NOHUGEPAGE);
	before = vm_statistics().faults;
	for (size_t i = 0; i < pages; i++)
		memory[i * vm_page_size] = 1;
	assert_in_range(vm_statistics().faults - before, pages, UINT32_MAX);
	munmap(memory, pages * vm_page_size);
}

static void vm_info_divides_the_memory(void **state)
{
	vm_statistics64_data_t info = vm_statistics();
	uint64_t total = (uint64_t)sysconf(_SC_PHYS_PAGES);

	assert_in_range(info.free_count, 1, total);
	assert_in_range(info.wire_count, 1, total);
	assert_int_equal((uint64_t)info.internal_page_count + info.external_page_count,
			 (uint64_t)info.active_count + info.inactive_count);
	assert_in_range((uint64_t)info.free_count + info.active_count + info.inactive_count, 1,
			total);
}

static void vm_info_count_decides_the_revision(void **state)
{
	static const struct {
		host_flavor_t flavor;
		mach_msg_type_number_t asked, written; /* 0: fails */
	} cases[] = {
		{HOST_VM_INFO64, 23, 0},  {HOST_VM_INFO64, 24, 24},   {HOST_VM_INFO64, 37, 24},
		{HOST_VM_INFO64, 38, 38}, {HOST_VM_INFO64, 152, 38},  {HOST_VM_INFO, 11, 0},
		{HOST_VM_INFO, 12, 12},   {HOST_VM_INFO, 13, 12},     {HOST_VM_INFO, 14, 14},
		{HOST_VM_INFO, 15, 15},   {HOST_VM_INFO, 60, 15},     {HOST_LOAD_INFO, 5, 0},
		{HOST_LOAD_INFO, 6, 6},   {HOST_CPU_LOAD_INFO, 3, 0}, {HOST_CPU_LOAD_INFO, 100, 4},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		mach_msg_type_number_t count = cases[i].asked;
		kern_return_t kr;

		lay_canaries();
		kr = host_statistics64(mach_host_self(), cases[i].flavor, words, &count);
		assert_int_equal(kr, cases[i].written ? KERN_SUCCESS : KERN_FAILURE);
		assert_int_equal(count, cases[i].written ? cases[i].written : cases[i].asked);
		expect_untouched_from(cases[i].written);
	}
}

static void read_ticks(uint64_t ticks[8])
{
	FILE *stat = fopen("/proc/stat", "r");

	assert_non_null(stat);
	assert_int_equal(fscanf(stat,
				"cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
				" %" SCNu64 " %" SCNu64 " %" SCNu64,
				&ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5],
				&ticks[6], &ticks[7]),
			 8);
	fclose(stat);
}

static void cpu_load_lies_between_two_looks(void **state)
{
	host_cpu_load_info_data_t info;
	mach_msg_type_number_t count = HOST_CPU_LOAD_INFO_COUNT;
	uint64_t before[8], after[8];

	read_ticks(before);
	assert_int_equal(
		host_statistics(mach_host_self(), HOST_CPU_LOAD_INFO, (host_info_t)&info, &count),
		KERN_SUCCESS);
	read_ticks(after);
	assert_in_range(info.cpu_ticks[CPU_STATE_USER], before[0], after[0]);
	assert_in_range(info.cpu_ticks[CPU_STATE_NICE], before[1], after[1]);
	assert_in_range(info.cpu_ticks[CPU_STATE_SYSTEM],
			before[2] + before[5] + before[6] + before[7],
			after[2] + after[5] + after[6] + after[7]);
	assert_true(info.cpu_ticks[CPU_STATE_IDLE] > 0);
}

static void load_info_is_the_load_average(void **state)
{
	host_load_info_data_t info;
	mach_msg_type_number_t count = HOST_LOAD_INFO_COUNT;
	double before[3], after[3];

	/* It is renewed every five seconds: look again if that was just now. */
	do {
		assert_int_equal(getloadavg(before, 3), 3);
		assert_int_equal(host_statistics(mach_host_self(), HOST_LOAD_INFO,
						 (host_info_t)&info, &count),
				 KERN_SUCCESS);
		assert_int_equal(getloadavg(after, 3), 3);
	} while (memcmp(before, after, sizeof before));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(info.avenrun[i], (int)(before[i] * LOAD_SCALE));
		assert_true(info.mach_factor[i] > 0);
	}
}

static void line_is_found_by_its_whole_name(void **state)
{
	static const char text[] = "Active(anon):  7 kB\nActive:  12 kB\nnr_free 3\nlast";
	uint64_t value = 99;

	assert_int_equal(machvm__host_facts_line(text, "Active", &value), 0);
	assert_int_equal(value, 12);
	assert_int_equal(machvm__host_facts_line(text, "nr_free", &value), 0);
	assert_int_equal(value, 3);
	assert_int_equal(machvm__host_facts_line(text, "nr_fre", &value), -ENOENT);
	assert_int_equal(machvm__host_facts_line(text, "last", &value), -ENOENT);
	assert_int_equal(machvm__host_facts_line("", "x", &value), -ENOENT);
	assert_int_equal(value, 3);
}

static void list_of_cpus_is_counted(void **state)
{
	unsigned count, first;

	assert_int_equal(machvm__host_facts_list("0-3,8,10-11\n", &count, &first), 0);
	assert_int_equal(count, 7);
	assert_int_equal(first, 0);
	assert_int_equal(machvm__host_facts_list("5", &count, &first), 0);
	assert_int_equal(count, 1);
	assert_int_equal(first, 5);
	assert_int_equal(machvm__host_facts_list("", &count, &first), -EINVAL);
	assert_int_equal(machvm__host_facts_list("\n", &count, &first), -EINVAL);
	assert_int_equal(machvm__host_facts_list("3-1", &count, &first), -EINVAL);
	assert_int_equal(machvm__host_facts_list("1,", &count, &first), -EINVAL);
	assert_int_equal(machvm__host_facts_list("0-4294967295", &count, &first), -EINVAL);
}

static void version_is_the_projects(void **state)
{
	assert_string_equal(machvm_version(), PROJECT_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_size_of_any_port_is_the_systems),
		cmocka_unit_test(page_variables_describe_one_size),
		cmocka_unit_test(basic_info_agrees_with_the_system),
		cmocka_unit_test(basic_info_of_bound_thread_counts_its_cpus),
		cmocka_unit_test(info_with_small_count_fails_and_writes_nothing),
		cmocka_unit_test(info_count_decides_what_is_written),
		cmocka_unit_test(info_of_what_is_no_host_is_invalid),
		cmocka_unit_test(flavor_that_nobody_knows_is_invalid),
		cmocka_unit_test(flavor_of_what_linux_lacks_is_not_supported),
		cmocka_unit_test(kernel_version_names_the_running_kernel),
		cmocka_unit_test(vm_info_counts_the_faults_that_happen),
		cmocka_unit_test(vm_info_divides_the_memory),
		cmocka_unit_test(vm_info_count_decides_the_revision),
		cmocka_unit_test(cpu_load_lies_between_two_looks),
		cmocka_unit_test(load_info_is_the_load_average),
		cmocka_unit_test(line_is_found_by_its_whole_name),
		cmocka_unit_test(list_of_cpus_is_counted),
		cmocka_unit_test(version_is_the_projects),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
