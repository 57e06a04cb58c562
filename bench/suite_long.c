/* SPDX-License-Identifier: MIT */
/* suite_long.c - writes and reads of several pages, in the caches and out of them. */
#include <stdio.h>

#include "suites.h"
#include "transfer.h"

#define KIB ((size_t)1 << 10)

static const struct side writers[] = {{"mach_vm_write", transfer_write},
				      {"process_vm_writev", transfer_bare_write}};
static const struct side readers[] = {{"mach_vm_read_overwrite", transfer_read},
				      {"process_vm_readv", transfer_bare_read}};

static const size_t sizes[] = {8 * KIB, 64 * KIB, 256 * KIB, KIB *KIB, 16 * KIB *KIB};

enum { SIZES = sizeof sizes / sizeof *sizes };

static void compare(struct transfer *transfer, const struct side *sides, const char *verb,
		    size_t size, size_t span, const struct settings *settings)
{
	int cold = span > size;
	struct samples samples;
	char text[16], name[64];
	struct row row = {.group = settings->without_query ? "several pages, no PROCMAP_QUERY"
							   : "several pages",
			  .name = name};

	if (!settings->without_query && !cold)
		row = (struct row){row.group, name, GOAL_EXTRA_NS, 1500, NULL};
	else if (!settings->without_query && size == 64 * KIB)
		row = (struct row){row.group, name, GOAL_RATIO, 1.15, NULL};
	transfer->size = size;
	transfer->span = span;
	transfer_verify(transfer);
	snprintf(name, sizeof name, "%s %s %s", verb, size_name(size, text), cold ? "cold" : "hot");
	measure(&samples, sides, 2, transfer, size > KIB * KIB ? 2.0 : 1.2);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
}

void suite_long(const struct settings *settings)
{
	size_t room = transfer_cold_span();
	struct transfer transfer;

	transfer_begin(&transfer, room);
	for (int i = 0; i < SIZES; i++) {
		compare(&transfer, writers, "write", sizes[i], sizes[i], settings);
		compare(&transfer, writers, "write", sizes[i], room, settings);
	}
	for (int i = 0; i < SIZES && !settings->without_query; i++) {
		compare(&transfer, readers, "read", sizes[i], sizes[i], settings);
		compare(&transfer, readers, "read", sizes[i], room, settings);
	}
	transfer.span = room;
	transfer_end(&transfer);
}
