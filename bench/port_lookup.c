/* SPDX-License-Identifier: MIT */
/*
 * port_lookup.c - what it takes to get from a port's name to what it names and
 * to let go of it again. No public routine does only that, so this one program
 * links the library's layers and calls what each of them calls first and last:
 * machvm__task_hold() (has the process forked? pin the name, is it a task, is
 * the right enough?) and machvm__task_release(). The rival is what such a table
 * would be otherwise: an array behind a lock that readers share.
 */
#include <mach/mach.h>
#include <machvm.h>
#include <pthread.h>
#include <stdlib.h>

#include "measure.h"
#include "subject.h"
#include "task.h"

struct lookup {
	mach_port_t name;
	struct machvm__target *expected;
	pthread_rwlock_t lock;
	struct machvm__target *table[16];
};

/* Keeps what was found from being thought useless. */
static void use(const void *found, const struct lookup *lookup)
{
	if (found != lookup->expected)
		die("the wrong task was found");
}

static void hold_and_release(void *context, unsigned repetitions)
{
	struct lookup *lookup = context;
	struct machvm__hold hold = {0};

	while (repetitions--) {
		if (machvm__task_hold(lookup->name, MACHVM_RIGHT_CONTROL, &hold) != KERN_SUCCESS)
			die("the task's name is unknown");
		use(hold.target, lookup);
		machvm__task_release(&hold);
	}
}

static void lock_and_index(void *context, unsigned repetitions)
{
	struct lookup *lookup = context;

	while (repetitions--) {
		pthread_rwlock_rdlock(&lookup->lock);
		use(lookup->table[lookup->name % 16], lookup);
		pthread_rwlock_unlock(&lookup->lock);
	}
}

int main(void)
{
	static const struct side sides[] = {
		{"hold and release", hold_and_release},
		{"rdlock, index, unlock", lock_and_index},
	};
	const struct row row = {
		.group = "ports",
		.name = "task port look-up",
		.goal = GOAL_NS,
		.limit = 10,
		.note = "the library's own first and last step of every call",
	};
	struct lookup lookup = {.lock = PTHREAD_RWLOCK_INITIALIZER};
	struct machvm__hold hold = {0};
	struct subject subject;
	struct samples samples;

	pin_caller();
	subject_memory(&subject, 4096);
	lookup.name = subject.task;
	if (machvm__task_hold(lookup.name, MACHVM_RIGHT_CONTROL, &hold) != KERN_SUCCESS)
		die("no task");
	lookup.expected = lookup.table[lookup.name % 16] = hold.target;
	machvm__task_release(&hold);
	measure(&samples, sides, 2, &lookup, 0.5);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
	subject_end(&subject);
	return 0;
}
