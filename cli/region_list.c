/* SPDX-License-Identifier: MIT */
/* region_list - the regions of a target at one moment, and which of them are meant. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <machvm.h>

#include "failure.h"
#include "memory.h"
#include "region_list.h"

struct reading {
	struct region_list *list;
	size_t capacity;
	const struct region_filter *filter;
};

static const char *base_name(const char *path)
{
	const char *slash = path[0] == '/' ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

static int name_fits(const struct region_filter *filter, const char *name)
{
	size_t i;

	for (i = 0; i < filter->glob_count; i++) {
		const char *glob = filter->globs[i];

		if (!fnmatch(glob, name, 0) || !fnmatch(glob, base_name(name), 0))
			return 1;
	}
	return !filter->glob_count;
}

static int fits(const struct region_filter *filter, const struct machvm_region *region)
{
	if ((region->protection & filter->with) != filter->with)
		return 0;
	if (region->protection & filter->without)
		return 0;
	if (filter->shared && (filter->shared > 0) != !!region->shared)
		return 0;
	return name_fits(filter, region->name);
}

static int take(const struct machvm_region *region, void *context)
{
	struct reading *reading = context;
	struct region_list *list = reading->list;

	if (reading->filter && !fits(reading->filter, region))
		return 0;
	if (list->count == reading->capacity) {
		reading->capacity = reading->capacity ? 2 * reading->capacity : 256;
		list->items = memory_resize(list->items, reading->capacity, sizeof(*list->items));
	}
	list->items[list->count++] = (struct region){
		.start = region->address,
		.end = region->address + region->size,
		.offset = region->offset,
		.inode = region->inode,
		.device_major = region->device_major,
		.device_minor = region->device_minor,
		.protection = region->protection,
		.shared = region->shared,
		.name = memory_text(region->name, strlen(region->name)),
	};
	return 0;
}

int region_list_read(struct region_list *list, mach_port_t task, uint64_t start, uint64_t end,
		     const struct region_filter *filter)
{
	struct reading reading = {.list = list, .filter = filter};
	kern_return_t kr;

	*list = (struct region_list){0};
	kr = machvm_region_walk(task, start, end, take, &reading);
	if (kr == KERN_SUCCESS)
		return STATUS_DONE;
	region_list_free(list);
	return failure_mach(kr);
}

void region_list_free(struct region_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
	*list = (struct region_list){0};
}

const struct region *region_list_at(const struct region_list *list, uint64_t address)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct region *region = &list->items[middle];

		if (address < region->start)
			high = middle;
		else if (address >= region->end)
			low = middle + 1;
		else
			return region;
	}
	return NULL;
}

const char *region_protection(const struct region *region)
{
	static const char *const names[8] = {"---", "r--", "-w-", "rw-",
					     "--x", "r-x", "-wx", "rwx"};

	return names[region->protection & (VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE)];
}

static int permit_letter(struct region_filter *filter, char letter)
{
	switch (letter) {
	case 'r':
		filter->with |= VM_PROT_READ;
		return 0;
	case 'w':
		filter->with |= VM_PROT_WRITE;
		return 0;
	case 'x':
		filter->with |= VM_PROT_EXECUTE;
		return 0;
	case 's':
		filter->shared = 1;
		return 0;
	case 'p':
		filter->shared = -1;
		return 0;
	default:
		return -1;
	}
}

/* "r-x", "?w?", "rw-p": one place for each of r, w, x and perhaps p or s. */
static int permit_places(struct region_filter *filter, const char *text)
{
	static const char letters[] = "rwx";
	static const vm_prot_t bits[] = {VM_PROT_READ, VM_PROT_WRITE, VM_PROT_EXECUTE};
	int i;

	for (i = 0; i < 3; i++) {
		if (text[i] == '-')
			filter->without |= bits[i];
		else if (text[i] == letters[i])
			filter->with |= bits[i];
		else if (text[i] != '?')
			return -1;
	}
	if (!text[3] || text[3] == '?')
		return 0;
	return strchr("ps", text[3]) ? permit_letter(filter, text[3]) : -1;
}

int region_filter_permit(struct region_filter *filter, const char *text)
{
	size_t length = strlen(text);
	int r = length ? 0 : -1;
	const char *letter;

	filter->with = filter->without = 0;
	filter->shared = 0;
	if (strpbrk(text, "-?"))
		r = length == 3 || length == 4 ? permit_places(filter, text) : -1;
	else
		for (letter = text; *letter && !r; letter++)
			r = permit_letter(filter, *letter);
	if (!r)
		return STATUS_DONE;
	return failure_say(STATUS_USAGE,
			   "%s is not a set of protections: rw is readable and writable whatever "
			   "else, r-x is exactly that, ?w? leaves open what ? stands for",
			   *text ? text : "\"\"");
}

/* [heap] and [anon:*] are names, not sets of letters. */
void region_filter_name(struct region_filter *filter, const char *glob)
{
	size_t length = strlen(glob);
	char *kept = memory_resize(NULL, length + 3, 1);

	if (glob[0] == '[' && glob[length - 1] == ']')
		sprintf(kept, "\\[%.*s\\]", (int)(length - 2), glob + 1);
	else
		strcpy(kept, glob);
	filter->globs =
		memory_resize(filter->globs, filter->glob_count + 1, sizeof(*filter->globs));
	filter->globs[filter->glob_count++] = kept;
}

void region_filter_free(struct region_filter *filter)
{
	size_t i;

	for (i = 0; i < filter->glob_count; i++)
		free(filter->globs[i]);
	free(filter->globs);
	*filter = (struct region_filter){0};
}
