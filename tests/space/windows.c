/* SPDX-License-Identifier: MIT */
/*
 * Windows onto private memory, which is moved for it: what the target notices (nothing), what
 * cannot be moved, and that nothing is moved when the window cannot be had.
 */
#include "layout.h"
#include "pattern.h"
#include "travel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOVE MACHVM_WINDOW_MOVE
#define BOTH (MACHVM_WINDOW_MOVE | MACHVM_WINDOW_WRITE)

static struct ground ground;

static uint8_t *open_window(unsigned page, unsigned pages, unsigned flags)
{
	void *window = NULL;

	expect_code(machvm_window_open(ground.task, ground.base + page * PAGE, pages * PAGE, flags,
				       &window),
		    KERN_SUCCESS);
	return window;
}

/* The owner stores: a victim when it is told to, the test itself through its own pointer. */
static void owner_stores(uint64_t address, uint8_t byte)
{
	if (ground.victim != NULL) {
		victim_ask(ground.victim, "fill %llx 1 %x", (unsigned long long)address, byte);
		byte = pattern_byte(byte, address);
	} else {
		*(uint8_t *)ground_pointer(&ground, address) = byte;
	}
	*ground_expect(&ground, address) = byte;
}

static void try_private(void)
{
	uint8_t *window;

	ground_lay(&ground, 1, 2, "rw");
	ground_lay(&ground, 3, 1, "fresh");
	ground_lay(&ground, 4, 1, "cow");
	ground_lay(&ground, 5, 2, "file-rw");
	window = open_window(1, 6, BOTH);
	expect_layout(&ground, ".dddddd.........");
	expect_bytes(window, ground_expect(&ground, ground.base + PAGE), 6 * PAGE);
	ground_verify(&ground);
	for (unsigned page = 0; page < 6; page++) {
		uint64_t at = ground.base + (page + 1) * PAGE + 20;

		window[page * PAGE + 7] ^= 0x55;
		ground_expect(&ground, at - 20)[7] ^= 0x55;
		owner_stores(at, (uint8_t)(page + 1));
	}
	expect_bytes(window, ground_expect(&ground, ground.base + PAGE), 6 * PAGE);
	ground_verify(&ground);
	expect_code(machvm_window_check(ground.task, ground.base + PAGE, window, 6 * PAGE),
		    KERN_SUCCESS);
	expect_code(machvm_window_close(window, 6 * PAGE), KERN_SUCCESS);
	ground_verify(&ground);
}

static void private_memory_is_moved_and_shared(void **state)
{
	ground_each_place(&ground, try_private);
}

static void try_mixed(void)
{
	uint8_t *window;

	ground_lay(&ground, 0, 4, "rw");
	assert_true(ground_lay_like(&ground, 4, 2, "memfd-steady", "shared-rw"));
	ground_lay(&ground, 6, 2, "ro");
	assert_true(ground_lay_like(&ground, 8, 1, "segment", "shared-rw"));
	/* From the middle of the first to the middle of the third, to be read. */
	window = open_window(2, 5, MOVE);
	expect_layout(&ground, "33ddddb1d.......");
	expect_bytes(window, ground_expect(&ground, ground.base + 2 * PAGE), 5 * PAGE);
	owner_stores(ground.base + 2 * PAGE + 3, 5);
	owner_stores(ground.base + 4 * PAGE + 3, 6);
	expect_bytes(window, ground_expect(&ground, ground.base + 2 * PAGE), 5 * PAGE);
	expect_code(machvm_window_close(window, 5 * PAGE), KERN_SUCCESS);
	ground_verify(&ground);
}

static void private_and_shared_memory_is_one_window(void **state)
{
	ground_each_place(&ground, try_mixed);
}

/* What is shared already is not stopped for, nor moved. */
static void try_shared(void)
{
	uint8_t *window;

	assert_true(ground_lay_like(&ground, 0, 2, "memfd-steady", "shared-rw"));
	window = open_window(0, 2, BOTH);
	window[1] = 1;
	*ground_expect(&ground, ground.base + 1) = 1;
	ground_verify(&ground);
	expect_code(machvm_window_close(window, 2 * PAGE), KERN_SUCCESS);
}

static void shared_memory_stays_where_it_is(void **state)
{
	ground_each_place(&ground, try_shared);
}

static void expect_refused(unsigned page, unsigned pages, unsigned flags, kern_return_t code,
			   unsigned bad)
{
	unsigned mappings = count_windows();
	void *window = &ground;

	expect_code(machvm_window_open(ground.task, ground.base + page * PAGE, pages * PAGE, flags,
				       &window),
		    code);
	expect_detail(code, ground.base + bad * PAGE);
	assert_ptr_equal(window, &ground);
	expect_number(count_windows(), mappings);
	ground_verify(&ground);
}

