/* SPDX-License-Identifier: MIT */
/* survey.c - the pages of a range, judged in ascending order. */
#include "survey.h"

#include <errno.h>
#include <string.h>

#include "patience.h"

/* The memory of memfd_secret(2): "/secretmem" on a file system without a device. */
static bool secret(const struct machvm__vma *vma, const char *name)
{
	return vma->device_major == 0 && !strncmp(name, "/secretmem", 10);
}

static uint64_t page_floor(uint64_t address)
{
	return address & ~(uint64_t)(machvm__page_size() - 1);
}

/* The end of a range, rounded up to a page; ranges that wrap never come here. */
static uint64_t page_ceiling(uint64_t address)
{
	return page_floor(address + machvm__page_size() - 1);
}

static bool permits(const struct machvm__vma *vma, enum machvm__direction access, unsigned options)
{
	unsigned needed = access == MACHVM__WRITE ? MACHVM__VMA_WRITE : MACHVM__VMA_READ;

	if (vma->access & needed)
		return true;
	return (options & MACHVM__SURVEY_FORCE) && !(vma->access & MACHVM__VMA_SHARED);
}

/* Copies the end of a name: that is where the file is. */
static void set_region(struct machvm__fault *fault, const struct machvm__vma *vma, const char *name)
{
	size_t length = strlen(name);
	size_t room = sizeof fault->name - 1;

	fault->has_region = true;
	fault->region = *vma;
	if (length <= room) {
		memcpy(fault->name, name, length + 1);
	} else {
		memcpy(fault->name, "...", 3);
		memcpy(fault->name + 3, name + length - (room - 3), room - 3 + 1);
	}
}

static bool found(struct machvm__fault *fault, enum machvm__cause cause, uint64_t raddr, int error,
                  const char *step)
{
	fault->cause = cause;
	fault->raddr = raddr;
	fault->error = error < 0 ? -error : error;
	fault->step = step;
	return false;
}

/* A look itself failed: the process, not the page, is the matter. */
static bool no_look(struct machvm__fault *fault, uint64_t raddr, int r, const char *step)
{
	enum machvm__cause cause = machvm__fault_cause(r);
	bool at_page = cause == MACHVM__CAUSE_TIMEOUT || cause == MACHVM__CAUSE_CHANGED;

	return found(fault, cause, at_page ? raddr : 0, cause == MACHVM__CAUSE_CHANGED ? 0 : r, step);
}

/* Looks up the region again with its name, for the report. */
static void name_region(struct machvm__target *target, uint64_t raddr, struct machvm__fault *fault)
{
	struct machvm__vma vma;
	char name[MACHVM__VMA_NAME];
	int r = machvm__target_region(target, raddr, &vma, name, sizeof name);

	if (r == 0 && vma.start <= raddr)
		set_region(fault, &vma, name);
	if (fault->cause != MACHVM__CAUSE_CONTENTS)
		return;
	/* Trying a page may have taken long: the region may have gone meanwhile. */
	if (r == -ENOENT || (r == 0 && vma.start > raddr))
		fault->cause = MACHVM__CAUSE_UNMAPPED;
	else if (r == 0 && !(vma.access & (fault->writing ? MACHVM__VMA_WRITE : MACHVM__VMA_READ)) &&
	         !fault->forced)
		fault->cause = MACHVM__CAUSE_PROTECTED;
	else if (r == 0 && (secret(&vma, name) || machvm__patience_device(target, &vma)))
		fault->cause = MACHVM__CAUSE_SECRET;
}

/* Tries the pages by reading a byte of each. */
static bool probe_good(struct machvm__target *target, uint64_t start, uint64_t end,
                       struct machvm__fault *fault)
{
	uint64_t bad = start;
	int r = machvm__target_probe(target, start, end, &bad);

	if (r == 0)
		return true;
	if (r == -ESRCH)
		return no_look(fault, bad, r, "page probe");
	found(fault, MACHVM__CAUSE_CONTENTS, bad, r, "page probe");
	name_region(target, bad, fault);
	return false;
}

/*
 * The pages of one region that the region cannot vouch for. Absent pages of a
 * file must come from somewhere, and are tried, every one. Absent private pages
 * are zeroes in waiting, unless a userfaultfd stands behind the region, and then
 * it stands behind all of it: the first one tells. The first page of whatever
 * has a file behind it is tried in any case: secret and device memory is present
 * in the page tables, and out of reach from the first page to the last.
 */
