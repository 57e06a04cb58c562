/* SPDX-License-Identifier: MIT */
/* machvm info - which process it is, what it has mapped, and what you may do. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <mach/mach_traps.h>

#include <machvm.h>

#include "brokered.h"
#include "command.h"
#include "failure.h"
#include "granted.h"
#include "json.h"
#include "process.h"
#include "right.h"
#include "size.h"
#include "target.h"
#include "terminal.h"

enum total { MAPPED, READABLE, WRITABLE, EXECUTABLE, ANONYMOUS, FILES, SHARED, TOTAL_COUNT };

static const char *const total_names[TOTAL_COUNT] = {
	[MAPPED] = "mapped",         [READABLE] = "readable",   [WRITABLE] = "writable",
	[EXECUTABLE] = "executable", [ANONYMOUS] = "anonymous", [FILES] = "files",
	[SHARED] = "shared",
};

struct facts {
	const struct target *target;
	char program[PATH_MAX];
	int regions_known;
	uint64_t regions;
	uint64_t totals[TOTAL_COUNT];
	int may[RIGHT_COUNT];
	char reasons[RIGHT_COUNT][512]; /* the first line of each explanation */
};

static const struct option_row options[] = {
	OPTION_JSON,
	OPTION_END,
};

static const char text[] =
	"Shows which process it is, the size of its pointers, how much memory it has mapped\n"
	"(not how much of that is in use), and which rights on it you may have. What you may\n"
	"not see is left out; machvm why tells the reason. With --broker the rights are those "
	"that\n"
	"the broker gives, and the reasons the broker's.";

static int add_region(const struct machvm_region *region, void *context)
{
	struct facts *facts = context;

	facts->regions++;
	facts->totals[MAPPED] += region->size;
	facts->totals[READABLE] += region->protection & VM_PROT_READ ? region->size : 0;
	facts->totals[WRITABLE] += region->protection & VM_PROT_WRITE ? region->size : 0;
	facts->totals[EXECUTABLE] += region->protection & VM_PROT_EXECUTE ? region->size : 0;
	facts->totals[region->inode ? FILES : ANONYMOUS] += region->size;
	facts->totals[SHARED] += region->shared ? region->size : 0;
	return 0;
}

/* Which rights the broker gives, and its reasons; the caller's own are another question. */
static int ask_broker(struct facts *facts, int pidfd)
{
	unsigned i;

	for (i = 0; i < RIGHT_COUNT; i++) {
		kern_return_t kr;
		int status = brokered_try(pidfd, (enum machvm_right)i, &kr);

		if (status)
			return status;
		facts->may[i] = kr == KERN_SUCCESS;
		if (kr != KERN_SUCCESS && kr != KERN_DENIED)
			return failure_mach(kr);
		if (kr == KERN_DENIED)
			snprintf(facts->reasons[i], sizeof(facts->reasons[i]), "%s",
				 machvm_last_error()->message);
	}
	return STATUS_DONE;
}

static int collect_brokered(struct facts *facts)
{
	int pidfd = target_hold(facts->target->pid), pid, status;

	if (pidfd < 0)
		return failure_system(-pidfd, "cannot hold the process");
	status = ask_broker(facts, pidfd);
	close(pidfd);
	/* While the port's process lives, the number was its own. */
	if (!status && pid_for_task(facts->target->task, &pid) != KERN_SUCCESS)
		return failure_say(STATUS_NO_TASK, "the process has just ended");
	return status;
}

static void collect_rights(struct facts *facts)
{
	char explanation[4096];
	unsigned i;

	for (i = 0; i < RIGHT_COUNT; i++) {
		explanation[0] = '\0';
		facts->may[i] = machvm_explain(facts->target->pid, (enum machvm_right)i,
					       explanation, sizeof(explanation)) == KERN_SUCCESS;
		snprintf(facts->reasons[i], sizeof(facts->reasons[i]), "%.*s",
			 (int)strcspn(explanation, "\n"), explanation);
	}
}

/* The name port always opens; the regions are a second question. */
static int collect(struct facts *facts, const char *task_name)
{
	struct target seen;
	int status = STATUS_DONE;

	if (process_program(facts->target->pid, facts->program))
		facts->program[0] = '\0';
	if (brokered_asks() && !granted_is(task_name))
		status = collect_brokered(facts);
	else
		collect_rights(facts);
	if (status || !facts->may[MACHVM_RIGHT_INSPECT])
		return status;
	status = target_open(&seen, task_name, MACHVM_RIGHT_INSPECT);
	if (!status && machvm_region_walk(seen.task, 0, ~0ull, add_region, facts) == KERN_SUCCESS)
		facts->regions_known = 1;
	target_close(&seen);
	return status;
}

static void print_json(const struct facts *facts)
{
	struct json_object *object = json_object_new_object(), *part;
	unsigned i;

	json_add_number(object, "pid", (uint64_t)facts->target->pid);
	json_add_text(object, "name", facts->target->name);
	if (facts->program[0])
		json_add_text(object, "program", facts->program);
	if (facts->regions_known) {
		json_add_number(object, "pointer_bits", 8 * facts->target->word);
		json_add_number(object, "regions", facts->regions);
		part = json_object_new_object();
		for (i = 0; i < TOTAL_COUNT; i++)
			json_add_number(part, total_names[i], facts->totals[i]);
		json_add(object, "bytes", part);
	}
	part = json_object_new_object();
	for (i = 0; i < RIGHT_COUNT; i++)
		json_add(part, right_names[i], json_object_new_boolean(facts->may[i]));
	json_add(object, "rights", part);
	json_print(stdout, object);
}

static void print_line(const char *name, const char *value)
{
	printf("%s%-11s%s", terminal_style(stdout, TERMINAL_BOLD), name,
	       terminal_style(stdout, TERMINAL_PLAIN));
	terminal_print(stdout, value);
	putchar('\n');
}

static void print_totals(const struct facts *facts)
{
	char line[64], size[16];
	unsigned i;

	snprintf(line, sizeof(line), "%u bits", 8 * facts->target->word);
	print_line("pointers", line);
	snprintf(line, sizeof(line), "%" PRIu64, facts->regions);
	print_line("regions", line);
	for (i = 0; i < TOTAL_COUNT; i++) {
		size_print(size, sizeof(size), facts->totals[i]);
		print_line(total_names[i], size);
	}
}

static void print_text(const struct facts *facts)
{
	char line[600];
	unsigned i;

	snprintf(line, sizeof(line), "%s (%d)", facts->target->name, facts->target->pid);
	print_line("process", line);
	if (facts->program[0])
		print_line("program", facts->program);
	if (facts->regions_known)
		print_totals(facts);
	for (i = 0; i < RIGHT_COUNT; i++) {
		snprintf(line, sizeof(line), facts->may[i] ? "yes" : "no: %s", facts->reasons[i]);
		print_line(right_names[i], line);
	}
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	struct facts facts = {0};
	struct target target = {0};
	int letter, json = 0, status;

	while ((letter = words_next(&words)) > 0)
		json |= letter == 'j';
	status = letter == WORDS_STOP ? words.status : words_count(&words, 1, 1);
	if (!status)
		status = target_open(&target, words.argv[0], MACHVM_RIGHT_NAME);
	facts.target = &target;
	if (!status)
		status = collect(&facts, words.argv[0]);
	if (!status && json)
		print_json(&facts);
	else if (!status)
		print_text(&facts);
	target_close(&target);
	return status;
}

const struct verb verb_info = {
	.name = "info",
	.synopsis = "TASK",
	.summary = "show which process it is, what it has mapped and what you may do",
	.text = text,
	.options = options,
	.run = run,
};
