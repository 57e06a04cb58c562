/* SPDX-License-Identifier: MIT */
/* What mach_vm_read() and the lists return: fresh memory, its place in the page, its limits. */
#include "calls.h"
#include "ground.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

static struct ground ground;

static void fresh_memory_keeps_the_page_offset_at_every_size(void **state)
{
	static const uint64_t sizes[] = {1, 8, 100, PAGE, PAGE + 1, 3 * PAGE, 9 * PAGE + 5};

	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, 16);
		ground_lay(&ground, 0, 16, "rw");
		for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (uint64_t offset = 0; offset < PAGE; offset += 315) {
				uint64_t address = ground.base + PAGE + offset;
				vm_offset_t data;
				mach_msg_type_number_t count;

				trying("%s: %llu bytes at page + %llu", ground.name,
				       (unsigned long long)sizes[i], (unsigned long long)offset);
				expect_code(mach_vm_read(ground.task, address, sizes[i], &data, &count),
					    KERN_SUCCESS);
				expect_number(count, sizes[i]);
				expect_number(data % PAGE, offset);
				expect_bytes((void *)data, ground_expect(&ground, address), sizes[i]);
				read_release(data, count);
			}
		}
		ground_verify(&ground);
		ground_close(&ground);
	}
}

/* Two reads never share memory, with each other or with the target. */
static void fresh_memory_is_the_callers_own(void **state)
{
	vm_offset_t first, second;
	mach_msg_type_number_t count;

	ground_open(&ground, PLACE_OWN, 4);
	ground_lay(&ground, 0, 4, "rw");
	expect_code(mach_vm_read(ground.task, ground.base, 3 * PAGE, &first, &count), KERN_SUCCESS);
	expect_code(mach_vm_read(ground.task, ground.base, 3 * PAGE, &second, &count),
		    KERN_SUCCESS);
	memset((void *)first, 0x11, 3 * PAGE);
	expect_bytes((void *)second, ground_expect(&ground, ground.base), 3 * PAGE);
	ground_verify(&ground);
	read_release(first, 3 * PAGE);
	expect_bytes((void *)second, ground_expect(&ground, ground.base), 3 * PAGE);
	read_release(second, 3 * PAGE);
	ground_close(&ground);
}

/* The most memory that this process has had, in pages. */
static uint64_t most_pages(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss * 1024 / PAGE;
}

static void expect_few_pages(uint64_t before)
{
	if (most_pages() > before + 0x10000)
		fail_case("%llu pages were needed", (unsigned long long)(most_pages() - before));
}

static void read_beyond_four_gigabytes_is_refused_before_looking(void **state)
{
	static const uint64_t sizes[] = {0x100000000u, 0x100000001u, 0x7fffffffffffu, UINT64_MAX};
	uint64_t before = most_pages();

	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, 1);
		for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
			vm_offset_t data = 1;
			mach_msg_type_number_t count = 2;

			trying("%s: %#llx bytes", ground.name, (unsigned long long)sizes[i]);
			expect_code(mach_vm_read(ground.task, ground.base, sizes[i], &data, &count),
				    KERN_INVALID_ARGUMENT);
			expect_code(mach_vm_read(ground.task, 0, sizes[i], &data, &count),
				    KERN_INVALID_ARGUMENT);
			expect_number(data, 1);
			expect_number(count, 2);
		}
		/* One byte less is a matter of what is there. */
		{
			vm_offset_t data = 1;
			mach_msg_type_number_t count = 2;

			expect_code(mach_vm_read(ground.task, ground.base, 0xffffffffu, &data, &count),
				    KERN_INVALID_ADDRESS);
			expect_number(data, 1);
			expect_number(count, 2);
		}
		ground_close(&ground);
	}
	expect_few_pages(before);
}

