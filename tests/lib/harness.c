/* SPDX-License-Identifier: MIT */
/* Failures that say what was tried, and the conditions under which a program of tests can run. */
#include "harness.h"
#include "job.h"
#include "nursery.h"
#include "pages.h"
#include "policy.h"
#include "refuse.h"
#include "travel.h"
#include "victims.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char what_is_tried[1024];

void harness_start(int argc, char *argv[])
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	/* A victim that died makes a write fail, not this program end. */
	signal(SIGPIPE, SIG_IGN);
	if (getenv("MACHVM_TEST_NURSERY"))
		nursery_open();
	policy_from_environment();
	refuse_from_environment();
	if (getenv("MACHVM_TEST_RECEIVED") != NULL)
		travel_require();
}

int harness_teardown(void **state)
{
	victims_end();
	jobs_end();
	pages_release();
	what_is_tried[0] = '\0';
	return 0;
}

void harness_skip(const char *reason, ...)
{
	va_list arguments;

	va_start(arguments, reason);
	printf("skipped: ");
	vprintf(reason, arguments);
	printf("\n");
	va_end(arguments);
	exit(77);
}

/* Root of a user namespace of one's own has none of the rights that tests mean. */
bool harness_is_root(void)
{
	char map[64] = "";
	FILE *file = fopen("/proc/self/uid_map", "re");
	bool all;

	/* Without the file there are no user namespaces. */
	if (file == NULL)
		return geteuid() == 0;
	all = fgets(map, sizeof(map), file) != NULL && strstr(map, "4294967295") != NULL;
	fclose(file);
	return geteuid() == 0 && all;
}

void harness_require_root(void)
{
	if (!harness_is_root())
		harness_skip("needs root");
}

void harness_require_unprivileged(void)
{
	if (harness_is_root())
		harness_skip("means nothing as root");
}

bool harness_is_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

void harness_require_waiting(void)
{
	harness_require_root();
	if (refused("readv") || refused("writev"))
		harness_skip("without process_vm_* nothing waits");
	if (harness_is_valgrind())
		harness_skip("valgrind lets nothing else run while a call waits");
}

bool harness_forces(void)
{
	void *shut = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	/* Not pwrite: tests may refuse that. */
	bool forced = lseek(fd, (off_t)(uintptr_t)shut, SEEK_SET) >= 0 && write(fd, "", 1) == 1;

	close(fd);
	munmap(shut, PAGE);
	return forced && !policy_never();
}

unsigned harness_share(void)
{
	const char *share = getenv("MACHVM_TEST_SHARE");

	return share != NULL && atoi(share) > 0 ? (unsigned)atoi(share) : 1;
}

void harness_require_own_proc(void)
{
	char self[16] = "";

	if (readlink("/proc/self", self, sizeof(self) - 1) <= 0 || atoi(self) != getpid())
		harness_skip("threads have no name here: /proc counts in another namespace");
}

void harness_require_speed(void)
{
	if (harness_is_valgrind())
		harness_skip("takes too long under valgrind");
}

void trying(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what_is_tried, sizeof(what_is_tried), format, arguments);
	va_end(arguments);
}

void harness_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;
	char text[1024];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (what_is_tried[0] != '\0')
		print_error("tried: %s\n", what_is_tried);
	print_error("%s\n", text);
	_fail(file, line);
	abort();
}