static void try_refusals(void)
{
	char want[GROUND_PAGES + 1];
	unsigned descriptors = 0;

	ground_lay(&ground, 0, 1, "rw");
	ground_lay(&ground, 1, 1, "ro");
	ground_lay(&ground, 2, 1, "rw");
	assert_true(ground_lay_like(&ground, 3, 1, "memfd", "shared-rw"));
	ground_lay(&ground, 4, 1, "none");
	ground_lay(&ground, 6, 1, "rw");
	layout_read(&ground, ground.base, GROUND_PAGES, want);
	/* What is kept of a task is opened at first use. */
	for (int round = 0; round < 3; round++) {
		expect_refused(0, 2, BOTH, KERN_PROTECTION_FAILURE, 1);
		expect_refused(2, 2, BOTH, KERN_NOT_SUPPORTED, 3);
		expect_refused(2, 4, MOVE, KERN_NOT_SUPPORTED, 3);
		expect_refused(4, 1, MOVE, KERN_PROTECTION_FAILURE, 4);
		expect_refused(6, 2, MOVE, KERN_INVALID_ADDRESS, 7);
		if (round == 1)
			descriptors = count_descriptors();
	}
	expect_number(count_descriptors(), descriptors);
	expect_layout(&ground, want);
}

static void nothing_is_moved_for_a_window_that_cannot_be(void **state)
{
	ground_each_place(&ground, try_refusals);
}

static void what_cannot_be_moved_is_refused(void **state)
{
	uint64_t stack;
	void *window;

	ground_open(&ground, PLACE_VICTIM, 4);
	stack = victim_ask(ground.victim, "stack 1 9");
	expect_code(machvm_window_open(ground.task, stack, PAGE, BOTH, &window),
		    KERN_NOT_SUPPORTED);
	expect_detail(KERN_NOT_SUPPORTED, stack);
	if (ground_lay_like(&ground, 0, 4, "missing", "missing")) {
		expect_code(machvm_window_open(ground.task, ground.base, PAGE, BOTH, &window),
			    KERN_NOT_SUPPORTED);
		expect_detail(KERN_NOT_SUPPORTED, ground.base);
	}
	ground_close(&ground);
}

/* Nobody has a descriptor of it; who can open it without one cannot shorten it. */
static void moved_memory_stays_under_the_window(void **state)
{
	char path[96];
	uint8_t *window;
	int fd;

	ground_open(&ground, PLACE_VICTIM, 2);
	ground_lay(&ground, 0, 2, "rw");
	window = open_window(0, 2, BOTH);
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int)ground.victim->pid,
		 (unsigned long long)ground.base, (unsigned long long)ground.base + 2 * PAGE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		void *second = NULL;

		assert_int_equal(ftruncate(fd, 0), -1);
		assert_int_equal(errno, EPERM);
		close(fd);
		expect_code(machvm_window_open(ground.task, ground.base, PAGE, 0, &second),
			    KERN_SUCCESS);
		expect_code(machvm_window_close(second, PAGE), KERN_SUCCESS);
	} else {
		void *second = NULL;

		expect_code(machvm_window_open(ground.task, ground.base, PAGE, BOTH, &second),
			    KERN_NOT_SUPPORTED);
	}
	victim_kill(ground.victim);
	expect_bytes(window, ground_expect(&ground, ground.base), 2 * PAGE);
	window[0] = 1;
	expect_code(machvm_window_check(ground.task, ground.base, window, PAGE),
		    MACH_SEND_INVALID_DEST);
	expect_code(machvm_window_close(window, 2 * PAGE), KERN_SUCCESS);
	task_drop(ground.task);
}

/* The other threads of a target run on once they may, with what they had. */
static void target_with_threads_goes_on(void **state)
{
	uint8_t *window;

	ground_open(&ground, PLACE_VICTIM, 8);
	ground_lay(&ground, 0, 8, "rw");
	victim_ask(ground.victim, "threads 4");
	victim_ask(ground.victim, "churn store %llx 1000 7",
		   (unsigned long long)ground.base + 7 * PAGE);
	window = open_window(0, 7, BOTH);
	victim_ask(ground.victim, "churn-stop");
	ground.pages = 7;
	window[9] = 9;
	*ground_expect(&ground, ground.base + 9) = 9;
	ground_verify(&ground);
	expect_code(machvm_window_close(window, 7 * PAGE), KERN_SUCCESS);
	ground_close(&ground);
}

static void moving_takes_the_control_right(void **state)
{
	mach_port_t reader = MACH_PORT_NULL;
	void *window;

	ground_open(&ground, PLACE_VICTIM, 1);
	ground_lay(&ground, 0, 1, "rw");
	expect_code(task_read_for_pid(mach_task_self(), ground.victim->pid, &reader), KERN_SUCCESS);
	expect_code(machvm_window_open(reader, ground.base, PAGE, MOVE, &window),
		    KERN_INVALID_ARGUMENT);
	expect_layout(&ground, "3");
	task_drop(reader);
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(private_memory_is_moved_and_shared),
	TEST(private_and_shared_memory_is_one_window),
	TEST(shared_memory_stays_where_it_is),
	TEST(nothing_is_moved_for_a_window_that_cannot_be),
	TEST(what_cannot_be_moved_is_refused),
	TEST(moved_memory_stays_under_the_window),
	TEST(target_with_threads_goes_on),
	TEST(moving_takes_the_control_right),
};

HARNESS_MAIN(tests)
