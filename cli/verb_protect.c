/* SPDX-License-Identifier: MIT */
/* machvm protect - what a process may do with its pages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <mach/mach_vm.h>

#include "change.h"
#include "command.h"
#include "failure.h"
#include "json.h"
#include "number.h"

struct request {
	uint64_t address, size;
	vm_prot_t protection;
	int copy, json, verbose;
};

static const struct option_row options[] = {
	{'c', "copy", NULL, "give the process private copies of what it shares or maps from files"},
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_END,
};

static const char text[] =
	"Gives every page that SIZE bytes from ADDRESS on touch the protection PERM: letters\n"
	"of rwx, such as r, rw or r-x, or none. Either every page has it afterwards or none\n"
	"has changed. The process stands still for the moment of the change. SIZE 0 changes\n"
	"nothing (status 1).\n"
	"\n"
	"--copy makes memory writable whose file was opened for reading: its pages become the\n"
	"process's own, and the file is not changed by what is written to them later.\n"
	"\n"
	"  machvm protect 4242 '[heap]' 4096 r\n"
	"  machvm protect redis-server main 16 rwx";

static int parse_protection(const char *word, vm_prot_t *protection)
{
	static const char letters[] = "rwx";
	const char *at;

	*protection = VM_PROT_NONE;
	if (!strcmp(word, "none"))
		return STATUS_DONE;
	for (at = word; *at; at++) {
		const char *letter = strchr(letters, *at);
		vm_prot_t bit = letter ? 1 << (letter - letters) : 0;

		if ((!letter && *at != '-') || (*protection & bit))
			break;
		*protection |= bit;
	}
	if (*at || !*word)
		return failure_say(STATUS_USAGE,
				   "%s is no protection; it is none, or letters of rwx, as in r-x",
				   *word ? word : "an empty word");
	return STATUS_DONE;
}

static int resolve(void *context, struct layout *layout, char **words)
{
	struct request *request = context;
	int status = parse_protection(words[2], &request->protection);

	if (!status)
		status = number_parse_size(words[1], "SIZE", &request->size);
	if (!status)
		status = address_resolve(layout, words[0], &request->address);
	if (!status && !request->size)
		status = failure_say(STATUS_NOTHING, "SIZE is 0, so nothing is changed");
	return status;
}

static void report(const void *context, const struct target *target)
{
	const struct request *request = context;
	const struct region shown = {.protection = request->protection};
	struct json_object *object;

	if (request->verbose)
		failure_note("the pages of %" PRIu64 " bytes at 0x%" PRIx64 " are %s in %s (%d)",
			     request->size, request->address, region_protection(&shown),
			     target->name, target->pid);
	if (!request->json)
		return;
	object = json_object_new_object();
	json_add_number(object, "pid", (uint64_t)target->pid);
	json_add(object, "address", json_address(request->address));
	json_add_number(object, "size", request->size);
	json_add_text(object, "protection", region_protection(&shown));
	json_print(stdout, object);
}

static kern_return_t protect(void *context, const struct target *target)
{
	const struct request *request = context;

	return mach_vm_protect(target->task, request->address, request->size, 0,
			       request->protection | (request->copy ? VM_PROT_COPY : 0));
}

static const struct change change = {resolve, protect, report};

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	int letter, status;

	while ((letter = words_next(&words)) > 0) {
		request.copy |= letter == 'c';
		request.json |= letter == 'j';
		request.verbose |= letter == 'v';
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 4, 4);
	return status ? status : change_run(&change, &request, words.argv);
}

const struct verb verb_protect = {
	.name = "protect",
	.synopsis = "TASK ADDRESS SIZE PERM",
	.summary = "change the protection of pages of a process",
	.text = text,
	.options = options,
	.run = run,
};
