/* SPDX-License-Identifier: MIT */
/* machvm deallocate - memory of a process that is to be no more. */
#include <inttypes.h>
#include <stdio.h>

#include <mach/mach_vm.h>

#include "change.h"
#include "command.h"
#include "failure.h"
#include "json.h"
#include "number.h"
#include "region_list.h"

struct request {
	uint64_t address, size;
	int json, verbose;
};

static const struct option_row options[] = {
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_END,
};

static const char text[] =
	"Unmaps every page that SIZE bytes from ADDRESS on touch. What the process keeps there\n"
	"is lost, and it will crash if it looks. Holes in the range do not matter; where there\n"
	"is nothing but a hole, nothing is changed (status 1), as with SIZE 0.\n"
	"\n"
	"  machvm deallocate 4242 0x200000000000 4096";

/* The library does not mind an empty range, but whoever typed it may. */
static int look(const struct request *request, const struct target *target)
{
	struct region_list regions = {0};
	uint64_t end;
	int status = STATUS_DONE;

	if (__builtin_add_overflow(request->address, request->size, &end))
		return failure_say(STATUS_ADDRESS,
				   "the range that begins at 0x%" PRIx64
				   " wraps around the end of the address space",
				   request->address);
	status = region_list_read(&regions, target->task, request->address, end, NULL);
	if (!status && !regions.count)
		status = failure_say(STATUS_NOTHING,
				     "nothing is allocated at 0x%" PRIx64
				     ", so nothing is changed",
				     request->address);
	region_list_free(&regions);
	return status;
}

static int resolve(void *context, struct layout *layout, char **words)
{
	struct request *request = context;
	int status = number_parse_size(words[1], "SIZE", &request->size);

	if (!status)
		status = address_resolve(layout, words[0], &request->address);
	if (!status && !request->size)
		status = failure_say(STATUS_NOTHING, "SIZE is 0, so nothing is changed");
	return status ? status : look(request, layout->target);
}

static void report(const void *context, const struct target *target)
{
	const struct request *request = context;
	struct json_object *object;

	if (request->verbose)
		failure_note("the pages of %" PRIu64 " bytes at 0x%" PRIx64
			     " are deallocated in %s (%d)",
			     request->size, request->address, target->name, target->pid);
	if (!request->json)
		return;
	object = json_object_new_object();
	json_add_number(object, "pid", (uint64_t)target->pid);
	json_add(object, "address", json_address(request->address));
	json_add_number(object, "size", request->size);
	json_print(stdout, object);
}

static kern_return_t deallocate(void *context, const struct target *target)
{
	const struct request *request = context;

	return mach_vm_deallocate(target->task, request->address, request->size);
}

static const struct change change = {resolve, deallocate, report};

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	int letter, status;

	while ((letter = words_next(&words)) > 0) {
		request.json |= letter == 'j';
		request.verbose |= letter == 'v';
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 3, 3);
	return status ? status : change_run(&change, &request, words.argv);
}

const struct verb verb_deallocate = {
	.name = "deallocate",
	.synopsis = "TASK ADDRESS SIZE",
	.summary = "take memory away from a process",
	.text = text,
	.options = options,
	.run = run,
};
