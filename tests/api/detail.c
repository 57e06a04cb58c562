/* SPDX-License-Identifier: MIT */
/* machvm_last_error(): whose it is, when it changes, and what it says. */
#include "ground.h"
#include "refuse.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct ground ground;

static void open_ground(void)
{
	ground_open(&ground, PLACE_VICTIM, 8);
	ground_lay(&ground, 0, 8, "rw");
}

struct found {
	mach_port_t task;
	struct machvm_error before, after;
	char message[512];
	bool was_empty;
};

static void *fresh_thread(void *argument)
{
	struct found *found = argument;
	const struct machvm_error *error = machvm_last_error();
	char byte;

	found->before = *error;
	found->was_empty = error->step != NULL && error->step[0] == '\0' &&
			   error->message != NULL && error->message[0] == '\0';
	machvm_read(found->task, 0x1000, &byte, 1, 0);
	found->after = *machvm_last_error();
	snprintf(found->message, sizeof(found->message), "%s", machvm_last_error()->message);
	return NULL;
}

static void record_of_a_fresh_thread_is_empty(void **state)
{
	struct found found = {0};
	pthread_t thread;

	open_ground();
	found.task = ground.task;
	assert_int_equal(pthread_create(&thread, NULL, fresh_thread, &found), 0);
	pthread_join(thread, NULL);
	assert_true(found.was_empty);
	expect_number(found.before.code, 0);
	expect_number(found.before.system_errno, 0);
	expect_number(found.before.address, 0);
	expect_number(found.before.done, 0);
	expect_number(found.after.code, KERN_INVALID_ADDRESS);
	expect_number(found.after.address, 0x1000);
}

static void record_belongs_to_its_thread(void **state)
{
	struct found found = {0};
	pthread_t thread;
	char byte, message[512];

	open_ground();
	ground_lay(&ground, 3, 1, "none");
	found.task = ground.task;
	expect_code(machvm_read(ground.task, ground.base + 3 * PAGE + 5, &byte, 1, 0),
		    KERN_PROTECTION_FAILURE);
	snprintf(message, sizeof(message), "%s", machvm_last_error()->message);
	assert_int_equal(pthread_create(&thread, NULL, fresh_thread, &found), 0);
	pthread_join(thread, NULL);
	expect_detail(KERN_PROTECTION_FAILURE, ground.base + 3 * PAGE + 5);
	assert_string_equal(machvm_last_error()->message, message);
	assert_string_not_equal(found.message, message);
}

static void success_leaves_the_record_alone(void **state)
{
	struct machvm_error before;
	char byte, message[512];

	open_ground();
	ground_lay(&ground, 3, 1, "hole");
	expect_code(machvm_read(ground.task, ground.base + 3 * PAGE, &byte, 1, 0),
		    KERN_INVALID_ADDRESS);
	before = *machvm_last_error();
	snprintf(message, sizeof(message), "%s", before.message);
	for (int i = 0; i < 100; i++) {
		expect_code(machvm_read(ground.task, ground.base + PAGE - 1, &byte, 1, 0),
			    KERN_SUCCESS);
		expect_code(machvm_write(ground.task, ground.base + PAGE - 1, &byte, 1, 0),
			    KERN_SUCCESS);
		task_drop(mach_task_self());
	}
	assert_memory_equal(&before, machvm_last_error(), sizeof(before));
	assert_string_equal(machvm_last_error()->message, message);
}

static void message_names_the_address_the_protection_and_what_is_mapped(void **state)
{
	char address[32], byte = 0;

	open_ground();
	ground_lay(&ground, 2, 1, "file-ro");
	expect_code(machvm_write(ground.task, ground.base + 2 * PAGE + 0x123, &byte, 1, 0),
		    KERN_PROTECTION_FAILURE);
	snprintf(address, sizeof(address), "%llx",
		 (unsigned long long)ground.base + 2 * PAGE + 0x123);
	trying("\"%s\"", machvm_last_error()->message);
	assert_non_null(strstr(machvm_last_error()->message, address));
	assert_non_null(strstr(machvm_last_error()->message, "r--"));
	assert_non_null(strstr(machvm_last_error()->message, "/tmp/"));
}

/* The memfd of this kind has a newline in its name. */
static void message_is_one_line_whatever_the_mapped_file_is_called(void **state)
{
	char byte = 0;

	open_ground();
	ground_lay(&ground, 2, 1, "eof-memfd");
	expect_code(machvm_write(ground.task, ground.base + 2 * PAGE, &byte, 1, 0),
		    KERN_MEMORY_ERROR);
	expect_detail(KERN_MEMORY_ERROR, ground.base + 2 * PAGE);
	trying("\"%s\"", machvm_last_error()->message);
	assert_non_null(strstr(machvm_last_error()->message, "two"));
}

static void system_errno_is_that_of_the_failing_call(void **state)
{
	mach_port_t task;
	char byte = 0;

	open_ground();
	expect_code(machvm_read(MACH_PORT_NULL, 0, &byte, 1, 0), MACH_SEND_INVALID_DEST);
	expect_number(machvm_last_error()->system_errno, 0);
	expect_code(machvm_read(ground.task, UINT64_MAX, &byte, 2, 0), KERN_INVALID_ADDRESS);
	expect_number(machvm_last_error()->system_errno, 0);
	/* Page 0 is nobody's: the copy itself says so, or the look before it. */
	expect_code(machvm_read(ground.task, 8, &byte, 1, 0), KERN_INVALID_ADDRESS);
	if (!refused("writev") && !refused("readv"))
		expect_number(machvm_last_error()->system_errno, EFAULT);
	expect_code(task_for_pid(mach_task_self(), 1 << 30, &task), KERN_FAILURE);
	expect_number(machvm_last_error()->system_errno, ESRCH);
}

static void flags_that_nobody_knows_are_refused(void **state)
{
	char byte = 0;

	open_ground();
	for (unsigned bit = 5; bit < 32; bit++) {
		trying("flag 1 << %u", bit);
		expect_code(machvm_write(ground.task, ground.base, &byte, 1, 1u << bit),
			    KERN_INVALID_ARGUMENT);
		expect_code(machvm_read(ground.task, ground.base, &byte, 1, 1u << bit),
			    KERN_INVALID_ARGUMENT);
	}
	ground_verify(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(record_of_a_fresh_thread_is_empty),
	TEST(record_belongs_to_its_thread),
	TEST(success_leaves_the_record_alone),
	TEST(message_names_the_address_the_protection_and_what_is_mapped),
	TEST(message_is_one_line_whatever_the_mapped_file_is_called),
	TEST(system_errno_is_that_of_the_failing_call),
	TEST(flags_that_nobody_knows_are_refused),
};

HARNESS_MAIN(tests)
