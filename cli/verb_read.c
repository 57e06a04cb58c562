/* SPDX-License-Identifier: MIT */
/* machvm read - bytes out of the memory of a process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <machvm.h>

#include "address.h"
#include "command.h"
#include "failure.h"
#include "interrupt.h"
#include "number.h"
#include "progress.h"
#include "reading.h"
#include "region_list.h"
#include "sink.h"
#include "target.h"
#include "value.h"

#define PIECE          (1u << 20) /* a multiple of every unit and of a line */
#define LONGEST_STRING (1u << 20)

struct request {
	const char *address, *amount; /* as typed; amount may be null with a type */
	const char *output;
	const struct value_type *type;
	unsigned flags;
	int raw, json;
};

static const struct option_row options[] = {
	{'a', "as", "TYPE", "typed values: u8 u16 u32 u64 i8 ... f32 f64 ptr str hex"},
	{'c', "count", "N", "so many values (or bytes, without --as)"},
	{'r', "raw", NULL, "the bytes as they are"},
	{'o', "output", "FILE", "into FILE, which appears whole or not at all"},
	OPTION_FORCE,
	OPTION_NOWAIT,
	OPTION_JSON,
	OPTION_END,
};

static const char text[] =
	"Prints SIZE bytes at ADDRESS as a hex dump, or with --as COUNT values of that type\n"
	"(one without COUNT). str is text up to a null byte, control characters as \\xNN; the\n"
	"next one begins behind the null.\n"
	"\n"
	"Nothing is printed when a part of the range cannot be read. A long read to standard\n"
	"output goes on piece by piece, and what changes meanwhile may end it in the middle.\n"
	"After Ctrl-C the status is 9, and FILE is left as it was. A closed pipe is status 9.\n"
	"\n"
	"  machvm read redis-server server 64\n"
	"  machvm read 4242 '[heap]+0x10' --as u64 4\n"
	"  machvm read 4242 libc --as hex 4\n"
	"  machvm read 4242 '[heap]' 128K --raw --output heap.bin";

/*
 * A long read prints before it has seen the end. So the regions are asked first;
 * where one does not fit, a read of that byte gives the reason in full.
 */
static int check_ahead(const struct reading *reading, const struct target *target, unsigned flags)
{
	struct region_list list;
	uint64_t at = reading->address, end;
	unsigned char byte;
	kern_return_t kr;
	size_t i;
	int status;

	if (__builtin_add_overflow(at, reading->size, &end))
		end = ~0ull;
	status = region_list_read(&list, target->task, at, end, NULL);
	if (status)
		return status;
	for (i = 0; i < list.count && at < end; i++) {
		const struct region *region = &list.items[i];

		if (region->start > at ||
		    (!(region->protection & VM_PROT_READ) && !(flags & MACHVM_FORCE)))
			break;
		at = region->end;
	}
	region_list_free(&list);
	if (at >= end)
		return STATUS_DONE;
	kr = machvm_read(target->task, at, &byte, 1, flags);
	return kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
}

static int complain_interrupted(const struct sink *sink)
{
	if (sink->path)
		return failure_say(STATUS_OTHER, "interrupted; %s is left as it was", sink->path);
	return failure_say(STATUS_OTHER, "interrupted before the end");
}

static int read_pieces(struct reading *reading, const struct target *target,
		       const struct sink *sink, unsigned flags)
{
	size_t most = reading->size < PIECE ? (size_t)reading->size : PIECE;
	unsigned char *data = memory_resize(NULL, most, 1);
	struct progress progress;
	uint64_t done = 0;
	int status = STATUS_DONE;

	progress_start(&progress, "reading", reading->size, sink->is_file);
	while (done < reading->size && !sink_failed(reading->stream) && !interrupt_pending()) {
		size_t size = reading->size - done < most ? (size_t)(reading->size - done) : most;
		kern_return_t kr =
			machvm_read(target->task, reading->address + done, data, size, flags);

		if (kr != KERN_SUCCESS) {
			status = failure_mach(kr);
			break;
		}
		reading_show(reading, reading->address + done, data, size);
		done += size;
		progress_advance(&progress, size);
	}
	progress_end(&progress);
	free(data);
	if (!status && interrupt_pending() && (done < reading->size || ferror(reading->stream)))
		status = complain_interrupted(sink);
	return status;
}

/* A string may end just before memory that cannot be read: never look across a page. */
static int read_string(const struct target *target, uint64_t address, unsigned flags,
		       struct bytes *string)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t start = address;

	string->size = 0;
	while (string->size < LONGEST_STRING) {
		size_t size = page - (address & (page - 1));
		unsigned char *data = bytes_reserve(string, size), *end;
		kern_return_t kr = machvm_read(target->task, address, data, size, flags);

		if (kr != KERN_SUCCESS)
			return failure_mach(kr);
		end = memchr(data, '\0', size);
		string->size += end ? (size_t)(end - data) : size;
		if (end)
			return STATUS_DONE;
		address += size;
	}
	return failure_say(STATUS_OTHER,
			   "there is no null byte within 1 MiB of 0x%llx, so no string",
			   (unsigned long long)start);
}