const char *code_name(kern_return_t code)
{
	static const struct {
		kern_return_t code;
		const char *name;
	} names[] = {
		{KERN_SUCCESS, "KERN_SUCCESS"},
		{KERN_INVALID_ADDRESS, "KERN_INVALID_ADDRESS"},
		{KERN_PROTECTION_FAILURE, "KERN_PROTECTION_FAILURE"},
		{KERN_NO_SPACE, "KERN_NO_SPACE"},
		{KERN_INVALID_ARGUMENT, "KERN_INVALID_ARGUMENT"},
		{KERN_FAILURE, "KERN_FAILURE"},
		{KERN_RESOURCE_SHORTAGE, "KERN_RESOURCE_SHORTAGE"},
		{KERN_NO_ACCESS, "KERN_NO_ACCESS"},
		{KERN_MEMORY_ERROR, "KERN_MEMORY_ERROR"},
		{KERN_ABORTED, "KERN_ABORTED"},
		{KERN_INVALID_NAME, "KERN_INVALID_NAME"},
		{KERN_INVALID_TASK, "KERN_INVALID_TASK"},
		{KERN_INVALID_RIGHT, "KERN_INVALID_RIGHT"},
		{KERN_INVALID_VALUE, "KERN_INVALID_VALUE"},
		{KERN_UREFS_OVERFLOW, "KERN_UREFS_OVERFLOW"},
		{KERN_NOT_SUPPORTED, "KERN_NOT_SUPPORTED"},
		{KERN_DENIED, "KERN_DENIED"},
		{MACH_SEND_INVALID_DEST, "MACH_SEND_INVALID_DEST"},
		{MACH_SEND_INVALID_MEMORY, "MACH_SEND_INVALID_MEMORY"},
	};
	static char number[32];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].code == code)
			return names[i].name;
	snprintf(number, sizeof(number), "code %#x", (unsigned)code);
	return number;
}

static void print_detail(void)
{
	const struct machvm_error *error = machvm_last_error();

	print_error("detail: %s, errno %d, address %#llx, done %llu, step \"%s\": %s\n",
		    code_name(error->code), error->system_errno,
		    (unsigned long long)error->address, (unsigned long long)error->done,
		    error->step, error->message);
}

void harness_expect_code(const char *file, int line, const char *call, kern_return_t got,
			 kern_return_t want)
{
	if (got == want)
		return;
	if (got != KERN_SUCCESS)
		print_detail();
	print_error("%s\n", call);
	/* code_name() may use one buffer twice: two calls. */
	print_error("answered %s\n", code_name(got));
	harness_fail(file, line, "expected %s", code_name(want));
}

void harness_expect_detail(const char *file, int line, kern_return_t code, uint64_t address)
{
	const struct machvm_error *error = machvm_last_error();
	const char *wrong = NULL;

	if (error->code != code)
		wrong = "code";
	else if (error->address != address)
		wrong = "address";
	else if (error->done != 0)
		wrong = "done";
	else if (error->step == NULL || error->step[0] == '\0')
		wrong = "step";
	else if (error->message == NULL || error->message[0] == '\0' ||
		 strchr(error->message, '\n') != NULL)
		wrong = "message";
	if (wrong == NULL)
		return;
	print_detail();
	harness_fail(file, line, "the detail's %s is wrong; expected %s, address %#llx, done 0",
		     wrong, code_name(code), (unsigned long long)address);
}

void harness_expect_number(const char *file, int line, const char *what, uint64_t got,
			   uint64_t want)
{
	if (got != want)
		harness_fail(file, line, "%s is %#llx (%llu), expected %#llx (%llu)", what,
			     (unsigned long long)got, (unsigned long long)got,
			     (unsigned long long)want, (unsigned long long)want);
}

void harness_expect_bytes(const char *file, int line, const void *got, const void *want,
			  size_t size)
{
	const uint8_t *have = got, *should = want;
	size_t first, wrong = 0, i;

	if (size == 0 || memcmp(got, want, size) == 0)
		return;
	for (first = 0; have[first] == should[first]; first++)
		;
	for (i = first; i < size; i++)
		wrong += have[i] != should[i];
	harness_fail(file, line, "%zu of %zu bytes are wrong, first the one at %zu: %#x, expected %#x",
		     wrong, size, first, have[first], should[first]);
}

void task_drop(mach_port_t task)
{
	expect_code(mach_port_deallocate(mach_task_self(), task), KERN_SUCCESS);
}
