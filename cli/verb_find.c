/* SPDX-License-Identifier: MIT */
/* machvm find - where in the memory of a process some bytes are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <machvm.h>

#include "address.h"
#include "command.h"
#include "failure.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "number.h"
#include "progress.h"
#include "region_list.h"
#include "sink.h"
#include "size.h"
#include "target.h"
#include "terminal.h"
#include "value.h"

struct request {
	const char *range;   /* as typed, or null */
	uint64_t start, end; /* what it comes to */
	struct region_filter filter;
	uint64_t limit; /* 0 is none */
	uint64_t alignment;
	int aligned; /* to the size of the value, unless alignment says more */
	unsigned flags;
	int json, verbose;
};

/* What a match is printed with. */
struct printer {
	const struct request *request;
	const struct region_list *regions;
	struct json_array array;
	struct progress progress;
	uint64_t count;
};

static const struct option_row options[] = {
	{'R', "range", "RANGE", "only there: A-B, A+SIZE, '[heap]', or a mapped file"},
	{'p', "perm", "PERM", "only in regions with these protections: rw, r-x, ?w?"},
	{'N', "name", "GLOB", "only in regions of that name; may be given several times"},
	{'l', "limit", "N", "stop after N matches"},
	{'A', "aligned", "[=N]", "only at multiples of N, or of the size of the value"},
	OPTION_FORCE,
	OPTION_NOWAIT,
	OPTION_JSON,
	{'v', "verbose", NULL, "tell how much was searched and how much could not be read"},
	OPTION_END,
};

static const char text[] =
	"Prints where the bytes of the PATTERN are, one match per line in ascending order: the\n"
	"address, the protection of the region, its name and (in decimal) the offset in it.\n"
	"Status 1 when there is none.\n"
	"\n"
	"A PATTERN is VALUES, one after the other: str:hello, u32:1234, f64:1.5, ptr:main, or\n"
	"hex:de ad ?? ef, where ?? is any byte. Overlapping matches are all found, also across\n"
	"the border between two regions. What cannot be read is passed over; a region that\n"
	"the process itself may not read is not looked at without --force. The process goes\n"
	"on running, and what it moves meanwhile may be missed or found twice.\n"
	"\n"
	"A and B of a RANGE are addresses, B is a number. For PERM and GLOB see machvm regions\n"
	"--help.\n"
	"\n"
	"  machvm find redis-server str:hello --perm rw\n"
	"  machvm find 4242 u32:1234 --aligned --range '[heap]' --limit 10\n"
	"  machvm find 4242 'hex:7f 45 4c 46 ?? 01' --name 'lib*.so*'";

/* Only the address may look like a hexadecimal number, whatever a file is called. */
static void print_name(const char *name)
{
	const char *at;

	for (at = name; *at; at++) {
		if (at[0] != '0' || (at[1] != 'x' && at[1] != 'X'))
			continue;
		terminal_print_some(stdout, name, (size_t)(at + 1 - name));
		printf("\\%03o", at[1]);
		name = at + 2;
		at++;
	}
	terminal_print(stdout, name);
}

static void print_match(const struct region *region, uint64_t address)
{
	printf("%s0x%" PRIx64 "%s  %s%c  ", terminal_style(stdout, TERMINAL_BOLD), address,
	       terminal_style(stdout, TERMINAL_PLAIN), region_protection(region),
	       region->shared ? 's' : 'p');
	print_name(region->name[0] ? region->name : "anonymous");
	printf("+%" PRIu64 "\n", address - region->start);
}

static int on_match(void *context, mach_vm_address_t address)
{
	struct printer *printer = context;
	const struct region *region = region_list_at(printer->regions, address);

	progress_clear();
	if (printer->request->json) {
		struct json_object *object = json_object_new_object();

		json_add(object, "address", json_address(address));
		json_add(object, "region", json_region(region));
		json_array_add(&printer->array, object);
	} else {
		print_match(region, address);
	}
	printer->count++;
	return sink_failed(stdout) || printer->count == printer->request->limit;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The first and the last region may stick out of the range. */
static uint64_t total_size(const struct request *request, const struct region_list *regions)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < regions->count; i++)
		total += lower(regions->items[i].end, request->end) -
			 higher(regions->items[i].start, request->start);
	return total;
}

static int on_progress(void *context, mach_vm_size_t passed)
{
	struct printer *printer = context;

	progress_advance(&printer->progress, passed);
	return interrupt_pending();
}

/* Regions that touch are one to the search as well: a match may lie across their border. */
static struct machvm_range *as_ranges(const struct request *request,
				      const struct region_list *regions)
{
	struct machvm_range *ranges = memory_resize(NULL, regions->count, sizeof(*ranges));
	size_t i;

	for (i = 0; i < regions->count; i++) {
		uint64_t start = higher(regions->items[i].start, request->start);

		ranges[i] = (struct machvm_range){
			.address = start,
			.size = lower(regions->items[i].end, request->end) - start,
		};
	}
	return ranges;
}

