/* SPDX-License-Identifier: MIT */
/* unprotect - writing where a process has no permission to write, and could have it. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mach/mach_init.h>
#include <mach/mach_vm.h>
#include <mach/vm_inherit.h>
#include <mach/vm_region.h>
#include <mach/vm_statistics.h>
#include <machvm.h>

#include "failure.h"
#include "memory.h"
#include "region_list.h"
#include "unprotect.h"

/* A part of the write that lies in one region. */
struct part {
	uint64_t address, size;
	int aside;            /* shared and not writable: by way of a second mapping */
	mach_port_t task;     /* whose that is: ours, or the process's */
	uint64_t mapping, at; /* where it is, and where in it the part is */
	uint64_t start, end, offset; /* the region */
};

struct job {
	const struct target *target;
	mach_port_t task;
	uint64_t address;
	const unsigned char *data;
	size_t size;
	unsigned flags;
	struct part *parts;
	size_t count;
	size_t aside; /* how many of them */
};

static uint64_t page_floor(uint64_t address)
{
	return address & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
}

static uint64_t mapping_size(const struct part *part)
{
	return page_floor(part->address + part->size - 1) - page_floor(part->address) +
	       (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Could the process have the permission that it lacks? Only what it opened for writing. */
static int may_be_writable(mach_port_t task, uint64_t address)
{
	vm_region_basic_info_data_64_t info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
	mach_vm_address_t start = address;
	mach_vm_size_t size;
	mach_port_t object;
	kern_return_t kr = mach_vm_region(task, &start, &size, VM_REGION_BASIC_INFO_64,
					  (vm_region_info_t)&info, &count, &object);

	if (kr != KERN_SUCCESS)
		return failure_mach(kr);
	if (start <= address && !(info.max_protection & VM_PROT_WRITE))
		return failure_say(STATUS_PROTECTION,
				   "0x%" PRIx64
				   " is shared memory that the process opened for reading only",
				   address);
	return STATUS_DONE;
}

/* A hole ends the list: the library says what is wrong with it. */
static int refuse_hole(const struct job *job, uint64_t address)
{
	unsigned char byte;
	kern_return_t kr = machvm_read(job->task, address, &byte, 1, MACHVM_FORCE | MACHVM_NOWAIT);

	if (kr != KERN_SUCCESS)
		return failure_mach(kr);
	return failure_say(STATUS_OTHER, "the process changes its map just now; try again");
}

static int add_part(struct job *job, const struct region *region, uint64_t address, uint64_t end)
{
	struct part *part;

	job->parts = memory_resize(job->parts, job->count + 1, sizeof(*job->parts));
	part = &job->parts[job->count++];
	*part = (struct part){
		.address = address,
		.size = (region->end < end ? region->end : end) - address,
		.task = job->task,
		.start = region->start,
		.end = region->end,
		.offset = region->offset,
		.aside = region->shared && !(region->protection & VM_PROT_WRITE),
	};
	job->aside += (size_t)part->aside;
	return part->aside ? may_be_writable(job->task, address) : STATUS_DONE;
}

static int divide(struct job *job)
{
	struct region_list regions = {0};
	uint64_t at = job->address, end = job->address + job->size;
	int status = region_list_read(&regions, job->task, at, end, NULL);

	for (size_t i = 0; !status && i < regions.count && regions.items[i].start <= at; i++) {
		status = add_part(job, &regions.items[i], at, end);
		at += job->parts[job->count - 1].size;
	}
	if (!status && at < end)
		status = refuse_hole(job, at);
	region_list_free(&regions);
	return status;
}

/* ---- shared parts: the second mapping ---- */

/*
 * What is mapped there, once more opened: the kernel lets those who may restore processes
 * (CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN). A device is left alone, for opening it may do things.
 */
static int open_mapped(const struct job *job, const struct part *part)
{
	char path[96];
	struct stat status;
	int look, fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, job->target->pid,
		 part->start, part->end);
	look = open(path, O_PATH | O_CLOEXEC);
	if (look < 0)
		return -1;
	if (!fstat(look, &status) && S_ISREG(status.st_mode))
		fd = open(path, O_RDWR | O_CLOEXEC);
	close(look);
	return fd;
}

/* In this program: the process sees nothing of it, and it ends with us. */
static int map_here(const struct job *job, struct part *part)
{
	uint64_t from = page_floor(part->address);
	int fd = open_mapped(job, part);
	void *mapping;

	if (fd < 0)
		return 0;
	mapping = mmap(NULL, mapping_size(part), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)(part->offset + (from - part->start)));
	close(fd);
	if (mapping == MAP_FAILED)
		return 0;
	part->task = mach_task_self();
	part->mapping = (uintptr_t)mapping;
	part->at = part->mapping + (part->address - from);
	return 1;
}

