/* SPDX-License-Identifier: MIT */
/* machvm regions - what is mapped into a process. */
#include <inttypes.h>
#include <stdio.h>

#include <machvm.h>

#include "command.h"
#include "failure.h"
#include "json.h"
#include "region_list.h"
#include "sink.h"
#include "size.h"
#include "target.h"
#include "terminal.h"

static const struct option_row options[] = {
	{'p', "perm", "PERM", "only regions with these protections: rw, r-x, ?w?, rw-s"},
	{'N', "name", "GLOB", "only regions of that name; may be given several times"},
	OPTION_JSON,
	{'v', "verbose", NULL, "show the offset in the file, the device and the inode too"},
	OPTION_END,
};

static const char text[] =
	"Lists the regions of the process in ascending order: first and last address (the\n"
	"last is the first one behind), protection with s for shared and p for private, size,\n"
	"and the file or the name. Status 1 when nothing fits.\n"
	"\n"
	"PERM is letters that must be there (rw: whatever else), or a pattern with a place\n"
	"for each of r, w and x, and perhaps s or p: r-x is exactly that, ?w? leaves open\n"
	"what ? stands for. GLOB is compared with the whole name and with the last part of a\n"
	"path: '[heap]', 'libc*', '[anon:*]'.\n"
	"\n"
	"  machvm regions redis-server --perm rw\n"
	"  machvm regions 4242 --name '[heap]' --name '[stack]' --json";

/* Memory that is writable and executable deserves a look. */
static const char *style(const struct region *region)
{
	if ((region->protection & (VM_PROT_WRITE | VM_PROT_EXECUTE)) ==
	    (VM_PROT_WRITE | VM_PROT_EXECUTE))
		return TERMINAL_RED;
	if (region->protection & VM_PROT_EXECUTE)
		return TERMINAL_GREEN;
	if (region->protection & VM_PROT_WRITE)
		return TERMINAL_YELLOW;
	return TERMINAL_DIM;
}

static void print_region(const struct region *region, int width, int verbose)
{
	char size[16];

	size_print(size, sizeof(size), region->end - region->start);
	printf("0x%0*" PRIx64 "-0x%0*" PRIx64 "  %s%s%c%s  %10s", width, region->start, width,
	       region->end, terminal_style(stdout, style(region)), region_protection(region),
	       region->shared ? 's' : 'p', terminal_style(stdout, TERMINAL_PLAIN), size);
	if (verbose)
		printf("  0x%08" PRIx64 "  %02x:%02x  %10" PRIu64, region->offset,
		       region->device_major, region->device_minor, region->inode);
	if (region->name[0]) {
		fputs("  ", stdout);
		terminal_print(stdout, region->name);
	}
	putchar('\n');
}

static int print(const struct region_list *list, const struct target *target, int json, int verbose)
{
	struct json_array array = {.stream = stdout};
	size_t i;

	for (i = 0; i < list->count && !sink_failed(stdout); i++) {
		if (json)
			json_array_add(&array, json_region(&list->items[i]));
		else
			print_region(&list->items[i], target->word == 4 ? 8 : 12, verbose);
	}
	if (json)
		json_array_end(&array);
	return list->count ? STATUS_DONE : STATUS_NOTHING;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct region_filter filter = {0};
	struct region_list list = {0};
	struct target target = {0};
	int letter, json = 0, verbose = 0, status = STATUS_DONE;

	while (!status && (letter = words_next(&words)) > 0) {
		json |= letter == 'j';
		verbose |= letter == 'v';
		if (letter == 'p')
			status = region_filter_permit(&filter, words.value);
		if (letter == 'N')
			region_filter_name(&filter, words.value);
	}
	if (!status)
		status = letter == WORDS_STOP ? words.status : words_count(&words, 1, 1);
	if (!status)
		status = target_open(&target, words.argv[0], MACHVM_RIGHT_INSPECT);
	if (!status)
		status = region_list_read(&list, target.task, 0, ~0ull, &filter);
	if (!status)
		status = print(&list, &target, json, verbose);
	region_list_free(&list);
	region_filter_free(&filter);
	target_close(&target);
	return status;
}

const struct verb verb_regions = {
	.name = "regions",
	.synopsis = "TASK [--perm PERM] [--name GLOB]...",
	.summary = "list what is mapped into a process",
	.text = text,
	.options = options,
	.run = run,
};
