/* SPDX-License-Identifier: MIT */
/*
 * suite_spread.c - what is long enough for several threads: on all processors
 * that there are, against the bare call, which uses one. Then throughput over
 * size, for the plot.
 */
#include <machvm.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/uio.h>

#include "suites.h"
#include "transfer.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static const struct side writers[] = {{"mach_vm_write", transfer_write},
				      {"process_vm_writev", transfer_bare_write}};
static const struct side readers[] = {{"mach_vm_read_overwrite", transfer_read},
				      {"process_vm_readv", transfer_bare_read}};
static const struct side transactions[] = {{"machvm_write, MACHVM_TRANSACTION", transfer_transaction},
					   {"process_vm_writev", transfer_bare_write}};
static const struct side fresh[] = {{"mach_vm_read, release", transfer_read_fresh},
				    {"mmap, readv, munmap", transfer_map_and_read}};

/* ---- what two threads can do at most: a half for each, and nothing looked up ---- */

struct half {
	struct transfer *transfer;
	size_t at;
};

static void *write_half(void *context)
{
	struct half *half = context;
	struct transfer *transfer = half->transfer;
	size_t size = transfer->size / 2;
	struct iovec local = {transfer->local + half->at, size};
	struct iovec remote = {(void *)(uintptr_t)transfer_address(transfer, half->at), size};

	if (process_vm_writev(transfer->subject.pid, &local, 1, &remote, 1, 0) != (ssize_t)size)
		die("process_vm_writev");
	return NULL;
}

static void write_by_two(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;

	while (repetitions--) {
		size_t at = transfer_next(transfer);
		struct half first = {transfer, at}, second = {transfer, at + transfer->size / 2};
		pthread_t thread;

		if (pthread_create(&thread, NULL, write_half, &second))
			die("pthread_create");
		write_half(&first);
		pthread_join(thread, NULL);
	}
}

static const struct side by_two[] = {{"process_vm_writev by two threads", write_by_two},
				     {"process_vm_writev", transfer_bare_write}};

static void compare(struct transfer *transfer, const struct side *sides, const char *group,
		    const char *verb, size_t size, double speed, double seconds)
{
	struct samples samples;
	char text[16], name[64];
	struct row row = {.group = group, .name = name};

	if (sides == by_two)
		row.note = "the most that two threads can do: a half for each, and nothing looked up";

	if (speed > 0)
		row = (struct row){group, name, GOAL_RATIO, 1 / speed, NULL};
	transfer->size = transfer->span = size;
	transfer->cursor = 0;
	snprintf(name, sizeof name, "%s %s", verb, size_name(size, text));
	measure(&samples, sides, 2, transfer, seconds);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
}

/* More processors would only show more; the goals are for two. */
static double goal(unsigned processors, double speed)
{
	return processors > 1 ? speed : 0;
}

void suite_spread(const struct settings *settings)
{
	const char *group = "long transfers, all processors";
	unsigned processors = unpin_caller();
	struct transfer transfer;

	transfer_begin(&transfer, 1024 * MIB);
	transfer.size = transfer.span = 16 * MIB;
	transfer_verify(&transfer);
	compare(&transfer, writers, group, "write", 16 * MIB, goal(processors, 1.7), 1.5);
	if (processors > 1)
		compare(&transfer, by_two, group, "write", 16 * MIB, 0, 1.5);
	compare(&transfer, writers, group, "write", 256 * MIB, goal(processors, 1.7), 2.5);
	compare(&transfer, writers, group, "write", 1024 * MIB, goal(processors, 1.7), 5);
	compare(&transfer, transactions, group, "write", 256 * MIB, goal(processors, 0.95), 3);
	compare(&transfer, readers, group, "read", 256 * MIB, goal(processors, 1.7), 2.5);
	compare(&transfer, fresh, group, "vm_read", 256 * MIB, goal(processors, 2), 4);
	machvm_trim();
	transfer.span = 1024 * MIB;
	transfer_end(&transfer);
}

void suite_sweep(const struct settings *settings)
{
	static const size_t sizes[] = {4 * KIB,  16 * KIB, 64 * KIB, 256 * KIB, MIB,
				       4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB};
	struct transfer transfer;

	unpin_caller();
	transfer_begin(&transfer, 256 * MIB);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		compare(&transfer, writers, "throughput", "write", sizes[i], 0, 0.5);
		compare(&transfer, readers, "throughput", "read", sizes[i], 0, 0.5);
		compare(&transfer, transactions, "throughput", "transaction", sizes[i], 0, 0.5);
	}
	machvm_trim();
	transfer.span = 256 * MIB;
	transfer_end(&transfer);
}
