/* SPDX-License-Identifier: MIT */
/* Whether the tracer of a target is a helper of this program, asked at each moment of its life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refuse.h"
#include "tracer.h"

enum { QUESTIONS = 5000 };

static atomic_int present; /* the number of a helper that lives, ends, or is just gone */
static atomic_bool over;

static void *make_and_end_helpers(void *unused)
{
	while (!atomic_load(&over)) {
		struct machvm__tracer *helper;

		if (machvm__tracer_get(&helper))
			continue;
		atomic_store(&present, machvm__tracer_pid(helper));
		machvm__tracer_put(helper, true);
	}
	return NULL;
}

static void helper_is_ours_until_it_is_gone(void **state)
{
	unsigned disowned = 0;
	pthread_t thread;

	atomic_store(&over, false);
	assert_int_equal(pthread_create(&thread, NULL, make_and_end_helpers, NULL), 0);
	while (!atomic_load(&present))
		sched_yield();
	for (unsigned i = 0; i < QUESTIONS; i++)
		disowned += !machvm__tracer_ours(atomic_load(&present));
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	assert_int_equal(disowned, 0);
}

static void child_of_ours_is_no_helper(void **state)
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	assert_true(child > 0);
	assert_false(machvm__tracer_ours(child));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void other_processes_are_no_helpers(void **state)
{
	assert_false(machvm__tracer_ours(0));
	assert_false(machvm__tracer_ours(getpid()));
	assert_false(machvm__tracer_ours(getppid()));
}

/* Last, for it stays so: what containers do to those without CAP_SYS_PTRACE. */
static void helper_is_ours_where_nobody_may_compare_memories(void **state)
{
	struct machvm__tracer *helper;

	refuse("kcmp=EPERM");
	helper_is_ours_until_it_is_gone(state);
	child_of_ours_is_no_helper(state);
	assert_int_equal(machvm__tracer_get(&helper), 0);
	assert_true(machvm__tracer_ours(machvm__tracer_pid(helper)));
	machvm__tracer_put(helper, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(helper_is_ours_until_it_is_gone),
		cmocka_unit_test(child_of_ours_is_no_helper),
		cmocka_unit_test(other_processes_are_no_helpers),
		cmocka_unit_test(helper_is_ours_where_nobody_may_compare_memories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
