/* SPDX-License-Identifier: MIT */
/* machvm copy - bytes from one place to another inside a process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <mach/mach_vm.h>

#include "change.h"
#include "command.h"
#include "failure.h"
#include "json.h"
#include "memory.h"
#include "number.h"

struct request {
	uint64_t source, size, destination;
	unsigned flags;
	int json, verbose;
};

static const struct option_row options[] = {
	{'t', "transaction", NULL, "all or nothing even if the memory is remapped meanwhile"},
	OPTION_FORCE,
	OPTION_NOWAIT,
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_END,
};

static const char text[] =
	"Copies SIZE bytes from SOURCE to DEST inside the memory of the process. SOURCE must\n"
	"be readable and DEST writable; they may overlap. Either every byte is in place\n"
	"afterwards or none. SIZE 0 changes nothing (status 1).\n"
	"\n"
	"  machvm copy 4242 '[heap]+0x100' 64 '[heap]+0x200'";

static int resolve(void *context, struct layout *layout, char **words)
{
	struct request *request = context;
	int status = address_resolve(layout, words[0], &request->source);

	if (!status)
		status = number_parse_size(words[1], "SIZE", &request->size);
	if (!status)
		status = address_resolve(layout, words[2], &request->destination);
	if (!status && !request->size)
		status = failure_say(STATUS_NOTHING, "SIZE is 0, so nothing is changed");
	return status;
}

static void report(const void *context, const struct target *target)
{
	const struct request *request = context;
	struct json_object *object;

	if (request->verbose)
		failure_note("%" PRIu64 " bytes are copied from 0x%" PRIx64 " to 0x%" PRIx64
			     " in %s (%d)",
			     request->size, request->source, request->destination, target->name,
			     target->pid);
	if (!request->json)
		return;
	object = json_object_new_object();
	json_add_number(object, "pid", (uint64_t)target->pid);
	json_add(object, "source", json_address(request->source));
	json_add_number(object, "size", request->size);
	json_add(object, "destination", json_address(request->destination));
	json_print(stdout, object);
}

/* mach_vm_copy() knows no flags; with them the bytes pass through this process. */
static kern_return_t copy_bytes(void *context, const struct target *target)
{
	const struct request *request = context;
	unsigned char *data;
	kern_return_t kr;

	if (!request->flags)
		return mach_vm_copy(target->task, request->source, request->size,
				    request->destination);
	data = memory_resize(NULL, request->size, 1);
	kr = machvm_read(target->task, request->source, data, request->size, request->flags);
	if (kr == KERN_SUCCESS)
		kr = machvm_write(target->task, request->destination, data, request->size,
				  request->flags);
	free(data);
	return kr;
}

static const struct change change = {resolve, copy_bytes, report};

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	int letter, status;

	while ((letter = words_next(&words)) > 0) {
		request.flags |= letter == 't' ? MACHVM_TRANSACTION : 0;
		request.flags |= letter == 'f' ? MACHVM_FORCE : 0;
		request.flags |= letter == 'n' ? MACHVM_NOWAIT : 0;
		request.json |= letter == 'j';
		request.verbose |= letter == 'v';
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 4, 4);
	return status ? status : change_run(&change, &request, words.argv);
}

const struct verb verb_copy = {
	.name = "copy",
	.synopsis = "TASK SOURCE SIZE DEST",
	.summary = "copy bytes from one place to another inside a process",
	.text = text,
	.options = options,
	.run = run,
};
