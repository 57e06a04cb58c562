/* SPDX-License-Identifier: MIT */
/*
 * light_bench.c - small transfers as they go where the kernel was started with
 * proc_mem.force_override=never, on whatever kernel this is.
 *
 * Such a kernel is seldom at hand. So this program is linked with the library's layers, and
 * answers "never" itself to their question for the policy (--wrap). The way that they
 * take then is the same, and so is its time: the policy decides what becomes of an access
 * that a page does not permit, and here every page permits every one.
 */
#include <errno.h>
#include <fcntl.h>
#include <mach/mach.h>
#include <machvm.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "force_policy.h"
#include "measure.h"
#include "subject.h"
#include "target.h"
#include "task.h"
#include "transfer.h"

#define PAGE ((size_t)4096)

bool __wrap_machvm__force_policy_never(void);
bool __wrap_machvm__force_policy_never(void)
{
	return true;
}

/* Opened here as well, for the bare side. */
static int memory;

static void bare_descriptor(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;

	while (repetitions--) {
		size_t at = transfer_next(transfer);

		if (pwrite(memory, transfer->local + at, transfer->size,
			   (off_t)transfer_address(transfer, at)) != (ssize_t)transfer->size)
			die("pwrite: %s", strerror(errno));
	}
}

enum { OURS, BARE, DESCRIPTOR, SIDES };

static const struct side writers[] = {{"mach_vm_write", transfer_write},
				      {"process_vm_writev", transfer_bare_write},
				      {"bare pwrite", bare_descriptor}};
static const struct side readers[] = {{"mach_vm_read_overwrite", transfer_read},
				      {"process_vm_readv", transfer_bare_read}};

/* Does the library take that way by now? Otherwise the figures would be another's. */
static void expect_light(const struct transfer *transfer)
{
	struct machvm__hold hold = {0};
	uint64_t area;

	if (machvm__task_hold(transfer->subject.task, MACHVM_RIGHT_CONTROL, &hold) != KERN_SUCCESS)
		die("no task");
	area = atomic_load(&hold.target->light.area);
	machvm__task_release(&hold);
	if (!machvm__light_holds(area, transfer->subject.address))
		die("the held descriptor is not in use");
}

static void print(const char *verb, struct transfer *transfer, const struct samples *samples,
		  const struct side *sides, unsigned ours)
{
	bool cold = transfer->span > PAGE, judged = sides == writers && ours == OURS && !cold;
	static const char note[] = "the library is told that the policy is never; the way is the "
				   "same, and so is its time";
	char size[16], name[64];
	const struct row row = {
		.group = "one page through the held descriptor, as under "
			 "proc_mem.force_override=never",
		.name = name,
		.goal = judged ? GOAL_RATIO : GOAL_NONE,
		.limit = 1 / 1.1,
		.note = judged ? note : NULL,
	};

	snprintf(name, sizeof name, "%s %s%s", verb, size_name(transfer->size, size),
		 cold ? ", cold" : "");
	row_print(&row, samples, sides, ours, BARE);
}

static void write_and_read(struct transfer *transfer, size_t size, size_t span)
{
	struct samples samples;

	transfer->size = size;
	transfer->span = span;
	transfer->cursor = 0;
	measure(&samples, writers, SIDES, transfer, 1.0);
	print("write", transfer, &samples, writers, OURS);
	print("write", transfer, &samples, writers, DESCRIPTOR);
	measure_free(&samples);
	measure(&samples, readers, DESCRIPTOR, transfer, 1.0);
	print("read", transfer, &samples, readers, OURS);
	measure_free(&samples);
	expect_light(transfer);
}

int main(void)
{
	static const size_t sizes[] = {8, 64, PAGE};
	size_t cold = transfer_cold_span();
	struct transfer transfer;
	char path[32];

	pin_caller();
	transfer_begin(&transfer, cold);
	snprintf(path, sizeof path, "/proc/%d/mem", (int)transfer.subject.pid);
	memory = open(path, O_RDWR | O_CLOEXEC);
	if (memory < 0)
		die("%s: %s", path, strerror(errno));
	transfer.size = PAGE;
	transfer_verify(&transfer);
	transfer_write(&transfer, 2000);
	expect_light(&transfer);
	transfer_verify(&transfer);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		write_and_read(&transfer, sizes[i], PAGE);
	write_and_read(&transfer, PAGE, cold);
	close(memory);
	transfer_end(&transfer);
	return 0;
}