static unsigned count_mappings(void)
{
	unsigned lines = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	int c;

	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

/* A thousand failing reads leave no memory behind. */
static void failing_read_leaves_no_memory_behind(void **state)
{
	unsigned before = 0, after;

	ground_open(&ground, PLACE_VICTIM, 8);
	ground_lay(&ground, 0, 3, "rw");
	for (unsigned i = 0; i < 1000; i++) {
		vm_offset_t data = 1;
		mach_msg_type_number_t count = 2;

		if (i == 10)
			before = count_mappings();
		expect_code(mach_vm_read(ground.task, ground.base + 5, 4 * PAGE, &data, &count),
			    KERN_INVALID_ADDRESS);
		expect_number(data, 1);
	}
	after = count_mappings();
	if (after > before + 5)
		fail_case("%u mappings became %u", before, after);
	ground_close(&ground);
}

/* A read that fails at its first page does not first fill the buffer with pages. */
static void failing_read_takes_no_memory_meanwhile(void **state)
{
	const size_t size = (size_t)1 << (harness_is_valgrind() ? 24 : 30);
	void *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t before = most_pages();

	assert_ptr_not_equal(buffer, MAP_FAILED);
	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, 4);
		for (unsigned i = 0; i < read_call_count; i++) {
			trying("%s: %s", ground.name, read_calls[i].name);
			expect_code(read_calls[i].run(ground.task, ground.base, buffer, size),
				    KERN_INVALID_ADDRESS);
		}
		ground_close(&ground);
	}
	expect_few_pages(before);
	munmap(buffer, size);
}

static void list_reads_each_entry_and_answers_for_the_last(void **state)
{
	static mach_vm_read_entry_t list;

	for (enum place place = 0; place < place_count(); place++) {
		ground_open(&ground, place, 8);
		ground_lay(&ground, 0, 3, "rw");
		ground_lay(&ground, 4, 1, "none");
		ground_lay(&ground, 5, 3, "rw");
		memset(list, 0, sizeof(list));
		trying("%s", ground.name);
		list[0] = (struct mach_vm_read_entry){ground.base + 10, 100};
		list[1] = (struct mach_vm_read_entry){ground.base + 3 * PAGE, 8};  /* a hole */
		list[2] = (struct mach_vm_read_entry){ground.base + 77, 0};        /* skipped */
		list[3] = (struct mach_vm_read_entry){ground.base + 4 * PAGE, 8};  /* protected */
		list[4] = (struct mach_vm_read_entry){ground.base + 5 * PAGE + 4000, PAGE};
		expect_code(mach_vm_read_list(ground.task, list, 5), KERN_SUCCESS);
		expect_number(list[0].size, 100);
		expect_number(list[0].address % PAGE, 10);
		expect_bytes((void *)(uintptr_t)list[0].address,
			     ground_expect(&ground, ground.base + 10), 100);
		expect_number(list[1].address, 0);
		expect_number(list[1].size, 0);
		expect_number(list[2].address, ground.base + 77);
		expect_number(list[2].size, 0);
		expect_number(list[3].address, 0);
		expect_number(list[3].size, 0);
		expect_number(list[4].size, PAGE);
		expect_bytes((void *)(uintptr_t)list[4].address,
			     ground_expect(&ground, ground.base + 5 * PAGE + 4000), PAGE);
		read_release((vm_offset_t)list[0].address, 100);
		read_release((vm_offset_t)list[4].address, PAGE);
		/* Entries behind the count are not looked at. */
		expect_number(list[5].address, 0);
		ground_verify(&ground);
		ground_close(&ground);
	}
}

/* The first call on a task finds out what the kernel refuses: it must not go past it on the way. */
static void first_transfer_of_a_task_honours_protections(void **state)
{
	static uint8_t buffer[2 * PAGE] __attribute__((aligned(PAGE)));

	for (unsigned across = 0; across < 2; across++) {
		uint8_t *local = buffer + PAGE - (across ? 4 : PAGE);
		mach_vm_address_t fresh;
		mach_msg_type_number_t count;
		vm_offset_t data;

		ground_open(&ground, PLACE_VICTIM, 2);
		ground_lay(&ground, 0, 1, "ro");
		expect_code(machvm_write(ground.task, ground.base + 64, local, 8, 0),
			    KERN_PROTECTION_FAILURE);
		ground_verify(&ground);
		ground_close(&ground);
		ground_open(&ground, PLACE_VICTIM, 2);
		ground_lay(&ground, 0, 1, "none");
		expect_code(machvm_read(ground.task, ground.base + 64, local, 8, 0),
			    KERN_PROTECTION_FAILURE);
		ground_close(&ground);
		ground_open(&ground, PLACE_VICTIM, 2);
		ground_lay(&ground, 0, 1, "none");
		fresh = ground.base + (across ? 0 : 64);
		expect_code(mach_vm_read(ground.task, fresh, 8, &data, &count), KERN_PROTECTION_FAILURE);
		ground_close(&ground);
	}
}

