/* SPDX-License-Identifier: MIT */
/* walk.c - machvm_region_walk: the kernel's list of regions, in large pieces. */
#include <errno.h>
#include <machvm.h>

#include "descriptor.h"
#include "error.h"
#include "own_memory.h"
#include "task.h"

/* One read of the text takes what fits; the kernel's per-region cost dominates from here on. */
#define PIECE ((size_t)256 << 10)

static vm_prot_t protection(unsigned access)
{
	return (access & MACHVM__VMA_READ ? VM_PROT_READ : 0) |
	       (access & MACHVM__VMA_WRITE ? VM_PROT_WRITE : 0) |
	       (access & MACHVM__VMA_EXECUTE ? VM_PROT_EXECUTE : 0);
}

/* 0 or -errno; -ESRCH when the text was empty, for no address space is. */
static int walk(int maps_fd, uint64_t start, uint64_t end,
                int (*visit)(const struct machvm_region *, void *), void *context, char *buffer)
{
	struct machvm__maps_text text;
	struct machvm__vma vma;
	const char *name;
	bool any = false;
	int r = machvm__maps_text_init(&text, maps_fd, buffer, PIECE);

	while (r == 0 && (r = machvm__maps_text_next(&text, &vma, &name)) > 0) {
		struct machvm_region region = {
			.address = vma.start,
			.size = vma.end - vma.start,
			.offset = vma.offset,
			.inode = vma.inode,
			.device_major = vma.device_major,
			.device_minor = vma.device_minor,
			.protection = protection(vma.access),
			.shared = (vma.access & MACHVM__VMA_SHARED) != 0,
			.name = name,
		};

		any = true;
		r = 0;
		if (vma.end <= start)
			continue;
		if (vma.start >= end || visit(&region, context))
			return 0;
	}
	return r < 0 ? r : any ? 0 : -ESRCH;
}

kern_return_t machvm_region_walk(mach_port_t task, mach_vm_address_t start, mach_vm_address_t end,
                                 int (*visit)(const struct machvm_region *region, void *context),
                                 void *context)
{
	struct machvm__hold hold;
	kern_return_t kr = machvm__task_hold(task, MACHVM_RIGHT_INSPECT, &hold);
	int pid, fd, r;
	char *buffer;

	if (kr != KERN_SUCCESS)
		return kr;
	pid = hold.target->numbers.proc_tgid;
	if (!visit) {
		machvm__task_release(&hold);
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "there is no visitor");
	}
	/* A descriptor of its own: the text has one position, and the visitor may call back. */
	fd = machvm__target_open_named(hold.target, "maps");
	buffer = fd < 0 ? NULL : machvm__own_memory_map(PIECE);
	r = fd < 0 ? fd : buffer ? walk(fd, start, end, visit, context, buffer) : -ENOMEM;
	machvm__own_memory_unmap(buffer, PIECE);
	if (fd >= 0)
		machvm__descriptor_close(fd);
	if (r == 0 && machvm__target_alive(hold.target))
		r = -ESRCH;
	machvm__task_release(&hold);
	return r ? machvm__error_open(pid, r) : KERN_SUCCESS;
}
