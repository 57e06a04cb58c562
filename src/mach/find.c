/* SPDX-License-Identifier: MIT */
/* find.c - machvm_find: which memory is meant, and what the search comes to. */
#include <mach/mach.h>
#include <machvm.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "error.h"
#include "flags.h"
#include "search.h"
#include "task.h"

/* Stretches as they are put together. */
struct layout {
	const struct machvm_find *find;
	size_t range; /* the first that may reach beyond the region at hand */
	struct machvm__stretch *stretches;
	size_t count, room;
	bool no_memory;
};

static bool add(struct layout *layout, uint64_t start, uint64_t end, bool zeros)
{
	if (layout->count == layout->room) {
		size_t room = layout->room ? 2 * layout->room : 256;
		void *more = realloc(layout->stretches, room * sizeof *layout->stretches);

		if (!more)
			return false;
		layout->stretches = more;
		layout->room = room;
	}
	layout->stretches[layout->count++] = (struct machvm__stretch){start, end, zeros};
	return true;
}

/* What a process has mapped and never touched is zeros, but for what the kernel lends it. */
static bool begins_as_zeros(const struct machvm_region *region)
{
	return !region->inode && !region->shared && strncmp(region->name, "[v", 2) != 0;
}

/* The parts of a region that are asked for. */
static int take_region(const struct machvm_region *region, void *context)
{
	struct layout *layout = context;
	const struct machvm_find *find = layout->find;
	uint64_t end = region->address + region->size;
	bool zeros = begins_as_zeros(region);

	if (!(find->flags & MACHVM_FORCE) && !(region->protection & VM_PROT_READ))
		return 0;
	if (!find->ranges) {
		layout->no_memory = !add(layout, region->address, end, zeros);
		return layout->no_memory;
	}
	for (size_t i = layout->range; i < find->range_count; i++) {
		const struct machvm_range *range = &find->ranges[i];
		uint64_t from = range->address, stop = range->address + range->size;

		if (from >= end)
			break;
		if (stop <= region->address) {
			layout->range = i + 1;
			continue;
		}
		from = from > region->address ? from : region->address;
		layout->no_memory = from < stop && !add(layout, from, stop < end ? stop : end, zeros);
		if (layout->no_memory)
			return 1;
	}
	return 0;
}

static bool readable(const void *data, size_t count, size_t size)
{
	return !data || !count ||
	       (!__builtin_mul_overflow(count, size, &size) &&
	        machvm__buffer_good(data, size, MACHVM__READ));
}

/* Ascending, apart, and none that wraps. */
static bool in_order(const struct machvm_find *find)
{
	uint64_t end = 0;

	for (size_t i = 0; find->ranges && i < find->range_count; i++) {
		if (find->ranges[i].address < end ||
		    __builtin_add_overflow(find->ranges[i].address, find->ranges[i].size, &end))
			return false;
	}
	return true;
}

static kern_return_t check(const struct machvm_find *find)
{
	const char *wrong = NULL;

	if (find->flags & ~(unsigned)(MACHVM_FORCE | MACHVM_NOWAIT))
		wrong = "a search knows MACHVM_FORCE and MACHVM_NOWAIT only";
	else if (!find->size || find->size > MACHVM_FIND_SIZE || !find->bytes)
		wrong = "what is looked for has 1 byte to 1 MiB";
	else if (!find->match)
		wrong = "there is nobody to be told of matches";
	if (wrong)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "%s", wrong);
	if (!readable(find->bytes, find->size, 1) || !readable(find->mask, find->size, 1) ||
	    !readable(find->ranges, find->range_count, sizeof *find->ranges))
		return machvm__error(MACH_SEND_INVALID_MEMORY, "buffer check",
		                     "what is looked for, or where, cannot be read");
	if (!in_order(find))
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     "the ranges of a search ascend, and do not overlap");
	return KERN_SUCCESS;
}

static kern_return_t search(mach_port_t task, struct machvm__target *target, struct machvm_find *find)
{
	struct layout layout = {.find = find};
	struct machvm__search search = {
		.target = target,
		.alignment = find->alignment ? find->alignment : 1,
		.options = machvm__flags_options(find->flags),
		.match = find->match,
		.progress = find->progress,
		.context = find->context,
	};
	struct machvm__fault why;
	kern_return_t kr = machvm_region_walk(task, 0, UINT64_MAX, take_region, &layout);

	if (kr == KERN_SUCCESS && layout.no_memory)
		kr = machvm__error(KERN_RESOURCE_SHORTAGE, "allocation",
		                   "no memory is left for the list of regions");
	if (kr == KERN_SUCCESS) {
		machvm__needle_init(&search.needle, find->bytes, find->mask, find->size,
		                    search.alignment);
		search.stretches = layout.stretches;
		search.count = layout.count;
		if (!machvm__search_run(&search, &why))
			kr = machvm__error_fault(target, &why);
		find->unreadable = search.unreadable;
	}
	free(layout.stretches);
	return kr;
}

kern_return_t machvm_find(mach_port_t task, struct machvm_find *find)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__task_hold(task, MACHVM_RIGHT_READ, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	kr = check(find);
	if (kr == KERN_SUCCESS)
		kr = search(task, hold.target, find);
	machvm__task_release(&hold);
	return kr;
}
