/* SPDX-License-Identifier: MIT */
/* suite_small.c - writes and reads inside one page, against the bare call. */
#include <stdio.h>

#include "suites.h"
#include "transfer.h"

#define PAGE ((size_t)4096)

static const struct side writers[] = {{"mach_vm_write", transfer_write},
				      {"process_vm_writev", transfer_bare_write}};
static const struct side readers[] = {{"mach_vm_read_overwrite", transfer_read},
				      {"process_vm_readv", transfer_bare_read}};

static void one_page(struct transfer *transfer, const struct side *sides, const char *verb,
		     const struct settings *settings)
{
	static const size_t sizes[] = {8, 64, PAGE};
	const char *proof = settings->without_ring ? ", identity by a poll" : "";
	struct samples samples;
	char size[16], name[64];

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct row row = {
			.group = "one page",
			.name = name,
			.goal = GOAL_RATIO,
			.limit = settings->without_ring ? 1.45 : 1.05,
		};

		transfer->size = transfer->span = sizes[i];
		transfer_verify(transfer);
		snprintf(name, sizeof name, "%s %s%s", verb, size_name(sizes[i], size), proof);
		measure(&samples, sides, 2, transfer, 1.0);
		row_print(&row, &samples, sides, 0, 1);
		measure_free(&samples);
	}
}

/* Two pages of the caller's: the second is looked at first, or a part could arrive. */
static void crossing(struct transfer *transfer)
{
	const struct row row = {.group = "one page",
				.name = "write 64 B, caller's buffer in two pages"};
	struct samples samples;

	transfer->size = transfer->span = 64;
	transfer->local += PAGE - 32;
	measure(&samples, writers, 2, transfer, 0.5);
	row_print(&row, &samples, writers, 0, 1);
	measure_free(&samples);
	transfer->local -= PAGE - 32;
}

void suite_small(const struct settings *settings)
{
	struct transfer transfer;

	transfer_begin(&transfer, 2 * PAGE);
	one_page(&transfer, writers, "write", settings);
	one_page(&transfer, readers, "read", settings);
	if (!settings->without_ring)
		crossing(&transfer);
	transfer.span = 2 * PAGE;
	transfer_end(&transfer);
}
