/* SPDX-License-Identifier: MIT */
/* patience.c - userfaultfd, FUSE, and device memory. */
#include "patience.h"

#include <errno.h>

#include "mounts.h"

static bool not_there(struct machvm__fault *fault, enum machvm__cause cause, uint64_t raddr, int error)
{
	fault->cause = cause;
	fault->raddr = raddr;
	fault->error = error;
	fault->step = "page probe";
	return false;
}

/* Present pages that a userfaultfd protects from writing. */
static bool no_writer_waits(struct machvm__target *target, uint64_t start, uint64_t end,
                            struct machvm__fault *fault)
{
	size_t page = machvm__page_size();
	uint64_t words[512];

	while (start < end) {
		size_t wanted = (end - start) / page < 512 ? (size_t)((end - start) / page) : 512;
		int n = machvm__target_pages(target, start, wanted, words);

		if (n <= 0)
			return true;
		for (int i = 0; i < n; i++, start += page)
			if (machvm__target_write_waits(target, start, words[i]))
				return not_there(fault, MACHVM__CAUSE_WAIT, start, 0);
	}
	return true;
}

static bool no_page_waits(struct machvm__target *target, const struct machvm__vma *vma,
                          uint64_t start, uint64_t end, struct machvm__fault *fault)
{
	size_t page = machvm__page_size();
	struct machvm__doubtful run;
	bool served = false, asked = false;

	while (start < end && machvm__target_doubt(target, start, end, MACHVM__LOOK_ABSENT, &run) == 1) {
		if (vma->inode && !asked) {
			served = machvm__mounts_served(vma->device_major, vma->device_minor);
			asked = true;
		}
		/* Guard pages are the survey's; it comes by next. */
		for (uint64_t at = run.start; run.doubt != MACHVM__DOUBT_GUARD && at < run.end; at += page) {
			char sink;
			size_t done;

			if (served)
				return not_there(fault, MACHVM__CAUSE_WAIT, at, 0);
			if (machvm__target_force(target, MACHVM__READ, at, &sink, 1, &done) == -EFAULT)
				/* Only anonymous memory has no other reason to be missing. */
				return not_there(fault,
				                 vma->inode ? MACHVM__CAUSE_CONTENTS : MACHVM__CAUSE_WAIT, at,
				                 EIO);
		}
		start = run.end;
	}
	return true;
}

bool machvm__patience_unneeded(struct machvm__target *target, const struct machvm__vma *vma,
                               uint64_t start, uint64_t end, struct machvm__fault *fault)
{
	return no_page_waits(target, vma, start, end, fault) &&
	       (!fault->writing || no_writer_waits(target, start, end, fault));
}

bool machvm__patience_device(struct machvm__target *target, const struct machvm__vma *vma)
{
	struct machvm__smaps region;
	int r = machvm__target_counted_region(target, vma->start, &region);

	return r == 0 && region.vma.start == vma->start && (region.flags & (MACHVM__VM_IO | MACHVM__VM_PFNMAP));
}
