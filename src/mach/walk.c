/* SPDX-License-Identifier: MIT */
/* walk.c - machvm_region_walk: the kernel's list of regions, in large pieces. */
#include <errno.h>
#include <machvm.h>

#include "descriptor.h"
#include "error.h"
#include "facts.h"
#include "own_memory.h"
#include "task.h"

/* Shows a region to the visitor. True to end the walk. */
static bool show(const struct machvm__vma *vma, const char *name, uint64_t end,
                 int (*visit)(const struct machvm_region *, void *), void *context)
{
	struct machvm_region region = {
		.address = vma->start,
		.size = vma->end - vma->start,
		.offset = vma->offset,
		.inode = vma->inode,
		.device_major = vma->device_major,
		.device_minor = vma->device_minor,
		.protection = machvm__facts_protection(vma->access),
		.shared = (vma->access & MACHVM__VMA_SHARED) != 0,
		.name = name,
	};

	return vma->start >= end || visit(&region, context);
}

/* 0 or -errno. */
static int walk(struct machvm__text *text, uint64_t start, uint64_t end,
                int (*visit)(const struct machvm_region *, void *), void *context)
{
	struct machvm__vma vma;
	const char *name;
	int r;

	while ((r = machvm__maps_next(text, &vma, &name)) > 0) {
		if (vma.end <= start)
			continue;
		if (show(&vma, name, end, visit, context))
			return 0;
	}
	return r;
}

/* A text that others read as well may be cut in the middle; a question is answered whole. */
static int walk_by_query(struct machvm__target *target, uint64_t start, uint64_t end, char *name,
                         int (*visit)(const struct machvm_region *, void *), void *context)
{
	struct machvm__vma vma;
	int r;

	while ((r = machvm__target_region(target, start, &vma, name, MACHVM__VMA_NAME)) == 0) {
		if (show(&vma, name, end, visit, context))
			return 0;
		start = vma.end;
	}
	return r == -ENOENT ? 0 : r;
}

static int walk_text(struct machvm__target *target, uint64_t start, uint64_t end, char *buffer,
                     int (*visit)(const struct machvm_region *, void *), void *context)
{
	struct machvm__text text;
	int r = machvm__target_open_list(target, "maps", &text, buffer, MACHVM__TEXT_BUFFER);

	if (r)
		return r;
	r = walk(&text, start, end, visit, context);
	machvm__descriptor_close(text.fd);
	return r;
}

kern_return_t machvm_region_walk(mach_port_t task, mach_vm_address_t start, mach_vm_address_t end,
                                 int (*visit)(const struct machvm_region *region, void *context),
                                 void *context)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__task_hold(task, MACHVM_RIGHT_INSPECT, &hold);
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
	if (!buffer)
		r = -ENOMEM;
	else if (hold.target->received && machvm__target_queries())
		r = walk_by_query(hold.target, start, end, buffer, visit, context);
	else
		r = walk_text(hold.target, start, end, buffer, visit, context);
	machvm__own_memory_unmap(buffer, MACHVM__TEXT_BUFFER);
	if (r == 0 && machvm__target_alive(hold.target))
		r = -ESRCH;
	kr = r == 0        ? KERN_SUCCESS
	     : r == -ESRCH ? machvm__error_gone(hold.target, "region lookup")
	                   : machvm__error_open(pid, r);
	machvm__task_release(&hold);
	return kr;
}
