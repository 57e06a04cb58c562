/* SPDX-License-Identifier: MIT */
/* The words of error codes: the tables, what is beyond them, and what is printed. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <mach/mach.h>
#include <mach/mach_error.h>
#include <mach/mig_errors.h>

static const char *const kernel[] = {
	"successful",
	"invalid address",
	"protection failure",
	"no space available",
	"invalid argument",
	"failure",
	"resource shortage",
	"not receiver",
	"no access",
	"memory failure",
	"memory error",
	"already in set",
	"not in set",
	"name exists",
	"aborted",
	"invalid name",
	"invalid task",
	"invalid right",
	"invalid value",
	"urefs overflow",
	"invalid capability",
	"right exists",
	"invalid host",
	"memory present",
	"memory data moved",
	"memory restart copy",
	"invalid processor set",
	"policy limit",
	"invalid policy",
	"invalid object",
	"already waiting",
	"default set",
	"exception protected",
	"invalid ledger",
	"invalid memory control",
	"invalid security",
	"not depressed",
	"object terminated",
	"lock set destroyed",
	"lock unstable",
	"lock owned by another",
	"lock owned by self",
	"semaphore destroyed",
	"RPC terminated",
	"terminate orphan",
	"let orphan continue",
	"service not supported",
	"remote node down",
	"thread not waiting",
	"operation timed out",
	"code signing error",
	"policy is static",
	"insufficient input buffer size",
	"denied by security policy",
	"missing kernel collection",
	"invalid kernel collection",
	"result not found",
};

static const char *const mig[] = {
	"client type check failure", "wrong reply message ID",    "server detected error",
	"bad request message ID",    "server type check failure", "no reply should be sent",
	"server raised exception",   "array not large enough",    "server died",
	"unknown trailer format",
};

static void expect(mach_error_t code, const char *type, const char *text)
{
	char whole[128];

	snprintf(whole, sizeof whole, "%s %s", type, text);
	assert_string_equal(mach_error_string(code), whole);
	assert_string_equal(mach_error_type(code), type);
}

static void string_of_kernel_code_is_its_row(void **state)
{
	assert_int_equal(sizeof kernel / sizeof kernel[0], KERN_NOT_FOUND + 1);
	for (int code = 0; code <= KERN_NOT_FOUND; code++)
		expect(code, "(os/kern)", kernel[code]);
}

static void string_of_message_code_names_direction(void **state)
{
	expect(MACH_SEND_INVALID_DATA, "(ipc/send)", "invalid data");
	expect(MACH_SEND_INVALID_DEST, "(ipc/send)", "invalid destination port");
	expect(MACH_SEND_INTERRUPTED, "(ipc/send)", "interrupted");
	expect(MACH_SEND_INVALID_MEMORY, "(ipc/send)", "invalid memory");
	expect(MACH_SEND_NO_BUFFER, "(ipc/send)", "no msg buffer");
	expect(MACH_RCV_INVALID_DATA, "(ipc/rcv)", "invalid data");
	expect(MACH_RCV_BODY_ERROR, "(ipc/rcv)", "body error");
}

static void string_of_mig_code_is_its_row(void **state)
{
	for (int i = 0; i < 10; i++)
		expect(MIG_TYPE_ERROR - i, "(ipc/mig)", mig[i]);
}

static void string_beyond_table_is_unknown_code(void **state)
{
	static const mach_error_t codes[] = {KERN_NOT_FOUND + 1, 0x3fff,     0x10000006,
					     0x100000ff,         0x10004010, MIG_TRAILER_ERROR - 1};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		assert_string_equal(mach_error_string(codes[i]), "unknown error code");
	assert_string_equal(mach_error_type(KERN_NOT_FOUND + 1), "(os/kern)");
	assert_string_equal(mach_error_type(0x100000ff), "(ipc/send)");
	assert_string_equal(mach_error_type(MIG_TRAILER_ERROR - 1), "(ipc/mig)");
}

static void string_of_unknown_subsystem_says_so(void **state)
{
	assert_string_equal(mach_error_string(err_sub(1)),
			    "(operating system/?) unknown subsystem error");
	assert_string_equal(mach_error_string(unix_err(2)),
			    "(operating system/?) unknown subsystem error");
	assert_string_equal(mach_error_type(err_sub(1)), "(?/?)");
	assert_string_equal(mach_error_string(err_mach_ipc | err_sub(7)),
			    "(ipc/?) unknown subsystem error");
}

static void string_of_unknown_system_says_so(void **state)
{
	assert_string_equal(mach_error_string(err_us), "(?/?) unknown error system");
	assert_string_equal(mach_error_string(err_local | 5), "(?/?) unknown error system");
	assert_string_equal(mach_error_string(-1), "(?/?) unknown error system");
	assert_string_equal(mach_error_string(INT32_MIN), "(?/?) unknown error system");
	assert_string_equal(mach_error_type(err_us), "(?/?)");
}

static void string_of_any_code_is_one_line(void **state)
{
	/* Every code of the first subsystems, and a walk over all 32 bits by a prime. */
	for (int64_t code = INT32_MIN; code <= INT32_MAX; code += 4093) {
		assert_non_null(mach_error_string((mach_error_t)code));
		assert_null(strchr(mach_error_string((mach_error_t)code), '\n'));
		assert_non_null(mach_error_type((mach_error_t)code));
	}
	for (unsigned system = 0; system < 64; system += 4)
		for (unsigned low = 0; low < 1u << 16; low++) {
			mach_error_t code = (mach_error_t)(system << 26 | low);
			assert_non_null(mach_error_string(code));
			assert_true(mach_error_string(code)[0] != '\0');
			assert_null(strchr(mach_error_string(code), '\n'));
		}
}