static int finish(const struct request *request, uint64_t not_read, struct printer *printer,
		  int status)
{
	char searched[16], unreadable[16];

	if (request->json)
		json_array_end(&printer->array);
	if (request->verbose) {
		size_print(searched, sizeof(searched), printer->progress.done - not_read);
		size_print(unreadable, sizeof(unreadable), not_read);
		failure_note("%s were searched, %s could not be read; matches: %" PRIu64, searched,
			     unreadable, printer->count);
	}
	if (status)
		return status;
	if (interrupt_pending())
		return failure_say(STATUS_OTHER, "interrupted before the end");
	return printer->count ? STATUS_DONE : STATUS_NOTHING;
}

static int search(const struct request *request, const struct target *target,
		  const struct values *values, const struct region_list *regions)
{
	struct printer printer = {
		.request = request, .regions = regions, .array = {.stream = stdout}};
	struct machvm_find find = {
		.bytes = values->data.data,
		.mask = values->mask.data,
		.size = values->data.size,
		.alignment = request->alignment,
		.range_count = regions->count,
		.flags = request->flags,
		.match = on_match,
		.progress = on_progress,
		.context = &printer,
	};
	struct machvm_range *ranges = as_ranges(request, regions);
	kern_return_t kr = KERN_SUCCESS;

	find.ranges = ranges;
	/* Whoever reads the matches wants each as soon as it is found. */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	interrupt_watch(stdout);
	progress_start(&printer.progress, "searching", total_size(request, regions), 0);
	if (regions->count)
		kr = machvm_find(target->task, &find);
	progress_end(&printer.progress);
	free(ranges);
	return finish(request, find.unreadable, &printer,
		      kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr));
}

static int choose_regions(struct request *request, struct layout *layout,
			  struct region_list *regions)
{
	struct region_filter filter = request->filter;
	int status = STATUS_DONE;

	request->end = ~0ull;
	if (request->range)
		status = address_resolve_range(layout, request->range, &request->start,
					       &request->end);
	if (!(request->flags & MACHVM_FORCE))
		filter.with |= VM_PROT_READ;
	if (status)
		return status;
	return region_list_read(regions, layout->target->task, request->start, request->end,
				&filter);
}

static int resolve_pointer(void *cookie, const char *text_of_address, uint64_t *address)
{
	return address_resolve(cookie, text_of_address, address);
}

static int has_byte(const struct values *values)
{
	size_t i;

	for (i = 0; i < values->data.size; i++) {
		if (values->mask.data[i])
			return 1;
	}
	return 0;
}

static int parse_pattern(struct request *request, struct layout *layout, char **words, int count,
			 struct values *values)
{
	const struct value_context context = {
		.word = layout->target->word,
		.wildcards = 1,
		.resolve = resolve_pointer,
		.cookie = layout,
	};
	int status = values_parse(values, &context, words, count);

	if (status)
		return status;
	if (!has_byte(values))
		return failure_say(STATUS_USAGE, "the pattern has no byte to look for");
	if (values->data.size > MACHVM_FIND_SIZE)
		return failure_say(STATUS_USAGE, "the pattern is longer than 1 MiB");
	if (request->aligned && !request->alignment)
		request->alignment = values->alignment;
	if (!request->alignment)
		request->alignment = 1;
	return STATUS_DONE;
}

static int find(struct request *request, const struct target *target, char **words, int count)
{
	struct layout layout = {.target = target};
	struct region_list regions = {0};
	struct values values = {0};
	int status = parse_pattern(request, &layout, words, count, &values);

	if (!status)
		status = choose_regions(request, &layout, &regions);
	if (!status)
		status = search(request, target, &values, &regions);
	region_list_free(&regions);
	values_free(&values);
	layout_free(&layout);
	return status;
}

static int set_option(struct request *request, int letter, const char *value)
{
	request->json |= letter == 'j';
	request->verbose |= letter == 'v';
	request->aligned |= letter == 'A';
	request->flags |= letter == 'f' ? MACHVM_FORCE : 0;
	request->flags |= letter == 'n' ? MACHVM_NOWAIT : 0;
	switch (letter) {
	case 'R':
		request->range = value;
		return STATUS_DONE;
	case 'p':
		return region_filter_permit(&request->filter, value);
	case 'N':
		region_filter_name(&request->filter, value);
		return STATUS_DONE;
	case 'l':
		return number_parse_count(value, "the limit", &request->limit);
	case 'A':
		return value ? number_parse_count(value, "the alignment", &request->alignment)
			     : STATUS_DONE;
	default:
		return STATUS_DONE;
	}
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	struct target target = {0};
	int letter = 0, status = STATUS_DONE;

	while (!status && (letter = words_next(&words)) > 0)
		status = set_option(&request, letter, words.value);
	if (!status)
		status = letter == WORDS_STOP ? words.status : words_count(&words, 2, -1);
	if (!status)
		status = target_open(&target, words.argv[0], MACHVM_RIGHT_READ);
	if (!status)
		status = find(&request, &target, words.argv + 1, words.argc - 1);
	target_close(&target);
	region_filter_free(&request.filter);
	return status;
}

const struct verb verb_find = {
	.name = "find",
	.synopsis = "TASK PATTERN... [--range RANGE] [--perm PERM] [--name GLOB]...",
	.summary = "find bytes, text or numbers in the memory of a process",
	.text = text,
	.options = options,
	.run = run,
};
