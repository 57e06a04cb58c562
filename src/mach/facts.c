/* SPDX-License-Identifier: MIT */
/* facts.c - what the kernel says of a region, into Mach's terms. */
#include "facts.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "ledger.h"
#include "smaps.h"
#include "tag.h"

kern_return_t machvm__facts_fault(struct machvm__target *target, uint64_t raddr, int r,
                                  const char *step)
{
	struct machvm__fault fault = {
		.cause = machvm__fault_cause(r), .error = -r, .raddr = raddr, .step = step};

	if (machvm__target_alive(target))
		fault.cause = MACHVM__CAUSE_GONE;
	return machvm__error_fault(target, &fault);
}

kern_return_t machvm__facts_hold(mach_port_name_t name, struct machvm__hold *hold)
{
	kern_return_t kr = machvm__task_hold(name, MACHVM_RIGHT_INSPECT, hold);

	if (kr == KERN_SUCCESS && machvm__target_alive(hold->target)) {
		kr = machvm__facts_fault(hold->target, 0, -ESRCH, "task lookup");
		machvm__task_release(hold);
	}
	return kr;
}

static vm_prot_t maximum(unsigned flags)
{
	return (flags & MACHVM__VM_MAY_READ ? VM_PROT_READ : 0) |
	       (flags & MACHVM__VM_MAY_WRITE ? VM_PROT_WRITE : 0) |
	       (flags & MACHVM__VM_MAY_EXECUTE ? VM_PROT_EXECUTE : 0);
}