static void *ask(void *unused)
{
	return mach_error_string(MACH_SEND_INVALID_DEST);
}

static void string_in_another_thread_is_the_same(void **state)
{
	pthread_t thread;
	void *other;

	assert_int_equal(pthread_create(&thread, NULL, ask, NULL), 0);
	assert_int_equal(pthread_join(thread, &other), 0);
	assert_ptr_equal(other, mach_error_string(MACH_SEND_INVALID_DEST));
}

static void expect_printed(const char *words, mach_error_t code, const char *line)
{
	char text[256];
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	mach_error(words, code);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(ends[1]);
	n = read(ends[0], text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	close(ends[0]);
	close(saved);
	assert_string_equal(text, line);
}

static void error_of_known_code_prints_words_and_text(void **state)
{
	expect_printed("vm_write:", KERN_PROTECTION_FAILURE,
		       "vm_write: (os/kern) protection failure\n");
	expect_printed("100%s", MIG_SERVER_DIED, "100%s (ipc/mig) server died\n");
}

static void error_of_unknown_code_prints_number(void **state)
{
	expect_printed("x", 0x3fff, "x (os/kern) unknown error code (3fff)\n");
	expect_printed("x", err_us | 1, "x (?/?) (?/?) unknown error system (4000001)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(string_of_kernel_code_is_its_row),
		cmocka_unit_test(string_of_message_code_names_direction),
		cmocka_unit_test(string_of_mig_code_is_its_row),
		cmocka_unit_test(string_beyond_table_is_unknown_code),
		cmocka_unit_test(string_of_unknown_subsystem_says_so),
		cmocka_unit_test(string_of_unknown_system_says_so),
		cmocka_unit_test(string_of_any_code_is_one_line),
		cmocka_unit_test(string_in_another_thread_is_the_same),
		cmocka_unit_test(error_of_known_code_prints_words_and_text),
		cmocka_unit_test(error_of_unknown_code_prints_number),
	};

	return cmocka_run_group_tests_name("error_string", tests, NULL, NULL);
}
