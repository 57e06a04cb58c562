/* SPDX-License-Identifier: MIT */
/* suite_fresh.c - vm_read, which returns fresh memory, against doing the same by hand. */
#include <errno.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "suites.h"
#include "transfer.h"

void transfer_read_fresh(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;
	mach_msg_type_number_t count;
	vm_offset_t data;

	while (repetitions--) {
		if (mach_vm_read(transfer->subject.task, transfer->subject.address, transfer->size,
				 &data, &count) != KERN_SUCCESS ||
		    mach_vm_deallocate(mach_task_self(), data, count) != KERN_SUCCESS)
			die("mach_vm_read: %s", machvm_last_error()->message);
	}
}

void transfer_map_and_read(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;

	while (repetitions--) {
		void *data = mmap(NULL, transfer->size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct iovec here = {data, transfer->size};
		struct iovec there = {(void *)(uintptr_t)transfer->subject.address, transfer->size};

		if (data == MAP_FAILED || process_vm_readv(transfer->subject.pid, &here, 1, &there,
							   1, 0) != (ssize_t)transfer->size)
			die("mmap and process_vm_readv: %s", strerror(errno));
		munmap(data, transfer->size);
	}
}

void suite_fresh(const struct settings *settings)
{
	static const struct side sides[] = {
		{"mach_vm_read, release", transfer_read_fresh},
		{"mmap, readv, munmap", transfer_map_and_read},
	};
	const struct row row = {.group = "fresh memory", .name = "read 1 MiB"};
	struct transfer transfer;
	struct samples samples;

	transfer_begin(&transfer, (size_t)1 << 20);
	measure(&samples, sides, 2, &transfer, 1.0);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
	transfer_end(&transfer);
}
