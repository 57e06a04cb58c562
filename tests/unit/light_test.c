/* SPDX-License-Identifier: MIT */
/*
 * The policy that is found out by trying is the one that the kernel was started with, and
 * the descriptor is in use exactly where it is "never".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "force_policy.h"
#include "own_memory.h"

#define OPTION "proc_mem.force_override="

/* What the kernel was told; null when it was not, or does not know of it. */
static const char *told(void)
{
	static char line[4096];
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	char *option;

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	option = strstr(line, OPTION);
	return option ? option + strlen(OPTION) : NULL;
}

static void policy_is_what_the_kernel_was_told(void **state)
{
	const char *policy = told();

	(void)state;
	/* Without a word it may be built in; but never is what forces here. */
	if (policy && strncmp(policy, "never", 5) == 0) {
		assert_true(machvm__force_policy_never());
		assert_false(machvm__own_memory_forces());
	} else if (policy && strncmp(policy, "ptrace", 6) == 0) {
		assert_false(machvm__force_policy_never());
		assert_false(machvm__own_memory_forces());
	}
	assert_false(machvm__force_policy_never() && machvm__own_memory_forces());
}

static void trial_leaves_no_child_and_no_descriptor(void **state)
{
	int before = dup(0), after;

	(void)state;
	close(before);
	(void)machvm__force_policy_never();
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
}

static char page[4096] __attribute__((aligned(4096)));

static void often_used_target_is_served_by_the_descriptor_where_it_honours(void **state)
{
	static struct child child;
	struct machvm__target *target = &child.target;
	bool never = machvm__force_policy_never();
	uint64_t raddr = (uintptr_t)page;
	char byte = 0;
	size_t stray;

	(void)state;
	assert_true(child_open(&child));
	assert_false(machvm__light_holds(atomic_load(&target->light.area), raddr));
	for (int i = 0; i < 3000; i++)
		assert_true(machvm__target_quick(target, MACHVM__READ, raddr, &byte, 1, &stray));
	/* Used where it honours them and is quicker, and else closed for good. */
	assert_true(never || !machvm__light_holds(atomic_load(&target->light.area), raddr));
	if (!machvm__light_holds(atomic_load(&target->light.area), raddr))
		assert_true(atomic_load(&target->light.area) == 0);
	/* The right place, also next to the area's ends. */
	byte = 42;
	assert_true(machvm__target_quick(target, MACHVM__WRITE, raddr + 4095, &byte, 1, &stray));
	byte = 0;
	assert_true(machvm__target_quick(target, MACHVM__READ, raddr + 4095, &byte, 1, &stray));
	assert_int_equal(byte, 42);
	assert_int_equal(page[4095], 0);
	child_kill(&child);
	assert_false(machvm__target_quick(target, MACHVM__READ, raddr, &byte, 1, &stray));
	child_close(&child);
}

static void area_holds_its_own_addresses_only(void **state)
{
	const uint64_t area = (uint64_t)5 << MACHVM__LIGHT_COUNT | 2;

	(void)state;
	assert_false(machvm__light_holds(area, 0x4fff));
	assert_true(machvm__light_holds(area, 0x5000));
	assert_true(machvm__light_holds(area, 0x6fff));
	assert_false(machvm__light_holds(area, 0x7000));
	assert_false(machvm__light_holds(area, 0));
	assert_false(machvm__light_holds(area, UINT64_MAX));
	assert_false(machvm__light_holds(MACHVM__LIGHT_NOWHERE, 0x1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_is_what_the_kernel_was_told),
		cmocka_unit_test(trial_leaves_no_child_and_no_descriptor),
		cmocka_unit_test(often_used_target_is_served_by_the_descriptor_where_it_honours),
		cmocka_unit_test(area_holds_its_own_addresses_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