static bool pages_good(struct machvm__target *target, const struct machvm__vma *vma, uint64_t start,
                       uint64_t end, struct machvm__fault *fault)
{
	bool anonymous = vma->inode == 0 && !(vma->access & MACHVM__VMA_SHARED);
	unsigned look = MACHVM__LOOK_ABSENT | (fault->writing ? MACHVM__LOOK_WATCHED : 0u);
	struct machvm__doubtful run;

	if (vma->inode && !probe_good(target, start, start + machvm__page_size(), fault))
		return false;
	while (start < end) {
		int r = machvm__target_doubt(target, start, end, look, &run);

		if (r < 0)
			return no_look(fault, start, r, "page look-up");
		if (r == 0)
			return true;
		if (run.doubt == MACHVM__DOUBT_GUARD) {
			found(fault, MACHVM__CAUSE_GUARD, run.start, 0, "page look-up");
			name_region(target, run.start, fault);
			return false;
		}
		start = run.end;
		if (run.doubt == MACHVM__DOUBT_WATCHED) {
			/* Only the write itself tells whether it is let through, or waits. */
			fault->watched = true;
			continue;
		}
		if (run.doubt == MACHVM__DOUBT_ABSENT && anonymous) {
			look &= ~(unsigned)MACHVM__LOOK_ABSENT;
			run.end = run.start + machvm__page_size();
		}
		if (!probe_good(target, run.start, run.end, fault))
			return false;
	}
	return true;
}

/*
 * The region at an address: 0, -ENOENT for a hole. A look without the map's lock
 * (per-VMA locks and RCU, Linux 6.17) finds a hole while the target replaces
 * pages in one step, where it never sees one itself: an access takes the lock,
 * and the look after it is true.
 */
static int region_at(struct machvm__target *target, uint64_t raddr, struct machvm__vma *vma)
{
	int r = 0;

	for (int tries = 0; tries < 8; tries++) {
		r = machvm__target_region(target, raddr, vma, NULL, 0);
		if (r == 0 && vma->start > raddr)
			r = -ENOENT;
		if (r != -ENOENT)
			return r;
		if (!machvm__target_touch(target, raddr) && tries > 0)
			return r;
	}
	return r;
}

bool machvm__survey(struct machvm__target *target, enum machvm__direction access, uint64_t raddr,
                    size_t size, unsigned options, struct machvm__fault *fault)
{
	uint64_t end = raddr + size;
	uint64_t at = raddr;

	fault->writing = access == MACHVM__WRITE;
	fault->forced = (options & MACHVM__SURVEY_FORCE) != 0;
	fault->watched = false;
	fault->has_region = false;
	while (at < end) {
		struct machvm__vma vma;
		int r = region_at(target, at, &vma);

		if (r == -ENOENT)
			return found(fault, MACHVM__CAUSE_UNMAPPED, at, 0, "region lookup");
		if (r)
			return no_look(fault, at, r, "region lookup");
		if (!permits(&vma, access, options)) {
			found(fault, MACHVM__CAUSE_PROTECTED, at, 0, "region lookup");
			name_region(target, at, fault);
			return false;
		}
		uint64_t stop = vma.end < end ? vma.end : page_ceiling(end);
		bool good = !(options & MACHVM__SURVEY_NOWAIT) ||
		            machvm__patience_unneeded(target, &vma, page_floor(at), stop, fault);
		if (!good || !pages_good(target, &vma, page_floor(at), stop, fault)) {
			/* The first address that was asked for, not the start of its page. */
			if (fault->raddr && fault->raddr < at)
				fault->raddr = at;
			return false;
		}
		at = vma.end;
	}
	return true;
}

void machvm__survey_explain(struct machvm__target *target, enum machvm__direction access,
                            uint64_t raddr, unsigned options, int error, const char *step,
                            struct machvm__fault *fault)
{
	fault->writing = access == MACHVM__WRITE;
	fault->forced = (options & MACHVM__SURVEY_FORCE) != 0;
	fault->has_region = false;
	if (machvm__target_alive(target)) {
		found(fault, MACHVM__CAUSE_GONE, 0, ESRCH, step);
		return;
	}
	if (error != -EFAULT && error != -ENOMEM) {
		no_look(fault, raddr, error, step);
		return;
	}
	/* Survey that one byte: most causes are plain now. */
	if (!machvm__survey(target, access, raddr, 1, options, fault)) {
		fault->error = -error;
		if (fault->cause != MACHVM__CAUSE_GONE && fault->cause != MACHVM__CAUSE_DENIED)
			fault->step = step;
		return;
	}
	found(fault, MACHVM__CAUSE_CONTENTS, raddr, error, step);
	name_region(target, raddr, fault);
}
