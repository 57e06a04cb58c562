/* SPDX-License-Identifier: MIT */
/* machvm deallocate - memory of a process that is to be no more. */
#include <inttypes.h>
#include <stdio.h>

#include <mach/mach_vm.h>

#include "address.h"
#include "command.h"
#include "failure.h"
#include "interrupt.h"
#include "json.h"
#include "number.h"
#include "region_list.h"
#include "target.h"

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

static int resolve(struct request *request, struct layout *layout, char **words)
{
	int status = number_parse_size(words[1], "SIZE", &request->size);

	if (!status)
		status = address_resolve(layout, words[0], &request->address);
	if (!status && !request->size)
		status = failure_say(STATUS_NOTHING, "SIZE is 0, so nothing is changed");
	return status ? status : look(request, layout->target);
}

static void report(const struct request *request, const struct target *target)
{
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

static int deallocate(struct request *request, const struct target *target, char **words)
{
	struct layout layout = {.target = target};
	int status = resolve(request, &layout, words);
	kern_return_t kr;

	layout_free(&layout);
	if (status)
		return status;
	/* From here the change is finished first, and Ctrl-C comes too late to halve it. */
	interrupt_watch(NULL);
	kr = mach_vm_deallocate(target->task, request->address, request->size);
	if (kr != KERN_SUCCESS)
		return failure_mach(kr);
	report(request, target);
	return STATUS_DONE;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	struct target target;
	int letter, status;

	while ((letter = words_next(&words)) > 0) {
		request.json |= letter == 'j';
		request.verbose |= letter == 'v';
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 3, 3);
	if (status)
		return status;
	status = target_open(&target, words.argv[0], MACHVM_RIGHT_CONTROL);
	if (!status)
		status = deallocate(&request, &target, words.argv + 1);
	target_close(&target);
	return status;
}

const struct verb verb_deallocate = {
	.name = "deallocate",
	.synopsis = "TASK ADDRESS SIZE",
	.summary = "take memory away from a process",
	.text = text,
	.options = options,
	.run = run,
};
