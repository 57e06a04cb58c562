/* SPDX-License-Identifier: MIT */
/* suite_crowd.c - many processes, one small write each; and what a first write costs. */
#include <errno.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "measure.h"
#include "subject.h"
#include "suites.h"

enum { CROWD = 1000 };

struct crowd {
	struct subject subject;
	pid_t pids[CROWD];
	mach_port_t tasks[CROWD];
	uint64_t value;
	unsigned next;
};

static void write_one(mach_port_t task, struct crowd *crowd)
{
	if (mach_vm_write(task, crowd->subject.address, (vm_offset_t)&crowd->value,
			  sizeof crowd->value) != KERN_SUCCESS)
		die("mach_vm_write: %s", machvm_last_error()->message);
}

static void write_bare(pid_t pid, struct crowd *crowd)
{
	struct iovec here = {&crowd->value, sizeof crowd->value};
	struct iovec there = {(void *)(uintptr_t)crowd->subject.address, sizeof crowd->value};

	if (process_vm_writev(pid, &here, 1, &there, 1, 0) != sizeof crowd->value)
		die("process_vm_writev: %s", strerror(errno));
}

static void all_tasks(void *context, unsigned repetitions)
{
	struct crowd *crowd = context;

	while (repetitions--)
		for (unsigned i = 0; i < CROWD; i++)
			write_one(crowd->tasks[i], crowd);
}

static void all_bare(void *context, unsigned repetitions)
{
	struct crowd *crowd = context;

	while (repetitions--)
		for (unsigned i = 0; i < CROWD; i++)
			write_bare(crowd->pids[i], crowd);
}

static pid_t next_pid(struct crowd *crowd)
{
	return crowd->pids[crowd->next++ % CROWD];
}

static void first_task(void *context, unsigned repetitions)
{
	struct crowd *crowd = context;
	mach_port_t task;

	while (repetitions--) {
		if (task_for_pid(mach_task_self(), next_pid(crowd), &task) != KERN_SUCCESS)
			die("task_for_pid: %s", machvm_last_error()->message);
		write_one(task, crowd);
		mach_port_deallocate(mach_task_self(), task);
	}
}

/* The least that names a process and not a number. */
static void first_pidfd(void *context, unsigned repetitions)
{
	struct crowd *crowd = context;

	while (repetitions--) {
		pid_t pid = next_pid(crowd);
		int fd = pidfd_open(pid, 0);

		if (fd < 0)
			die("pidfd_open: %s", strerror(errno));
		write_bare(pid, crowd);
		close(fd);
	}
}

static void first_use(struct crowd *crowd)
{
	static const struct side sides[] = {
		{"task_for_pid, write, release", first_task},
		{"pidfd_open, writev, close", first_pidfd},
	};
	const struct row row = {.group = "many processes", .name = "first and only write of 8 B"};
	struct samples samples;

	measure(&samples, sides, 2, crowd, 1.0);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
}

static void every_task(struct crowd *crowd, const struct settings *settings)
{
	static const struct side sides[] = {{"mach_vm_write", all_tasks},
					    {"process_vm_writev", all_bare}};
	const struct row row = {
		.group = "many processes",
		.name = "8 B into each of 1,000",
		.goal = GOAL_RATIO,
		.limit = settings->without_ring ? 1.45 : 1 / 0.9,
	};
	struct samples samples;

	for (unsigned i = 0; i < CROWD; i++)
		if (task_for_pid(mach_task_self(), crowd->pids[i], &crowd->tasks[i]) !=
		    KERN_SUCCESS)
			die("task_for_pid: %s", machvm_last_error()->message);
	/* Those who come back are watched in another way than those who do not. */
	for (unsigned i = 0; i < 1024; i++)
		write_one(crowd->tasks[0], crowd);
	all_tasks(crowd, 128);
	measure(&samples, sides, 2, crowd, 2.0);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
	for (unsigned i = 0; i < CROWD; i++)
		mach_port_deallocate(mach_task_self(), crowd->tasks[i]);
}

void suite_crowd(const struct settings *settings)
{
	struct crowd *crowd = calloc(1, sizeof *crowd);

	if (!crowd)
		die("no memory");
	crowd->value = 0x6d61636876;
	subject_crowd(&crowd->subject, CROWD, crowd->pids);
	first_use(crowd);
	every_task(crowd, settings);
	subject_end(&crowd->subject);
	free(crowd);
}
