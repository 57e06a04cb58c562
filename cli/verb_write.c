/* SPDX-License-Identifier: MIT */
/* machvm write - bytes into the memory of a process. */
#include <inttypes.h>
#include <stdio.h>

#include <machvm.h>

#include "address.h"
#include "command.h"
#include "failure.h"
#include "input.h"
#include "interrupt.h"
#include "json.h"
#include "number.h"
#include "target.h"
#include "unprotect.h"
#include "value.h"

struct request {
	const char *address; /* as typed */
	char **values;
	int value_count;
	const char *input; /* a file instead of values */
	const char *size;  /* as typed, or null: how much of it */
	unsigned flags;
	int unprotect, json, verbose;
};

static const struct option_row options[] = {
	{'i', "input", "FILE", "write what FILE holds; - is standard input"},
	{'s', "size", "SIZE", "exactly so many bytes of it; with fewer, nothing is written"},
	{'t', "transaction", NULL, "all or nothing even if the memory is remapped meanwhile"},
	{'u', "unprotect", NULL, "also where it may not write now; protections stay as they are"},
	OPTION_FORCE,
	OPTION_NOWAIT,
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_END,
};

static const char text[] =
	"Writes the bytes of the VALUES, one after the other, at ADDRESS. Either every byte\n"
	"is in place afterwards or none. The process goes on running, and must itself be\n"
	"allowed to write there.\n"
	"\n"
	"str: is written as it is, without a closing null; add u8:0 for one. The words\n"
	"after hex: need no quotes: hex:de ad be ef. An empty run of bytes changes nothing\n"
	"(status 1). Nothing is printed without --verbose or --json.\n"
	"\n"
	"--unprotect writes as if the pages had been made writable for the moment: private\n"
	"memory as --force does, and shared memory too, if the process could make it writable.\n"
	"No protection is changed meanwhile, so none has to be restored.\n"
	"\n"
	"  machvm write redis-server 0x7f3a12345678 str:hello\n"
	"  machvm write 4242 counter u64:0 f64:1.5\n"
	"  machvm write 4242 '[heap]+4096' --input patch.bin";

static int resolve_pointer(void *cookie, const char *text_of_address, uint64_t *address)
{
	return address_resolve(cookie, text_of_address, address);
}

static int collect(const struct request *request, struct layout *layout, struct values *values)
{
	const struct value_context context = {
		.word = layout->target->word,
		.resolve = resolve_pointer,
		.cookie = layout,
	};
	uint64_t size = INPUT_ALL;
	int status;

	if (!request->input)
		return values_parse(values, &context, request->values, request->value_count);
	if (request->size) {
		status = number_parse_size(request->size, "SIZE", &size);
		if (status)
			return status;
	}
	return input_read(request->input, size, &values->data);
}

static void report(const struct request *request, const struct target *target, uint64_t address,
		   size_t size)
{
	struct json_object *object;

	if (request->verbose)
		failure_note("%zu bytes are written at 0x%" PRIx64 " in %s (%d)", size, address,
			     target->name, target->pid);
	if (!request->json)
		return;
	object = json_object_new_object();
	json_add_number(object, "pid", (uint64_t)target->pid);
	json_add(object, "address", json_address(address));
	json_add_number(object, "size", size);
	json_print(stdout, object);
}

static int write_values(const struct request *request, struct layout *layout,
			const struct values *values)
{
	const struct target *target = layout->target;
	kern_return_t kr;
	uint64_t address;
	int status = address_resolve(layout, request->address, &address);

	if (status)
		return status;
	if (!values->data.size)
		return failure_say(STATUS_NOTHING,
				   "there are no bytes to write, so nothing is changed");
	/* From here the write is finished first, and Ctrl-C comes too late to halve it. */
	interrupt_watch(NULL);
	if (request->unprotect) {
		status = unprotect_write(target, address, values->data.data,
					 values->data.size, request->flags);
	} else {
		kr = machvm_write(target->task, address, values->data.data, values->data.size,
				  request->flags);
		status = kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
	}
	if (status)
		return status;
	report(request, target, address, values->data.size);
	return STATUS_DONE;
}

static int write_target(const struct request *request, const struct target *target)
{
	struct layout layout = {.target = target};
	struct values values = {0};
	int status = collect(request, &layout, &values);

	if (!status)
		status = write_values(request, &layout, &values);
	values_free(&values);
	layout_free(&layout);
	return status;
}

static int parse(struct request *request, struct words *words)
{
	int letter, status;

	while ((letter = words_next(words)) > 0) {
		request->flags |= letter == 't' ? MACHVM_TRANSACTION : 0;
		request->flags |= letter == 'f' ? MACHVM_FORCE : 0;
		request->flags |= letter == 'n' ? MACHVM_NOWAIT : 0;
		request->unprotect |= letter == 'u';
		request->json |= letter == 'j';
		request->verbose |= letter == 'v';
		if (letter == 'i')
			request->input = words->value;
		if (letter == 's')
			request->size = words->value;
	}
	if (letter == WORDS_STOP)
		return words->status;
	status = words_count(words, request->input ? 2 : 3, request->input ? 2 : -1);
	if (!status && request->size && !request->input)
		status = failure_say(STATUS_USAGE, "--size goes with --input; VALUES have a size");
	return status;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	struct target target;
	int status = parse(&request, &words);

	if (status)
		return status;
	request.address = words.argv[1];
	request.values = words.argv + 2;
	request.value_count = words.argc - 2;
	status = target_open(&target, words.argv[0], MACHVM_RIGHT_CONTROL);
	if (!status)
		status = write_target(&request, &target);
	target_close(&target);
	return status;
}

const struct verb verb_write = {
	.name = "write",
	.synopsis = "TASK ADDRESS VALUE... | TASK ADDRESS --input FILE [--size SIZE]",
	.summary = "write bytes into the memory of a process",
	.text = text,
	.options = options,
	.run = run,
};
