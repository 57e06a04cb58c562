/* SPDX-License-Identifier: MIT */
/* machvm resume - the end of machvm suspend. */
#include <errno.h>
#include <stdio.h>

#include "command.h"
#include "failure.h"
#include "holder.h"
#include "json.h"
#include "target.h"

static const struct option_row options[] = {
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_END,
};

static const char text[] =
	"Ends what machvm suspend began, and returns when the threads go on. One that nobody\n"
	"suspended is left alone (status 1). What another program suspended goes on when that\n"
	"program says so, or ends (status 4).\n"
	"\n"
	"  machvm resume 4242";

static int resume(const struct target *target, int *changed)
{
	struct holder holder;
	int r = holder_find(target->pid, &holder);

	*changed = 0;
	if (r)
		return failure_say(STATUS_NO_TASK, "process %d is gone", target->pid);
	if (!holder.tracer)
		return failure_say(STATUS_NOTHING, "%s (%d) is not suspended", target->name,
				   target->pid);
	if (!holder.ours)
		return failure_say(STATUS_DENIED, "%s (%d) is held by %s (%d), not by machvm",
				   target->name, target->pid,
				   holder.name[0] ? holder.name : "a process", (int)holder.pid);
	r = holder_end(target->pid, &holder);
	if (r == -EPERM)
		return failure_say(STATUS_DENIED,
				   "%s (%d) was suspended by another user's machvm (%d)",
				   target->name, target->pid, (int)holder.pid);
	if (r)
		return failure_system(-r, "the holder");
	*changed = 1;
	return STATUS_DONE;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct target target = {0};
	int letter, json = 0, verbose = 0, changed, status;

	while ((letter = words_next(&words)) > 0) {
		json |= letter == 'j';
		verbose |= letter == 'v';
	}
	status = letter == WORDS_STOP ? words.status : words_count(&words, 1, 1);
	if (!status)
		status = target_open(&target, words.argv[0], MACHVM_RIGHT_NAME);
	if (!status)
		status = resume(&target, &changed);
	if (!status && verbose)
		failure_note("%s (%d) goes on", target.name, target.pid);
	if (!status && json) {
		struct json_object *object = json_object_new_object();

		json_add_number(object, "pid", (uint64_t)target.pid);
		json_print(stdout, object);
	}
	target_close(&target);
	return status;
}

const struct verb verb_resume = {
	.name = "resume",
	.synopsis = "TASK",
	.summary = "let a suspended process go on",
	.text = text,
	.options = options,
	.run = run,
};
