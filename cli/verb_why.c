/* SPDX-License-Identifier: MIT */
/* machvm why - may I, and if not, who refuses and what would help. */
#include <stdio.h>
#include <string.h>

#include <mach/message.h>
#include <machvm.h>

#include "command.h"
#include "failure.h"
#include "json.h"
#include "right.h"
#include "task_name.h"
#include "terminal.h"

static const struct option_row options[] = {
	{'r', "right", "RIGHT", "control (the default), read, inspect or name"},
	OPTION_JSON,
	OPTION_END,
};

static const char text[] =
	"Says whether you may have a right on the process and, if not, which gate refuses and\n"
	"what would open it. Asking changes nothing. Status 0: you may; 4: you may not.\n"
	"\n"
	"  control  write its memory, and everything below\n"
	"  read     read its memory, and everything below\n"
	"  inspect  see its regions, not their contents\n"
	"  name     know which process it is\n"
	"\n"
	"  machvm why redis-server --right read";

/* Several lines, of which names of others may be part. */
static void print_lines(const char *lines)
{
	while (*lines) {
		size_t length = strcspn(lines, "\n");

		terminal_print_some(stdout, lines, length);
		putchar('\n');
		lines += length + (lines[length] == '\n');
	}
}

static int print(int pid, enum machvm_right right, kern_return_t kr, const char *explanation,
		 int json)
{
	struct json_object *object;

	if (kr == MACH_SEND_INVALID_DEST)
		return failure_say(STATUS_NO_TASK, "%.*s", (int)strcspn(explanation, "\n"),
				   explanation);
	if (kr != KERN_SUCCESS && kr != KERN_DENIED)
		return failure_mach(kr);
	if (json) {
		object = json_object_new_object();
		json_add_number(object, "pid", (uint64_t)pid);
		json_add_text(object, "right", right_names[right]);
		json_add(object, "allowed", json_object_new_boolean(kr == KERN_SUCCESS));
		json_add_text(object, "explanation", explanation);
		json_print(stdout, object);
	} else {
		print_lines(explanation);
	}
	return failure_status(kr);
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	enum machvm_right right = MACHVM_RIGHT_CONTROL;
	char explanation[4096] = "";
	int letter, pid, json = 0, status = STATUS_DONE;
	kern_return_t kr;
	size_t length;

	while (!status && (letter = words_next(&words)) > 0) {
		json |= letter == 'j';
		if (letter == 'r')
			status = right_parse(words.value, &right);
	}
	if (!status)
		status = letter == WORDS_STOP ? words.status : words_count(&words, 1, 1);
	if (!status)
		status = task_name_resolve(words.argv[0], &pid);
	if (status)
		return status;
	kr = machvm_explain(pid, right, explanation, sizeof(explanation));
	length = strlen(explanation);
	while (length && explanation[length - 1] == '\n')
		explanation[--length] = '\0';
	return print(pid, right, kr, explanation, json);
}

const struct verb verb_why = {
	.name = "why",
	.synopsis = "TASK [--right RIGHT]",
	.summary = "tell whether you may, and if not, who refuses and what would help",
	.text = text,
	.options = options,
	.run = run,
};
