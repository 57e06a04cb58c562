/* SPDX-License-Identifier: MIT */
/*
 * The held descriptor in use on any kernel: the library's question for the policy is
 * answered "never" here (--wrap). Only memory that permits everything is touched, for
 * another policy would let it past protections; those are tests/api/often.c's business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "force_policy.h"

#define PAGE 4096

bool __wrap_machvm__force_policy_never(void);
bool __wrap_machvm__force_policy_never(void)
{
	return true;
}

/* Whether that is the quicker way is for the machine to say, and for the test here. */
static bool pays = true;

bool __real_machvm__copy_memory_pays(int mem_fd, int tid, uint64_t raddr, size_t size);
bool __wrap_machvm__copy_memory_pays(int mem_fd, int tid, uint64_t raddr, size_t size);
bool __wrap_machvm__copy_memory_pays(int mem_fd, int tid, uint64_t raddr, size_t size)
{
	(void)!__real_machvm__copy_memory_pays(mem_fd, tid, raddr, size);
	return pays && size < PAGE;
}

/* The middle one is written; what is about it shows where else bytes went. */
static unsigned char pages[3][PAGE] __attribute__((aligned(PAGE)));

static struct child child;

static bool quick(enum machvm__direction direction, void *there, void *local, size_t size)
{
	size_t stray;

	return machvm__target_quick(&child.target, direction, (uintptr_t)there, local, size,
				    &stray);
}

static bool in_use(const void *there)
{
	return machvm__light_holds(atomic_load(&child.target.light.area), (uintptr_t)there);
}

static int open_child(void **state)
{
	char byte;

	(void)state;
	memset(pages, 0x55, sizeof(pages));
	if (!child_open(&child))
		return -1;
	for (int i = 0; i < 3000; i++)
		if (!quick(MACHVM__READ, pages[1], &byte, 1))
			return -1;
	return in_use(pages[1]) ? 0 : -1;
}

static int close_child(void **state)
{
	(void)state;
	child_close(&child);
	return 0;
}

/* What the child has, by the kernel's other way. */
static void expect_child(const void *there, const void *want, size_t size)
{
	static unsigned char seen[sizeof(pages)];
	struct iovec here = {seen, size}, remote = {(void *)(uintptr_t)there, size};

	assert_int_equal(process_vm_readv(child.pid, &here, 1, &remote, 1, 0), size);
	assert_memory_equal(seen, want, size);
}

static void bytes_of_every_size_arrive_at_their_place_and_nowhere_else(void **state)
{
	static const size_t sizes[] = {1, 8, 2047, 2048, 2049, PAGE - 1, PAGE};
	static unsigned char want[3][PAGE], data[PAGE], back[PAGE];

	(void)state;
	memset(want, 0x55, sizeof(want));
	for (unsigned i = 0; i < 2 * sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = sizes[i / 2], at = i % 2 ? PAGE - size : 0;

		memset(data, (int)i + 1, size);
		assert_true(quick(MACHVM__WRITE, pages[1] + at, data, size));
		memcpy(want[1] + at, data, size);
		expect_child(pages, want, sizeof(want));
		assert_true(quick(MACHVM__READ, pages[1] + at, back, size));
		assert_memory_equal(back, data, size);
		assert_true(in_use(pages[1]));
	}
	/* The child's, and not ours. */
	assert_int_equal(pages[1][0], 0x55);
}

static void half_a_page_goes_this_way_where_few_bytes_pay(void **state)
{
	(void)state;
	assert_int_equal(atomic_load(&child.target.light.most), PAGE / 2);
}

/* In a process of its own, for one weighs but once. */
static void nothing_goes_this_way_where_it_does_not_pay(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		unsigned char byte = 0;
		bool served = true;

		pays = false;
		memset(pages, 0x55, sizeof(pages));
		if (!child_open(&child))
			_exit(1);
		for (int i = 0; i < 3000; i++)
			served = served && quick(MACHVM__READ, pages[1], &byte, 1);
		child_close(&child);
		_exit(!served || byte != 0x55 || atomic_load(&child.target.light.area) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void what_cannot_be_read_is_not_weighed(void **state)
{
	int fd = atomic_load(&child.target.files[MACHVM__FILE_MEMORY]);

	(void)state;
	assert_false(__real_machvm__copy_memory_pays(-1, child.pid, (uintptr_t)pages, PAGE));
	assert_false(__real_machvm__copy_memory_pays(fd, child.pid, 0, PAGE));
}

static void call_outside_the_area_is_served_and_the_area_follows(void **state)
{
	unsigned char here = 7, byte;

	(void)state;
	assert_false(in_use(&here));
	for (int i = 0; i < 3000; i++) {
		byte = 0;
		assert_true(quick(MACHVM__READ, &here, &byte, 1));
	}
	assert_true(in_use(&here));
	assert_false(in_use(pages[1]));
}

static void dead_child_is_not_served(void **state)
{
	char byte;

	(void)state;
	child_kill(&child);
	assert_false(quick(MACHVM__READ, pages[1], &byte, 1));
	assert_false(quick(MACHVM__WRITE, pages[1], &byte, 1));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_child, close_child)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_goes_this_way_where_it_does_not_pay),
		TEST(bytes_of_every_size_arrive_at_their_place_and_nowhere_else),
		TEST(half_a_page_goes_this_way_where_few_bytes_pay),
		TEST(what_cannot_be_read_is_not_weighed),
		TEST(call_outside_the_area_is_served_and_the_area_follows),
		TEST(dead_child_is_not_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
