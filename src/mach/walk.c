/* SPDX-License-Identifier: MIT */
/* walk.c - machvm_region_walk: the kernel's list of regions, in large pieces. */
#include <errno.h>
#include <machvm.h>

#include "descriptor.h"
#include "error.h"
#include "facts.h"
#include "own_memory.h"
#include "task.h"

/* 0 or -errno. */
static int walk(struct machvm__text *text, uint64_t start, uint64_t end,
                int (*visit)(const struct machvm_region *, void *), void *context)
{
	struct machvm__vma vma;
	const char *name;
	int r;

	while ((r = machvm__maps_next(text, &vma, &name)) > 0) {
		struct machvm_region region = {
			.address = vma.start,
			.size = vma.end - vma.start,
			.offset = vma.offset,
			.inode = vma.inode,
			.device_major = vma.device_major,
			.device_minor = vma.device_minor,
			.protection = machvm__facts_protection(vma.access),
			.shared = (vma.access & MACHVM__VMA_SHARED) != 0,
			.name = name,
		};

		if (vma.end <= start)
			continue;
		if (vma.start >= end || visit(&region, context))
			return 0;
	}
	return r;
}

kern_return_t machvm_region_walk(mach_port_t task, mach_vm_address_t start, mach_vm_address_t end,
                                 int (*visit)(const struct machvm_region *region, void *context),
                                 void *context)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__task_hold(task, MACHVM_RIGHT_INSPECT, &hold);
	struct machvm__text text;
	char *buffer;
	int pid, r;

	if (kr != KERN_SUCCESS)
		return kr;
	pid = hold.target->numbers.proc_tgid;
	if (!visit) {
		machvm__task_release(&hold);
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "there is no visitor");
	}
	/* A descriptor of its own: the text has one position, and the visitor may call back. */
	buffer = machvm__own_memory_map(MACHVM__TEXT_BUFFER);
	r = buffer ? machvm__target_open_list(hold.target, "maps", &text, buffer, MACHVM__TEXT_BUFFER)
	           : -ENOMEM;
	if (r == 0) {
		r = walk(&text, start, end, visit, context);
		machvm__descriptor_close(text.fd);
	}
	machvm__own_memory_unmap(buffer, MACHVM__TEXT_BUFFER);
	if (r == 0 && machvm__target_alive(hold.target))
		r = -ESRCH;
	machvm__task_release(&hold);
	return r ? machvm__error_open(pid, r) : KERN_SUCCESS;
}
