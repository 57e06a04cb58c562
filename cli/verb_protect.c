/* SPDX-License-Identifier: MIT */
/* machvm protect - what a process may do with its pages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <mach/mach_vm.h>

#include "address.h"
#include "command.h"
#include "failure.h"
#include "interrupt.h"
#include "json.h"
#include "number.h"
#include "target.h"

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

static int resolve(struct request *request, struct layout *layout, char **words)
{
	int status = parse_protection(words[2], &request->protection);

	if (!status)
		status = number_parse_size(words[1], "SIZE", &request->size);
	if (!status)
		status = address_resolve(layout, words[0], &request->address);
	if (!status && !request->size)
		status = failure_say(STATUS_NOTHING, "SIZE is 0, so nothing is changed");
	return status;
}

static void report(const struct request *request, const struct target *target)
{
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

static int protect(struct request *request, const struct target *target, char **words)
{
	struct layout layout = {.target = target};
	int status = resolve(request, &layout, words);
	kern_return_t kr;

	layout_free(&layout);
	if (status)
		return status;
	/* From here the change is finished first, and Ctrl-C comes too late to halve it. */
	interrupt_watch(NULL);
	kr = mach_vm_protect(target->task, request->address, request->size, 0,
			     request->protection | (request->copy ? VM_PROT_COPY : 0));
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
		request.copy |= letter == 'c';
		request.json |= letter == 'j';
		request.verbose |= letter == 'v';
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 4, 4);
	if (status)
		return status;
	status = target_open(&target, words.argv[0], MACHVM_RIGHT_CONTROL);
	if (!status)
		status = protect(&request, &target, words.argv + 1);
	target_close(&target);
	return status;
}

const struct verb verb_protect = {
	.name = "protect",
	.synopsis = "TASK ADDRESS SIZE PERM",
	.summary = "change the protection of pages of a process",
	.text = text,
	.options = options,
	.run = run,
};
