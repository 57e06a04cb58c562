/* SPDX-License-Identifier: MIT */
/*
 * suite_copy.c - 64 MiB from one place of a live process to another, against reading
 * them out whole and writing them back. Both may use every processor.
 */
#include <errno.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "measure.h"
#include "subject.h"
#include "suites.h"

#define SIZE ((size_t)64 << 20)

struct copies {
	struct subject subject; /* twice the size: from the first half into the second */
	char *local;
};

static void copy(void *context, unsigned repetitions)
{
	struct copies *copies = context;
	uint64_t source = copies->subject.address;

	while (repetitions--)
		if (mach_vm_copy(copies->subject.task, source, SIZE, source + SIZE) != KERN_SUCCESS)
			die("mach_vm_copy: %s", machvm_last_error()->message);
}

static void read_and_write(void *context, unsigned repetitions)
{
	struct copies *copies = context;
	struct iovec here = {copies->local, SIZE};
	struct iovec from = {(void *)(uintptr_t)copies->subject.address, SIZE};
	struct iovec to = {(char *)from.iov_base + SIZE, SIZE};

	while (repetitions--)
		if (process_vm_readv(copies->subject.pid, &here, 1, &from, 1, 0) != (ssize_t)SIZE ||
		    process_vm_writev(copies->subject.pid, &here, 1, &to, 1, 0) != (ssize_t)SIZE)
			die("process_vm_readv, process_vm_writev: %s", strerror(errno));
}

/* Bytes that are there because of the copy, and for no other reason. */
static void verify(struct copies *copies)
{
	struct iovec here = {copies->local, SIZE};
	struct iovec from = {(void *)(uintptr_t)copies->subject.address, SIZE};
	struct iovec to = {(char *)from.iov_base + SIZE, SIZE};

	for (size_t i = 0; i < SIZE; i++)
		copies->local[i] = (char)(i * 31 + i / 4096);
	if (process_vm_writev(copies->subject.pid, &here, 1, &from, 1, 0) != (ssize_t)SIZE)
		die("process_vm_writev: %s", strerror(errno));
	copy(copies, 1);
	memset(copies->local, 0, SIZE);
	if (process_vm_readv(copies->subject.pid, &here, 1, &to, 1, 0) != (ssize_t)SIZE)
		die("process_vm_readv: %s", strerror(errno));
	for (size_t i = 0; i < SIZE; i++)
		if (copies->local[i] != (char)(i * 31 + i / 4096))
			die("the copy did not arrive");
}

void suite_copy(const struct settings *settings)
{
	static const struct side sides[] = {{"mach_vm_copy", copy},
					    {"process_vm_readv, process_vm_writev", read_and_write}};
	const struct row row = {
		.group = "inside one process",
		.name = "copy 64 MiB",
		.goal = GOAL_RATIO,
		.limit = 0.5,
		.note = "the process is not stopped",
	};
	struct copies copies = {.local = own_memory(SIZE)};
	struct samples samples;
	cpu_set_t all;

	memset(&all, 0xff, sizeof all);
	sched_setaffinity(0, sizeof all, &all);
	subject_memory(&copies.subject, 2 * SIZE);
	verify(&copies);
	measure(&samples, sides, 2, &copies, 5.0);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
	subject_end(&copies.subject);
	munmap(copies.local, SIZE);
	pin_caller();
}
