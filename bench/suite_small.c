/* SPDX-License-Identifier: MIT */
/* suite_small.c - writes and reads inside one page, against the bare call. */
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "suites.h"
#include "transfer.h"

#define PAGE ((size_t)4096)

/*
 * A system call that does nothing, before and after: what it takes at least to ask the
 * kernel twice, whatever the question.
 */
static void asked(void *context, unsigned repetitions, void (*bare)(void *, unsigned))
{
	while (repetitions--) {
		syscall(SYS_getppid);
		bare(context, 1);
		syscall(SYS_getppid);
	}
}

static void asked_write(void *context, unsigned repetitions)
{
	asked(context, repetitions, transfer_bare_write);
}

static void asked_read(void *context, unsigned repetitions)
{
	asked(context, repetitions, transfer_bare_read);
}

enum { OURS, BARE, ASKED, SIDES };

static const struct side writers[] = {{"mach_vm_write", transfer_write},
				      {"process_vm_writev", transfer_bare_write},
				      {"getppid, process_vm_writev, getppid", asked_write}};
static const struct side readers[] = {{"mach_vm_read_overwrite", transfer_read},
				      {"process_vm_readv", transfer_bare_read},
				      {"getppid, process_vm_readv, getppid", asked_read}};

static void print_least(const char *name, const struct samples *samples, const struct side *sides)
{
	const struct row row = {.group = "one page",
				.name = name,
				.note = "the least that asking before and after can cost here"};

	row_print(&row, samples, sides, ASKED, BARE);
}

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
		measure(&samples, sides, settings->without_ring ? SIDES : ASKED, transfer, 1.0);
		row_print(&row, &samples, sides, OURS, BARE);
		if (settings->without_ring)
			print_least(name, &samples, sides);
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
	measure(&samples, writers, ASKED, transfer, 0.5);
	row_print(&row, &samples, writers, OURS, BARE);
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
