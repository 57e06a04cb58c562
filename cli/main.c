/* SPDX-License-Identifier: MIT */
/*
 * machvm - the Mach virtual-memory interface on the command line.
 *
 * This file knows the verbs by name and nothing about what they do.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <machvm.h>

#include "audit.h"
#include "brokered.h"
#include "command.h"
#include "failure.h"
#include "sink.h"

extern const struct verb verb_allocate, verb_copy, verb_deallocate, verb_find, verb_grant, verb_info,
	verb_protect, verb_read, verb_regions, verb_resume, verb_suspend, verb_threads, verb_why,
	verb_write;

static const struct verb *const verbs[] = {
	&verb_write,    &verb_read,       &verb_copy,    &verb_find, &verb_protect,
	&verb_allocate, &verb_deallocate, &verb_suspend, &verb_resume, &verb_regions, &verb_threads,
	&verb_info,     &verb_why,        &verb_grant,
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++) {
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	}
	return NULL;
}

static void print_help(FILE *stream)
{
	size_t i;

	fputs("usage: machvm [--broker[=SOCKET]] [--audit[=stderr]] VERB TASK ...\n"
	      "\n"
	      "Reads, writes, changes and shows the memory of a running process.\n"
	      "\n",
	      stream);
	for (i = 0; i < VERB_COUNT; i++)
		fprintf(stream, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("  help       tell about a verb: machvm help VERB, or machvm VERB --help\n"
	      "\n"
	      "TASK is a pid, the name of exactly one running program, or @ below machvm grant.\n"
	      "ADDRESS is a number (0x1234), a symbol, symbol+8, module:symbol, module+0x1234,\n"
	      "[heap]+16, [stack] or [anon:NAME]. A symbol is looked for in the program, then in\n"
	      "its libraries.\n"
	      "VALUE is u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 ptr str or hex, a colon and the\n"
	      "value: u32:1234, str:hello, 'hex:de ad be ef'; ptr:ADDRESS is a pointer.\n"
	      "With --broker a daemon opens the process, see machvmd(8). With --audit a line about\n"
	      "what was opened goes to syslog.\n"
	      "SIZE may end in K, M, G or T. What begins with a dash is an option up to --.\n"
	      "\n"
	      "Exit status: 0 done, 1 nothing found or nothing changed, 2 wrong usage, 3 no such\n"
	      "task, 4 denied, 5 invalid address, 6 protection failure, 7 memory error or no\n"
	      "access, 8 no resources, 9 anything else (a closed pipe and Ctrl-C as well).\n"
	      "Results go to standard output, everything else to standard error; a failure is\n"
	      "one sentence there, also with --json. Debug symbols are looked for on this\n"
	      "machine only.\n",
	      stream);
}

static int help(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;

	if (argc > 2)
		return failure_say(STATUS_USAGE, "usage: machvm help [VERB]");
	if (argc > 1 && !verb)
		return failure_say(STATUS_USAGE, "%s is no verb; see machvm help", argv[1]);
	if (verb)
		verb_help(verb);
	else
		print_help(stdout);
	return STATUS_DONE;
}

static int run(int argc, char **argv)
{
	const struct verb *verb;

	while (argc > 2 && (brokered_option(argv[1]) || audit_option(argv[1]))) {
		argc--;
		argv++;
	}
	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("machvm %s\n", machvm_version());
		return STATUS_DONE;
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return failure_say(STATUS_USAGE, "%s is no verb; see machvm help", argv[1]);
	audit_verb(verb->name);
	return verb->run(verb, argc - 1, argv + 1);
}

/*
 * A descriptor below 3 that the caller closed would be given to the next file
 * that is opened, and messages would go into it.
 */
static void occupy_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	occupy_standard_descriptors();
	/* A closed pipe is an error of the write, with a sentence and a status. */
	signal(SIGPIPE, SIG_IGN);
	return sink_flush_output(run(argc, argv));
}
