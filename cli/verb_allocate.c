/* SPDX-License-Identifier: MIT */
/* machvm allocate - new memory in a process. */
#include <inttypes.h>
#include <stdio.h>

#include <mach/mach_vm.h>
#include <mach/vm_statistics.h>

#include "change.h"
#include "command.h"
#include "failure.h"
#include "json.h"
#include "number.h"

struct request {
	mach_vm_address_t address;
	uint64_t size, tag;
	const char *tag_word; /* as typed, or null */
	int fixed, overwrite, json, verbose;
};

static const struct option_row options[] = {
	{'o', "overwrite", NULL, "with ADDRESS: take the place of what is there"},
	{'t', "tag", "N", "mark it with a number from 1 to 255, as VM_MAKE_TAG does"},
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_END,
};

static const char text[] =
	"Gives the process SIZE bytes of new memory, zeroed, readable and writable, in whole\n"
	"pages, and prints its address. With ADDRESS it is there or nowhere; what is there\n"
	"already stays, save with --overwrite. The process stands still for the moment of the\n"
	"change. SIZE 0 changes nothing (status 1).\n"
	"\n"
	"  machvm allocate 4242 64K\n"
	"  machvm allocate 4242 4096 0x200000000000";

static int resolve(void *context, struct layout *layout, char **words)
{
	struct request *request = context;
	int status = number_parse_size(words[0], "SIZE", &request->size);

	if (!status && request->tag_word) {
		status = number_parse(request->tag_word, "N", &request->tag);
		if (!status && (request->tag < 1 || request->tag > 255))
			status = failure_say(STATUS_USAGE, "%s is no tag; tags are 1 to 255",
					     request->tag_word);
	}
	if (!status && request->fixed)
		status = address_resolve(layout, words[1], &request->address);
	if (!status && !request->size)
		status = failure_say(STATUS_NOTHING, "SIZE is 0, so nothing is changed");
	return status;
}

static void report(const void *context, const struct target *target)
{
	const struct request *request = context;
	struct json_object *object;

	if (request->verbose)
		failure_note("%" PRIu64 " bytes are allocated at 0x%" PRIx64 " in %s (%d)",
			     request->size, (uint64_t)request->address, target->name, target->pid);
	if (!request->json) {
		printf("0x%" PRIx64 "\n", (uint64_t)request->address);
		return;
	}
	object = json_object_new_object();
	json_add_number(object, "pid", (uint64_t)target->pid);
	json_add(object, "address", json_address(request->address));
	json_add_number(object, "size", request->size);
	json_print(stdout, object);
}

static kern_return_t allocate(void *context, const struct target *target)
{
	struct request *request = context;
	int flags = (request->fixed ? VM_FLAGS_FIXED : VM_FLAGS_ANYWHERE) |
		    (request->overwrite ? VM_FLAGS_OVERWRITE : 0) | (int)VM_MAKE_TAG(request->tag);

	return mach_vm_allocate(target->task, &request->address, request->size, flags);
}

static const struct change change = {resolve, allocate, report};

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	int letter, status;

	while ((letter = words_next(&words)) > 0) {
		request.overwrite |= letter == 'o';
		request.json |= letter == 'j';
		request.verbose |= letter == 'v';
		if (letter == 't')
			request.tag_word = words.value;
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 2, 3);
	request.fixed = words.argc > 2;
	if (!status && request.overwrite && !request.fixed)
		status = failure_say(STATUS_USAGE, "--overwrite goes with an ADDRESS");
	return status ? status : change_run(&change, &request, words.argv);
}

const struct verb verb_allocate = {
	.name = "allocate",
	.synopsis = "TASK SIZE [ADDRESS]",
	.summary = "give a process new memory",
	.text = text,
	.options = options,
	.run = run,
};
