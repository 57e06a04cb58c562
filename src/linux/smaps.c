/* SPDX-License-Identifier: MIT */
/* smaps.c - the text of /proc/PID/smaps. */
#include "smaps.h"

#include <errno.h>
#include <string.h>

static const struct {
	char name[3];
	unsigned flag;
} flag_names[] = {
	{"mr", MACHVM__VM_MAY_READ},     {"mw", MACHVM__VM_MAY_WRITE},
	{"me", MACHVM__VM_MAY_EXECUTE},  {"sh", MACHVM__VM_SHARED},
	{"ms", MACHVM__VM_MAY_SHARE},    {"io", MACHVM__VM_IO},
	{"pf", MACHVM__VM_PFNMAP},       {"dc", MACHVM__VM_DONTCOPY},
	{"lo", MACHVM__VM_LOCKED},       {"um", MACHVM__VM_UFFD_MISSING},
	{"uw", MACHVM__VM_UFFD_WP},      {"sr", MACHVM__VM_SEQUENTIAL},
	{"rr", MACHVM__VM_RANDOM},       {"ht", MACHVM__VM_HUGETLB},
	{"sl", MACHVM__VM_SEALED},       {"gd", MACHVM__VM_GROWS_DOWN},
	{"wf", MACHVM__VM_WIPE_ON_FORK},
};

#define SIZE(name, member) {name, sizeof name - 1, offsetof(struct machvm__smaps, member)}

static const struct {
	const char *name;
	size_t length;
	size_t offset;
} size_names[] = {
	SIZE("KernelPageSize:", kernel_page_size),
	SIZE("Rss:", resident),
	SIZE("Shared_Clean:", shared_clean),
	SIZE("Shared_Dirty:", shared_dirty),
	SIZE("Private_Clean:", private_clean),
	SIZE("Private_Dirty:", private_dirty),
	SIZE("Anonymous:", anonymous),
	SIZE("Swap:", swap),
	SIZE("Shared_Hugetlb:", shared_huge),
	SIZE("Private_Hugetlb:", private_huge),
};

static unsigned parse_flags(const char *at, const char *end)
{
	unsigned flags = 0;

	for (; end - at >= 2; at++) {
		if (*at == ' ')
			continue;
		for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
			if (at[0] == flag_names[i].name[0] && at[1] == flag_names[i].name[1])
				flags |= flag_names[i].flag;
		at++;
	}
	return flags;
}

static uint64_t parse_kilobytes(const char *at, const char *end)
{
	uint64_t value = 0;

	while (at < end && *at == ' ')
		at++;
	for (; at < end && *at >= '0' && *at <= '9' && value < UINT64_MAX >> 15; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	return value << 10;
}

bool machvm__smaps_parse(const char *line, size_t length, struct machvm__smaps *region)
{
	static const char flags[] = "VmFlags:";
	size_t rest = sizeof flags - 1;

	if (length >= rest && !memcmp(line, flags, rest)) {
		region->flags = parse_flags(line + rest, line + length);
		return true;
	}
	for (size_t i = 0; i < sizeof size_names / sizeof *size_names; i++) {
		rest = size_names[i].length;
		if (*line != *size_names[i].name || length < rest ||
		    memcmp(line, size_names[i].name, rest))
			continue;
		*(uint64_t *)(void *)((char *)region + size_names[i].offset) =
			parse_kilobytes(line + rest, line + length);
		break;
	}
	return false;
}

/*
 * A region's first line begins with an address, the others with a capital letter
 * (show_smap in fs/proc/task_mmu.c).
 */
static bool begins_region(const char *line)
{
	return (*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f');
}

static int parse_first(const char *line, size_t length, struct machvm__smaps *region)
{
	size_t name_at, kept;

	memset(region, 0, sizeof *region);
	if (machvm__maps_parse(line, length, &region->vma, &name_at))
		return -EINVAL;
	kept = region->vma.name_length;
	if (kept >= sizeof region->name)
		kept = sizeof region->name - 1;
	memcpy(region->name, line + name_at, kept);
	return 0;
}

int machvm__smaps_next(struct machvm__text *text, struct machvm__smaps *region)
{
	size_t length;
	char *line;
	int r;

	do {
		r = machvm__text_line(text, &line, &length);
		if (r <= 0)
			return r;
		if (parse_first(line, length, region))
			return -EINVAL;
		/* VmFlags closes a region on every kernel since 3.8. */
		while ((r = machvm__text_line(text, &line, &length)) > 0) {
			if (begins_region(line)) {
				machvm__text_again(text, line, length);
				break;
			}
			if (machvm__smaps_parse(line, length, region))
				break;
		}
		if (r < 0)
			return r;
	} while (!machvm__maps_reachable(region->vma.start));
	return 1;
}

int machvm__smaps_single(char *text, size_t size, struct machvm__smaps *region)
{
	char *line = text, *end = text + size, *newline;
	bool first = true, last = false;

	while (line < end) {
		newline = memchr(line, '\n', (size_t)(end - line));
		if (!newline || last)
			return -EINVAL;
		*newline = '\0';
		if (first && parse_first(line, (size_t)(newline - line), region))
			return -EINVAL;
		if (!first) {
			if (begins_region(line))
				return -EINVAL;
			last = machvm__smaps_parse(line, (size_t)(newline - line), region);
		}
		first = false;
		line = newline + 1;
	}
	return last ? 0 : -EINVAL;
}