static int read_strings(struct reading *reading, const struct target *target, uint64_t count,
			unsigned flags)
{
	struct bytes string = {0};
	uint64_t address = reading->address;
	int status = STATUS_DONE;

	while (!status && count && !sink_failed(reading->stream) && !interrupt_pending()) {
		status = read_string(target, address, flags, &string);
		if (!status)
			reading_show(reading, address, string.data, string.size);
		address += string.size + 1;
		count--;
	}
	bytes_free(&string);
	if (!status && count && interrupt_pending())
		status = failure_say(STATUS_OTHER, "interrupted before the end");
	return status;
}

static int read_memory(struct reading *reading, const struct request *request,
		       const struct target *target, uint64_t count)
{
	struct sink sink;
	int status = STATUS_DONE;

	if (reading->size > PIECE)
		status = check_ahead(reading, target, request->flags);
	if (!status)
		status = sink_open(&sink, request->output);
	if (status)
		return status;
	interrupt_watch(sink.stream);
	reading->stream = sink.stream;
	if (request->type && request->type->kind == VALUE_TEXT)
		status = read_strings(reading, target, count, request->flags);
	else
		status = read_pieces(reading, target, &sink, request->flags);
	reading_end(reading);
	return sink_close(&sink, status);
}

/* What TYPE, SIZE and COUNT come to: `count` values of reading->unit bytes. */
static int plan(struct reading *reading, const struct request *request, const struct target *target,
		uint64_t *count)
{
	const struct value_type *type = request->type;
	int status;

	*count = 1;
	if (request->amount) {
		status = number_parse_size(request->amount, type ? "COUNT" : "SIZE", count);
		if (status)
			return status;
	}
	*reading = (struct reading){.type = type, .json = request->json, .unit = 1};
	reading->format = request->raw ? READING_RAW : type ? READING_VALUES : READING_DUMP;
	if (type && type->kind != VALUE_TEXT)
		reading->unit = type->kind == VALUE_POINTER ? target->word : type->size;
	if (__builtin_mul_overflow(*count, reading->unit, &reading->size))
		return failure_say(STATUS_USAGE, "%s values are more than fit in 64 bits",
				   request->amount);
	if (!*count)
		return failure_say(STATUS_NOTHING, "there is nothing to read: the size is 0");
	return STATUS_DONE;
}

static int read_target(const struct request *request, const struct target *target)
{
	struct layout layout = {.target = target};
	struct reading reading;
	uint64_t count, address;
	int status = plan(&reading, request, target, &count);

	if (!status)
		status = address_resolve(&layout, request->address, &address);
	layout_free(&layout);
	if (status)
		return status;
	reading.address = address;
	return read_memory(&reading, request, target, count);
}

static int set_option(struct request *request, int letter, const char *value)
{
	request->raw |= letter == 'r';
	request->json |= letter == 'j';
	request->flags |= letter == 'f' ? MACHVM_FORCE : 0;
	request->flags |= letter == 'n' ? MACHVM_NOWAIT : 0;
	if (letter == 'o')
		request->output = value;
	if (letter == 'c')
		request->amount = value;
	if (letter != 'a')
		return STATUS_DONE;
	request->type = value_type_find(value, strlen(value));
	if (request->type)
		return STATUS_DONE;
	return failure_say(STATUS_USAGE, "%s is no type; types are %s", value, value_type_names);
}

static int parse(struct request *request, struct words *words)
{
	int letter, status = STATUS_DONE;

	while (!status && (letter = words_next(words)) > 0)
		status = set_option(request, letter, words->value);
	if (status)
		return status;
	if (letter == WORDS_STOP)
		return words->status;
	status = words_count(words, request->type || request->amount ? 2 : 3,
			     request->amount ? 2 : 3);
	if (status)
		return status;
	request->address = words->argv[1];
	if (words->argc == 3)
		request->amount = words->argv[2];
	if (request->raw && request->json)
		return failure_say(STATUS_USAGE, "--raw and --json exclude each other");
	if (request->raw && request->type && request->type->kind == VALUE_TEXT)
		return failure_say(STATUS_USAGE, "--raw and --as str exclude each other");
	return STATUS_DONE;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct request request = {0};
	struct target target;
	int status = parse(&request, &words);

	if (status)
		return status;
	status = target_open(&target, words.argv[0], MACHVM_RIGHT_READ);
	if (!status)
		status = read_target(&request, &target);
	target_close(&target);
	return status;
}

const struct verb verb_read = {
	.name = "read",
	.synopsis = "TASK ADDRESS SIZE | TASK ADDRESS --as TYPE [COUNT]",
	.summary = "print bytes of the memory of a process",
	.text = text,
	.options = options,
	.run = run,
};