static kern_return_t map_there(const struct job *job, struct part *part)
{
	uint64_t from = page_floor(part->address), size = mapping_size(part);
	mach_vm_address_t mapping = 0;
	vm_prot_t current, maximum;
	kern_return_t kr = mach_vm_remap(job->task, &mapping, size, 0, VM_FLAGS_ANYWHERE, job->task,
					 from, 0, &current, &maximum, VM_INHERIT_NONE);

	if (kr != KERN_SUCCESS)
		return kr;
	part->mapping = mapping;
	part->at = mapping + (part->address - from);
	return mach_vm_protect(job->task, mapping, size, 0, VM_PROT_READ | VM_PROT_WRITE);
}

static void unmap_aside(const struct job *job)
{
	for (size_t i = 0; i < job->count; i++)
		if (job->parts[i].mapping)
			(void)mach_vm_deallocate(job->parts[i].task, job->parts[i].mapping,
						 mapping_size(&job->parts[i]));
}

/* ---- writing ---- */

static uint64_t place(const struct part *part)
{
	return part->aside ? part->at : part->address;
}

static kern_return_t move(const struct job *job, const struct part *part, unsigned char *bytes,
			  int writing)
{
	unsigned flags = job->flags | (unsigned)MACHVM_FORCE;

	bytes += part->address - job->address;
	return writing ? machvm_write(part->task, place(part), bytes, part->size, flags)
		       : machvm_read(part->task, place(part), bytes, part->size, flags);
}

/* The parts before `count` get their old bytes again; how many bytes do not. */
static uint64_t put_back(const struct job *job, size_t count, unsigned char *old)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < count; i++)
		if (move(job, &job->parts[i], old, 1) != KERN_SUCCESS)
			lost += job->parts[i].size;
	return lost;
}

static int write_parts(const struct job *job, unsigned char *old)
{
	kern_return_t kr = KERN_SUCCESS;
	size_t i;
	uint64_t lost;
	int status;

	/* What cannot be read by force cannot be written either. */
	for (i = 0; kr == KERN_SUCCESS && i < job->count; i++)
		kr = move(job, &job->parts[i], old, 0);
	if (kr != KERN_SUCCESS)
		return failure_mach(kr);
	for (i = 0; i < job->count; i++) {
		kr = move(job, &job->parts[i], (unsigned char *)(uintptr_t)job->data, 1);
		if (kr != KERN_SUCCESS)
			break;
	}
	if (kr == KERN_SUCCESS)
		return STATUS_DONE;
	status = failure_mach(kr);
	lost = put_back(job, i, old);
	if (lost)
		failure_note("%" PRIu64 " bytes could not be put back", lost);
	return status;
}

static int write_aside(const struct job *job)
{
	kern_return_t kr = KERN_SUCCESS;
	unsigned char *old = memory_resize(NULL, job->size, 1);
	int status;

	for (size_t i = 0; kr == KERN_SUCCESS && i < job->count; i++)
		if (job->parts[i].aside && !map_here(job, &job->parts[i]))
			kr = map_there(job, &job->parts[i]);
	status = kr == KERN_SUCCESS ? write_parts(job, old) : failure_mach(kr);
	unmap_aside(job);
	free(old);
	return status;
}

static int write_forced(const struct job *job)
{
	kern_return_t kr = machvm_write(job->task, job->address, job->data, job->size,
					job->flags | (unsigned)MACHVM_FORCE);

	return kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
}

int unprotect_write(const struct target *target, uint64_t address, const void *data, size_t size,
		    unsigned flags)
{
	struct job job = {
		.target = target,
		.task = target->task,
		.address = address,
		.data = data,
		.size = size,
		.flags = flags,
	};
	uint64_t end;
	int status;

	if (__builtin_add_overflow(address, size, &end))
		return write_forced(&job);
	status = divide(&job);
	if (!status)
		status = job.aside ? write_aside(&job) : write_forced(&job);
	free(job.parts);
	return status;
}
