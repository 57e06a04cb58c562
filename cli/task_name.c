/* SPDX-License-Identifier: MIT */
/* task_name - TASK on the command line: a pid, or the name of one running program. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"
#include "number.h"
#include "process.h"
#include "task_name.h"

#define LISTED 16 /* how many of several programs the sentence names */

struct matches {
	const char *name;
	int pids[LISTED];
	unsigned count;
};

static int is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static int fits(const struct process *process, const char *name)
{
	return !process->kernel && !process->zombie && process->pid != getpid() &&
	       process_is(process, name);
}

static int collect(const struct process *process, void *context)
{
	struct matches *matches = context;

	if (!fits(process, matches->name))
		return 0;
	if (matches->count < LISTED)
		matches->pids[matches->count] = process->pid;
	matches->count++;
	return 0;
}

static int complain_several(const struct matches *matches)
{
	char list[LISTED * 13] = "";
	unsigned i, listed = matches->count < LISTED ? matches->count : LISTED;
	size_t length = 0;

	for (i = 0; i < listed; i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%d",
					   i ? ", " : "", matches->pids[i]);
	return failure_say(
		STATUS_USAGE, "%u running programs are called %s: pids %s%s; give the pid",
		matches->count, matches->name, list, matches->count > LISTED ? " and more" : "");
}

int task_name_resolve(const char *text, int *pid)
{
	struct matches matches = {.name = text};
	uint64_t number;

	if (is_number(text)) {
		const char *digits = text + strspn(text, "0");

		if (!*digits || number_read(digits, &number) || number > INT_MAX)
			return failure_say(STATUS_NO_TASK, "there is no process %s", text);
		*pid = (int)number;
		return STATUS_DONE;
	}
	if (!*text)
		return failure_say(STATUS_USAGE,
				   "TASK is empty; give a pid or the name of a program");
	if (process_each(collect, &matches) < 0)
		return failure_say(STATUS_OTHER,
				   "/proc cannot be read, so no program is found by its name");
	if (!matches.count)
		return failure_say(STATUS_NO_TASK, "no running program is called %s", text);
	if (matches.count > 1)
		return complain_several(&matches);
	*pid = matches.pids[0];
	return STATUS_DONE;
}

int task_name_fits(const char *text, int pid)
{
	struct process process;

	return is_number(text) || (!process_read(pid, &process) && fits(&process, text));
}