uint64_t machvm__facts_object(const struct machvm__vma *vma)
{
	uint64_t id = vma->inode ^ (uint64_t)vma->device_major << 52 ^
	              (uint64_t)vma->device_minor << 32;

	if (!(vma->access & MACHVM__VMA_SHARED))
		return 0;
	/* Mixed (a round of splitmix64), so that the low half tells objects apart as well. */
	id = (id ^ id >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	id = (id ^ id >> 27) * UINT64_C(0x94d049bb133111eb);
	id ^= id >> 31;
	return (uint32_t)id ? id : id | 1;
}

static void describe(const struct machvm__vma *vma, unsigned flags, struct machvm__facts *facts)
{
	*facts = (struct machvm__facts){
		.address = vma->start,
		.size = vma->end - vma->start,
		.protection = machvm__facts_protection(vma->access),
		.maximum = maximum(flags),
		.shared = (vma->access & MACHVM__VMA_SHARED) != 0,
		.offset = vma->offset,
		.behavior = flags & MACHVM__VM_SEQUENTIAL ? VM_BEHAVIOR_SEQUENTIAL
		            : flags & MACHVM__VM_RANDOM   ? VM_BEHAVIOR_RANDOM
		                                          : VM_BEHAVIOR_DEFAULT,
		.wired = (flags & MACHVM__VM_LOCKED) != 0,
		.object = machvm__facts_object(vma),
	};
	facts->inheritance = flags & MACHVM__VM_DONTCOPY ? VM_INHERIT_NONE
	                     : facts->shared             ? VM_INHERIT_SHARE
	                                                 : VM_INHERIT_COPY;
}

/* What was set through vm_protect binds as well. Where it differs: what all of the region permits. */
static void lower_maximum(struct machvm__target *target, const struct machvm__vma *vma,
                          struct machvm__facts *facts)
{
	uint64_t until;

	for (uint64_t at = vma->start; at < vma->end; at = until)
		facts->maximum &= (vm_prot_t)machvm__ledger_at(target, vma, at, &until).maximum;
}

static unsigned in_pages(uint64_t bytes)
{
	uint64_t pages = bytes / machvm__page_size();

	return pages < UINT32_MAX ? (unsigned)pages : UINT32_MAX;
}

/* Memory that the kernel keeps in a file of its own making is no mapping of a file. */
static bool of_file(const struct machvm__smaps *region)
{
	static const char *const own[] = {"/dev/zero (deleted)", "/SYSV", "/anon_hugepage (deleted)"};

	if (!region->vma.inode)
		return false;
	for (size_t i = 0; region->vma.device_major == 0 && i < sizeof own / sizeof *own; i++)
		if (!strncmp(region->name, own[i], strlen(own[i])))
			return false;
	return true;
}

/* "[vdso]", "[vvar]": every process has the same pages. */
static bool of_kernel(const struct machvm__smaps *region)
{
	return !strncmp(region->name, "[v", 2) || (region->flags & MACHVM__VM_PFNMAP);
}

static unsigned char share_mode(const struct machvm__smaps *region, const struct machvm__facts *facts)
{
	if (region->flags & MACHVM__VM_HUGETLB)
		return SM_LARGE_PAGE;
	if (facts->shared)
		return SM_SHARED;
	if (facts->file || of_kernel(region) || facts->resident_shared)
		return SM_COW;
	return facts->resident || facts->swapped ? SM_PRIVATE : SM_EMPTY;
}

static void count_pages(const struct machvm__smaps *region, struct machvm__facts *facts)
{
	facts->tag = machvm__tag_parse(region->name);
	facts->file = of_file(region);
	facts->resident_private = in_pages(region->private_clean + region->private_dirty +
	                                   region->private_huge);
	facts->resident_shared = in_pages(region->shared_clean + region->shared_dirty +
	                                  region->shared_huge);
	facts->resident = in_pages(region->resident + region->private_huge + region->shared_huge);
	facts->copied = facts->file && !facts->shared ? in_pages(region->anonymous) : 0;
	facts->swapped = in_pages(region->swap);
	facts->dirty = in_pages(region->private_dirty + region->shared_dirty);
	facts->mode = share_mode(region, facts);
	/* Others are known of when a page of theirs is here; how many they are is not. */
	facts->references = facts->mode == SM_EMPTY ? 0 : facts->resident_shared ? 2 : 1;
}

static int find_counted(struct machvm__target *target, uint64_t raddr, struct machvm__facts *facts)
{
	struct machvm__smaps region;
	int r = machvm__target_counted_region(target, raddr, &region);

	if (r == 0) {
		describe(&region.vma, region.flags, facts);
		lower_maximum(target, &region.vma, facts);
		count_pages(&region, facts);
	}
	return r;
}

static int find_plain(struct machvm__target *target, uint64_t raddr, struct machvm__facts *facts)
{
	enum { TRIES = 8 };
	char name[MACHVM__SMAPS_NAME];
	struct machvm__vma vma;
	unsigned flags;
	int r = -EAGAIN;

	/* Somebody may be changing the map between the two looks, but not for ever. */
	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		/* The text has the name at hand; a query makes it, at a cost. */
		char *known = machvm__target_queries() ? NULL : name;

		r = machvm__target_next_region(target, raddr, &vma, known, sizeof name);
		if (r)
			return r;
		r = machvm__target_maximum(target, &vma, known, &flags);
	}
	if (r && r != -EAGAIN && r != -EOPNOTSUPP)
		return r;
	describe(&vma, r ? 0 : flags, facts);
	/* Where smaps cannot be had: what a region has is permitted, whatever else may be. */
	if (r)
		facts->maximum = facts->protection;
	lower_maximum(target, &vma, facts);
	return 0;
}

kern_return_t machvm__facts_find(struct machvm__target *target, uint64_t raddr, bool count,
                                 struct machvm__facts *facts)
{
	int r = count ? find_counted(target, raddr, facts) : find_plain(target, raddr, facts);
	struct machvm__fault end = {
		.cause = MACHVM__CAUSE_NO_REGION, .raddr = raddr, .step = "region lookup"};

	if (machvm__target_alive(target))
		r = -ESRCH;
	if (r == -ENOENT)
		return machvm__error_fault(target, &end);
	return r ? machvm__facts_fault(target, raddr, r, "region lookup") : KERN_SUCCESS;
}

kern_return_t machvm__facts_fit(const struct machvm__facts *facts)
{
	if (facts->address <= UINTPTR_MAX && facts->size <= UINTPTR_MAX)
		return KERN_SUCCESS;
	return machvm__error(KERN_INVALID_ADDRESS, "region lookup",
	                     "the region lies above what a word of this program can hold; "
	                     "mach_vm_region and mach_vm_region_recurse reach it");
}
