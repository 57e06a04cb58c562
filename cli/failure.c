/* SPDX-License-Identifier: MIT */
/*
 * failure - how the command says what went wrong.
 *
 * The library writes the sentence (machvm_last_error()); this file knows which
 * exit status a code of the library stands for, and nothing else about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <mach/mach_error.h>
#include <mach/message.h>
#include <machvm.h>

#include "failure.h"
#include "progress.h"
#include "terminal.h"

/* Names come from other people's processes: nothing in them may steer our terminal. */
static void say(const char *style, const char *format, va_list arguments)
{
	char sentence[4096];

	vsnprintf(sentence, sizeof(sentence), format, arguments);
	progress_clear();
	fprintf(stderr, "%smachvm:%s ", terminal_style(stderr, style),
		terminal_style(stderr, TERMINAL_PLAIN));
	terminal_print(stderr, sentence);
	fputc('\n', stderr);
}

int failure_say(enum status status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(TERMINAL_RED, format, arguments);
	va_end(arguments);
	return status;
}

void failure_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(TERMINAL_BOLD, format, arguments);
	va_end(arguments);
}

enum status failure_status(kern_return_t kr)
{
	switch (kr) {
	case KERN_SUCCESS:
		return STATUS_DONE;
	case MACH_SEND_INVALID_DEST:
		return STATUS_NO_TASK;
	case KERN_DENIED:
		return STATUS_DENIED;
	case KERN_INVALID_ADDRESS:
		return STATUS_ADDRESS;
	case KERN_PROTECTION_FAILURE:
		return STATUS_PROTECTION;
	case KERN_MEMORY_ERROR:
	case KERN_NO_ACCESS:
		return STATUS_MEMORY;
	case KERN_RESOURCE_SHORTAGE:
	case KERN_NO_SPACE:
		return STATUS_RESOURCES;
	default:
		return STATUS_OTHER;
	}
}

/* The library speaks of its flags, people on the command line have options. */
static void name_options(char *sentence, size_t size, const char *message)
{
	static const struct {
		const char *flag, *option;
	} names[] = {
		{"the flag MACHVM_FORCE", "--force"},
		{"MACHVM_FORCE", "--force"},
		{"MACHVM_NOWAIT", "--nowait"},
		{"MACHVM_TRANSACTION", "--transaction"},
	};
	size_t i, length = 0;

	while (*message && length + 1 < size) {
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (!strncmp(message, names[i].flag, strlen(names[i].flag)))
				break;
		}
		if (i == sizeof(names) / sizeof(names[0])) {
			sentence[length++] = *message++;
			continue;
		}
		message += strlen(names[i].flag);
		length += (size_t)snprintf(sentence + length, size - length, "%s", names[i].option);
	}
	sentence[length < size ? length : size - 1] = '\0';
}

int failure_mach(kern_return_t kr)
{
	const struct machvm_error *error = machvm_last_error();
	enum status status = failure_status(kr);
	char sentence[1024];

	if (error->code != kr || !error->message[0])
		return failure_say(status, "%s", mach_error_string(kr));
	name_options(sentence, sizeof(sentence), error->message);
	if (error->done)
		return failure_say(status, "%s; %llu bytes are changed already", sentence,
				   (unsigned long long)error->done);
	return failure_say(status, "%s", sentence);
}

int failure_system(int error, const char *what)
{
	switch (error) {
	case ENOMEM:
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
		return failure_say(STATUS_RESOURCES, "%s: %s", what, strerror(error));
	default:
		return failure_say(STATUS_OTHER, "%s: %s", what, strerror(error));
	}
}
