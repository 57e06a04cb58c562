/* SPDX-License-Identifier: MIT */
/* survey.c - the pages of a range, judged in ascending order. */
#include "survey.h"

#include <errno.h>
#include <string.h>

#include "own_memory.h"
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

static bool allows(const struct machvm__vma *vma, enum machvm__direction access)
{
	return vma->access & (access == MACHVM__WRITE ? MACHVM__VMA_WRITE : MACHVM__VMA_READ);
}

static bool permits(const struct machvm__vma *vma, enum machvm__direction access, unsigned options)
{
	return allows(vma, access) || options & MACHVM__SURVEY_PEEK ||
	       (options & MACHVM__SURVEY_FORCE && !(vma->access & MACHVM__VMA_SHARED));
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

#define LOOKS 8 /* how often what a restless target shows is looked at before it is believed */
#define SURE  3 /* and a page that cannot be had, which takes as long as its file system does */

/*
 * The region at an address: 0, -ENOENT for a hole. A look without the map's lock
 * (per-VMA locks and RCU, Linux 6.17) finds a hole while the target replaces
 * pages in one step, where it never sees one itself: an access takes the lock,
 * and the look after it is true.
 */
static int region_at(struct machvm__target *target, uint64_t raddr, struct machvm__vma *vma,
                     char *name, size_t name_size)
{
	int r = 0;

	for (int looks = 0; looks < LOOKS; looks++) {
		r = machvm__target_region(target, raddr, vma, name, name_size);
		if (r == 0 && vma->start > raddr)
			r = -ENOENT;
		if (r != -ENOENT)
			return r;
		if (!machvm__target_touch(target, raddr) && looks > 0)
			return r;
	}
	return r;
}

/*
 * Is the page there, and the target's alone if it is to be written? Then there is
 * nothing to be supplied, and a try that failed met another map.
 */
static bool supplied(struct machvm__target *target, uint64_t raddr, bool writing)
{
	uint64_t needed = MACHVM__PAGE_PRESENT | (writing ? MACHVM__PAGE_EXCLUSIVE : 0);
	uint64_t word;

	return machvm__target_pages(target, page_floor(raddr), 1, &word) == 1 &&
	       (word & needed) == needed && !(word & MACHVM__PAGE_UFFD_WP);
}

/* A try of a page has failed where one look found nothing wrong: why? Fills the region in, too. */
static enum machvm__cause no_contents(struct machvm__target *target, uint64_t raddr,
                                      struct machvm__fault *fault)
{
	char name[MACHVM__VMA_NAME];
	struct machvm__vma vma;

	/* Trying a page may have taken long: the region may have gone, or come back. */
	for (int looks = 0; looks < LOOKS; looks++) {
		int r = region_at(target, raddr, &vma, name, sizeof name);

		fault->has_region = false;
		if (r)
			return r == -ENOENT ? MACHVM__CAUSE_UNMAPPED : MACHVM__CAUSE_CONTENTS;
		set_region(fault, &vma, name);
		/* By force it was tried, and no policy lets a process trace itself for it. */
		if ((!fault->forced || (target->own && !machvm__own_memory_forces())) &&
		    !allows(&vma, fault->writing ? MACHVM__WRITE : MACHVM__READ))
			return MACHVM__CAUSE_PROTECTED;
		if (secret(&vma, name))
			return MACHVM__CAUSE_SECRET;
		if (supplied(target, raddr, fault->writing) &&
		    !machvm__patience_device(target, &vma))
			return MACHVM__CAUSE_RESTLESS;
	}
	return machvm__patience_device(target, &vma) ? MACHVM__CAUSE_SECRET
	                                             : MACHVM__CAUSE_CONTENTS;
}

/* Looks up the region with its name, for the report. */
static void name_region(struct machvm__target *target, uint64_t raddr, struct machvm__fault *fault)
{
	char name[MACHVM__VMA_NAME];
	struct machvm__vma vma;

	if (fault->cause == MACHVM__CAUSE_CONTENTS)
		fault->cause = no_contents(target, raddr, fault);
	else if (region_at(target, raddr, &vma, name, sizeof name) == 0)
		set_region(fault, &vma, name);
}

/* It takes force, which is not ours to use. */
static bool no_force(struct machvm__target *target, uint64_t raddr, const char *step,
                     struct machvm__fault *fault)
{
	found(fault, MACHVM__CAUSE_FORCE, raddr, EPERM, step);
	name_region(target, raddr, fault);
	return false;
}

/* A region does not permit it by itself: before anything moves, can it be had at all? */
static bool forceable(struct machvm__target *target, enum machvm__direction access, uint64_t raddr,
                      struct machvm__fault *fault)
{
	int r = machvm__target_may_force(target, access);

	if (r == -EKEYREJECTED)
		return no_force(target, raddr, "stop", fault);
	return r ? no_look(fault, raddr, r, "stop") : true;
}

/* Tries the pages by reading a byte of each. */
static bool probe_good(struct machvm__target *target, uint64_t start, uint64_t end,
                       struct machvm__fault *fault)
{
	for (int looks = 0; looks < LOOKS; looks++) {
		int r = machvm__target_probe(target, start, end, &start);

		if (r == 0)
			return true;
		if (r == -ESRCH)
			return no_look(fault, start, r, "page probe");
		if (r == -EKEYREJECTED)
			return no_force(target, start, "page probe", fault);
		found(fault, MACHVM__CAUSE_CONTENTS, start, r, "page probe");
		name_region(target, start, fault);
		/* The region may have gone for the try, and be back for the look. */
		if (fault->cause != MACHVM__CAUSE_RESTLESS &&
		    (fault->cause != MACHVM__CAUSE_CONTENTS || looks + 1 >= SURE))
			return false;
	}
	return false;
}

/* The next pages of a run that somebody asks for; moves *span on. False when there are none. */
static bool asked_for(const struct machvm__span **span, const struct machvm__span *last,
                      const struct machvm__doubtful *run, uint64_t *start, uint64_t *end)
{
	while (*span < last && page_ceiling((*span)->end) <= run->start)
		(*span)++;
	if (*span == last || run->start >= run->end || page_floor((*span)->start) >= run->end)
		return false;
	*start = page_floor((*span)->start);
	if (*start < run->start)
		*start = run->start;
	*end = page_ceiling((*span)->end);
	if (*end > run->end)
		*end = run->end;
	return true;
}

/* One run of doubtful pages, of which those in [start, end) are asked for. */
static bool run_good(struct machvm__target *target, bool anonymous,
                     const struct machvm__doubtful *run, uint64_t start, uint64_t end,
                     unsigned *look, struct machvm__fault *fault)
{
	switch (run->doubt) {
	case MACHVM__DOUBT_GUARD:
		found(fault, MACHVM__CAUSE_GUARD, start, 0, "page look-up");
		name_region(target, start, fault);
		return false;
	case MACHVM__DOUBT_WATCHED:
		/* Only the write itself tells whether it is let through, or waits. */
		fault->watched = true;
		return true;
	case MACHVM__DOUBT_ABSENT:
		if (!anonymous)
			break;
		if (!(*look & MACHVM__LOOK_ABSENT))
			return true;
		*look &= ~(unsigned)MACHVM__LOOK_ABSENT;
		end = start + machvm__page_size();
		break;
	case MACHVM__DOUBT_SWAPPED:
		break;
	}
	return probe_good(target, start, end, fault);
}

/* The pages from `start` to `end` of which spans ask for some. */
static bool stretch_good(struct machvm__target *target, const struct machvm__vma *vma,
                         const struct machvm__span *span, const struct machvm__span *last,
                         uint64_t start, uint64_t end, unsigned *look, struct machvm__fault *fault)
{
	bool anonymous = vma->inode == 0 && !(vma->access & MACHVM__VMA_SHARED);
	struct machvm__doubtful run;

	while (start < end) {
		uint64_t from, to;
		int r = machvm__target_doubt(target, start, end, *look, &run);

		if (r < 0)
			return no_look(fault, start, r, "page look-up");
		if (r == 0)
			return true;
		start = run.end;
		for (; asked_for(&span, last, &run, &from, &to); run.start = to)
			if (!run_good(target, anonymous, &run, from, to, look, fault))
				return false;
	}
	return true;
}

/* Pages between two spans that cost less to look at than another call does. */
#define GAP 64

/*
 * The pages of one region that the region cannot vouch for. Absent pages of a
 * file must come from somewhere, and are tried, every one. Absent private pages
 * are zeroes in waiting, unless a userfaultfd stands behind the region, and then
 * it stands behind all of it: the first one tells. The first page of whatever
 * has a file behind it is tried in any case: secret and device memory is present
 * in the page tables, and out of reach from the first page to the last.
 */
static bool pages_good(struct machvm__target *target, const struct machvm__vma *vma,
                       const struct machvm__span *span, const struct machvm__span *last,
                       uint64_t at, struct machvm__fault *fault)
{
	unsigned look = MACHVM__LOOK_ABSENT | (fault->writing ? MACHVM__LOOK_WATCHED : 0u);
	uint64_t start = page_floor(at);

	if (vma->inode && !probe_good(target, start, start + machvm__page_size(), fault))
		return false;
	while (span < last) {
		const struct machvm__span *first = span;
		uint64_t end;

		do
			end = page_ceiling(span++->end);
		while (span < last && page_floor(span->start) <= end + GAP * machvm__page_size());
		if (end > vma->end)
			end = vma->end;
		if (!stretch_good(target, vma, first, span, start, end, &look, fault))
			return false;
		if (span < last)
			start = page_floor(span->start);
	}
	return true;
}

/* A page that was away at a try may have been unmapped for a moment: what stays is believed. */
static bool unneeded(struct machvm__target *target, struct machvm__vma vma, uint64_t start,
                     uint64_t end, struct machvm__fault *fault)
{
	for (int looks = 0; !machvm__patience_unneeded(target, &vma, start, end, fault); looks++) {
		int r = region_at(target, fault->raddr, &vma, NULL, 0);

		if (r == -ENOENT)
			return found(fault, MACHVM__CAUSE_UNMAPPED, fault->raddr, 0, "region lookup");
		if (r)
			return no_look(fault, fault->raddr, r, "region lookup");
		if (looks == LOOKS)
			return false;
	}
	return true;
}

/* No page of the spans in that region, which begin at `at`, would have to be waited for. */
static bool none_waits(struct machvm__target *target, const struct machvm__vma *vma,
                       const struct machvm__span *span, const struct machvm__span *last,
                       uint64_t at, struct machvm__fault *fault)
{
	for (; span < last; span++) {
		uint64_t start = page_floor(span->start > at ? span->start : at);
		uint64_t end = vma->end < span->end ? vma->end : page_ceiling(span->end);

		if (!unneeded(target, *vma, start, end, fault))
			return false;
	}
	return true;
}

/* The first address that was asked for, not the start of its page. */
static bool point_at_span(const struct machvm__span *span, const struct machvm__span *last,
                          struct machvm__fault *fault)
{
	while (span < last && page_ceiling(span->end) <= fault->raddr)
		span++;
	if (fault->raddr && span < last && fault->raddr < span->start)
		fault->raddr = span->start;
	return false;
}

bool machvm__survey_spans(struct machvm__target *target, enum machvm__direction access,
                          const struct machvm__span *span, size_t count, unsigned options,
                          struct machvm__fault *fault)
{
	const struct machvm__span *last = span + count, *next;
	bool asked = false;
	uint64_t at = span->start;

	fault->writing = access == MACHVM__WRITE;
	fault->forced = (options & MACHVM__SURVEY_FORCE) != 0;
	fault->watched = false;
	fault->has_region = false;
	while (span < last) {
		struct machvm__vma vma;
		int r = region_at(target, at, &vma, NULL, 0);

		if (r == -ENOENT)
			return found(fault, MACHVM__CAUSE_UNMAPPED, at, 0, "region lookup");
		if (r)
			return no_look(fault, at, r, "region lookup");
		if (!permits(&vma, access, options)) {
			found(fault, MACHVM__CAUSE_PROTECTED, at, 0, "region lookup");
			name_region(target, at, fault);
			return false;
		}
		if (!asked && !allows(&vma, access)) {
			asked = true;
			if (!forceable(target, access, at, fault))
				return false;
		}
		for (next = span; next < last && next->start < vma.end;)
			next++;
		bool good = !(options & MACHVM__SURVEY_NOWAIT) ||
		            none_waits(target, &vma, span, next, at, fault);
		if (!good || !pages_good(target, &vma, span, next, at, fault))
			return point_at_span(span, next, fault);
		/* The last one may go on in the next region. */
		span = next;
		if (span[-1].end > vma.end)
			at = vma.end, span--;
		else if (span < last)
			at = span->start;
	}
	return true;
}

bool machvm__survey(struct machvm__target *target, enum machvm__direction access, uint64_t raddr,
                    size_t size, unsigned options, struct machvm__fault *fault)
{
	struct machvm__span span = {raddr, raddr + size};

	return machvm__survey_spans(target, access, &span, 1, options, fault);
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
	if (error == -EKEYREJECTED) {
		no_force(target, raddr, step, fault);
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