static void list_that_ends_badly_answers_with_the_last_entry_that_has_a_size(void **state)
{
	static mach_vm_read_entry_t list;

	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "none");
	list[0] = (struct mach_vm_read_entry){ground.base + 3 * PAGE, 8};
	list[1] = (struct mach_vm_read_entry){ground.base + PAGE, 8};
	list[2] = (struct mach_vm_read_entry){ground.base, 0};
	expect_code(mach_vm_read_list(ground.task, list, 3), KERN_PROTECTION_FAILURE);
	list[0] = (struct mach_vm_read_entry){ground.base, 8};
	list[1] = (struct mach_vm_read_entry){ground.base + 3 * PAGE, 8};
	expect_code(mach_vm_read_list(ground.task, list, 2), KERN_INVALID_ADDRESS);
	expect_number(list[0].size, 8);
	read_release((vm_offset_t)list[0].address, 8);
	list[0] = (struct mach_vm_read_entry){ground.base + 3 * PAGE, 0};
	expect_code(mach_vm_read_list(ground.task, list, 1), KERN_SUCCESS);
	expect_code(mach_vm_read_list(ground.task, list, 0), KERN_SUCCESS);
	ground_close(&ground);
}

static void list_of_256_works_and_of_257_is_refused(void **state)
{
	static struct mach_vm_read_entry list[VM_MAP_ENTRY_MAX + 1];

	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 4, "rw");
	for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
		list[i] = (struct mach_vm_read_entry){ground.base + i * 31, 20};
	expect_code(mach_vm_read_list(ground.task, list, 257), KERN_INVALID_ARGUMENT);
	expect_code(mach_vm_read_list(ground.task, list, UINT32_MAX), KERN_INVALID_ARGUMENT);
	for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
		expect_number(list[i].address, ground.base + i * 31);
	expect_code(mach_vm_read_list(ground.task, list, 256), KERN_SUCCESS);
	for (unsigned i = 0; i < 256; i++) {
		trying("entry %u", i);
		expect_bytes((void *)(uintptr_t)list[i].address,
			     ground_expect(&ground, ground.base + i * 31), 20);
		read_release((vm_offset_t)list[i].address, 20);
	}
	ground_close(&ground);
}

static void natural_list_works_like_the_wide_one(void **state)
{
	static vm_read_entry_t list;

	ground_open(&ground, PLACE_VICTIM, 4);
	ground_lay(&ground, 0, 2, "rw");
	list[0] = (struct vm_read_entry){(vm_address_t)ground.base + 4000, 200};
	list[1] = (struct vm_read_entry){(vm_address_t)ground.base + 3 * PAGE, 1};
	expect_code(vm_read_list(ground.task, list, 2), KERN_INVALID_ADDRESS);
	expect_bytes((void *)list[0].address, ground_expect(&ground, ground.base + 4000), 200);
	expect_number(list[0].address % PAGE, 4000);
	expect_number(list[1].address, 0);
	expect_number(list[1].size, 0);
	read_release(list[0].address, 200);
	expect_code(vm_read_list(ground.task, list, 257), KERN_INVALID_ARGUMENT);
	expect_code(vm_read_list(MACH_PORT_NULL, list, 1), MACH_SEND_INVALID_DEST);
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(fresh_memory_keeps_the_page_offset_at_every_size),
	TEST(fresh_memory_is_the_callers_own),
	TEST(read_beyond_four_gigabytes_is_refused_before_looking),
	TEST(failing_read_leaves_no_memory_behind),
	TEST(failing_read_takes_no_memory_meanwhile),
	TEST(list_reads_each_entry_and_answers_for_the_last),
	TEST(first_transfer_of_a_task_honours_protections),
	TEST(list_that_ends_badly_answers_with_the_last_entry_that_has_a_size),
	TEST(list_of_256_works_and_of_257_is_refused),
	TEST(natural_list_works_like_the_wide_one),
};

HARNESS_MAIN(tests)
