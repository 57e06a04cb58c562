/* SPDX-License-Identifier: MIT */
/* transfer.c - the timed loops: machvm's routine and the bare system call. */
#include "transfer.h"

#include <errno.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

void transfer_begin(struct transfer *transfer, size_t room)
{
	*transfer = (struct transfer){.local = own_memory(room), .size = room, .span = room};
	subject_memory(&transfer->subject, room);
}

void transfer_end(struct transfer *transfer)
{
	munmap(transfer->local, transfer->span);
	subject_end(&transfer->subject);
}

void transfer_write(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;

	while (repetitions--) {
		size_t at = transfer_next(transfer);

		if (mach_vm_write(transfer->subject.task, transfer_address(transfer, at),
				  (vm_offset_t)(transfer->local + at),
				  (mach_msg_type_number_t)transfer->size) != KERN_SUCCESS)
			die("mach_vm_write: %s", machvm_last_error()->message);
	}
}

void transfer_transaction(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;

	while (repetitions--) {
		size_t at = transfer_next(transfer);

		if (machvm_write(transfer->subject.task, transfer_address(transfer, at),
				 transfer->local + at, transfer->size,
				 MACHVM_TRANSACTION) != KERN_SUCCESS)
			die("machvm_write: %s", machvm_last_error()->message);
	}
}

void transfer_read(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;
	mach_vm_size_t done;

	while (repetitions--) {
		size_t at = transfer_next(transfer);

		if (mach_vm_read_overwrite(transfer->subject.task, transfer_address(transfer, at),
					   transfer->size,
					   (mach_vm_address_t)(uintptr_t)(transfer->local + at),
					   &done) != KERN_SUCCESS)
			die("mach_vm_read_overwrite: %s", machvm_last_error()->message);
	}
}

void transfer_bare_write(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;

	while (repetitions--) {
		size_t at = transfer_next(transfer);
		struct iovec here = {transfer->local + at, transfer->size};
		struct iovec there = {(void *)(uintptr_t)transfer_address(transfer, at),
				      transfer->size};

		if (process_vm_writev(transfer->subject.pid, &here, 1, &there, 1, 0) !=
		    (ssize_t)transfer->size)
			die("process_vm_writev: %s", strerror(errno));
	}
}

void transfer_bare_read(void *context, unsigned repetitions)
{
	struct transfer *transfer = context;

	while (repetitions--) {
		size_t at = transfer_next(transfer);
		struct iovec here = {transfer->local + at, transfer->size};
		struct iovec there = {(void *)(uintptr_t)transfer_address(transfer, at),
				      transfer->size};

		if (process_vm_readv(transfer->subject.pid, &here, 1, &there, 1, 0) !=
		    (ssize_t)transfer->size)
			die("process_vm_readv: %s", strerror(errno));
	}
}

void transfer_verify(struct transfer *transfer)
{
	char *seen = malloc(transfer->size);
	struct iovec here = {seen, transfer->size};
	struct iovec there = {(void *)(uintptr_t)transfer->subject.address, transfer->size};

	transfer->cursor = 0;
	transfer_write(transfer, 1);
	transfer->cursor = 0;
	if (!seen ||
	    process_vm_readv(transfer->subject.pid, &here, 1, &there, 1, 0) !=
		    (ssize_t)transfer->size ||
	    memcmp(seen, transfer->local, transfer->size))
		die("a write of %zu bytes did not arrive", transfer->size);
	free(seen);
}

size_t transfer_cold_span(void)
{
	const size_t least = (size_t)64 << 20, most = (size_t)128 << 20;
	long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
	size_t span = cache > 0 ? 2 * (size_t)cache : least;

	return span < least ? least : span > most ? most : span;
}

const char *size_name(size_t size, char name[16])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
	unsigned unit = 0;

	for (; size >= 1024 && size % 1024 == 0 && unit < 3; unit++)
		size /= 1024;
	snprintf(name, 16, "%u %s", (unsigned)size, units[unit]);
	return name;
}
