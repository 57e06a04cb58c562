/* SPDX-License-Identifier: MIT */
/* untouched - memory that a process has mapped and never used. */
#include <stdlib.h>
#include <unistd.h>

#include <mach/mach_vm.h>
#include <mach/vm_page_query.h>

#include "memory.h"
#include "untouched.h"

#define WINDOW 16384 /* pages that are asked for at a time */

/* Only there does a page that was never used hold zeros: a file or a shared object has its own. */
static int is_private_anonymous(const struct region *region)
{
	return !region->inode && !region->shared;
}

static int learn(struct untouched *known, uint64_t address, uint64_t end, uint64_t page)
{
	mach_vm_size_t count = WINDOW;
	kern_return_t kr;

	if (!known->pages)
		known->pages = memory_resize(NULL, WINDOW, sizeof(*known->pages));
	known->start = known->end = address & ~(page - 1);
	if (end - known->start > WINDOW * page)
		end = known->start + WINDOW * page;
	kr = mach_vm_page_range_query(known->task, known->start, end - known->start,
				      (mach_vm_address_t)(uintptr_t)known->pages, &count);
	if (kr != KERN_SUCCESS || !count)
		return -1;
	known->end = known->start + count * page;
	return 0;
}

static int is_untouched(const struct untouched *known, uint64_t address, uint64_t page)
{
	int disposition = known->pages[(address - known->start) / page];

	return !(disposition & (VM_PAGE_QUERY_PAGE_PRESENT | VM_PAGE_QUERY_PAGE_PAGED_OUT));
}

uint64_t untouched_run(struct untouched *known, const struct region *region, uint64_t address,
		       uint64_t limit, int *untouched)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = address;

	*untouched = 0;
	if (limit > region->end)
		limit = region->end;
	if (!is_private_anonymous(region))
		return limit;
	if ((address < known->start || address >= known->end) &&
	    learn(known, address, region->end, page))
		return limit;
	*untouched = is_untouched(known, address, page);
	while (end < limit && end < known->end && is_untouched(known, end, page) == *untouched)
		end = (end | (page - 1)) + 1;
	return end < limit ? end : limit;
}

void untouched_free(struct untouched *known)
{
	free(known->pages);
	*known = (struct untouched){0};
}
