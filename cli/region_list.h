/* SPDX-License-Identifier: MIT */
/* region_list - the regions of a target at one moment, and which of them are meant. */
#ifndef CLI_REGION_LIST_H
#define CLI_REGION_LIST_H

#include <stddef.h>
#include <stdint.h>

#include <mach/port.h>
#include <mach/vm_prot.h>

struct region {
	uint64_t start, end;
	uint64_t offset, inode;
	unsigned device_major, device_minor;
	vm_prot_t protection;
	int shared;
	char *name;
};

struct region_list {
	struct region *items; /* ascending */
	size_t count;
};

/* What --perm and --name choose. Zeroed chooses everything. */
struct region_filter {
	vm_prot_t with;    /* protections a region must have */
	vm_prot_t without; /* ... must not have */
	int shared;        /* 1 shared only, -1 private only */
	char **globs;      /* any of them fits, as a whole name or as the last part of a path */
	size_t glob_count;
};

/* Takes every region that intersects [start, end) and that `filter` (or null) lets through. */
int region_list_read(struct region_list *list, mach_port_t task, uint64_t start, uint64_t end,
		     const struct region_filter *filter);
void region_list_free(struct region_list *list);

/* The region at `address`, or null. */
const struct region *region_list_at(const struct region_list *list, uint64_t address);

/* "rw-" */
const char *region_protection(const struct region *region);

int region_filter_permit(struct region_filter *filter, const char *text);
void region_filter_name(struct region_filter *filter, const char *glob);
void region_filter_free(struct region_filter *filter);

#endif
