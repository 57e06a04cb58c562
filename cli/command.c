/* SPDX-License-Identifier: MIT */
/* command - how a verb's words are taken apart, and its help. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "failure.h"
#include "sink.h"

#define MOST_OPTIONS 16

static const struct option_row help_row = {'h', "help", NULL, "print this"};

static int argument_kind(const struct option_row *row)
{
	if (!row->argument)
		return no_argument;
	return row->argument[0] == '[' ? optional_argument : required_argument;
}

/* The tables of getopt_long(3): ":" in front makes it silent. */
static void build(const struct verb *verb, char *letters, struct option *names)
{
	const struct option_row *row = verb->options;
	unsigned i = 0;

	*letters++ = ':';
	for (;; row++, i++) {
		const struct option_row *one = row->name && i < MOST_OPTIONS ? row : &help_row;
		int kind = argument_kind(one);

		names[i] = (struct option){one->name, kind, NULL, one->letter};
		if (one->letter < OPTION_ONLY_LONG) {
			*letters++ = (char)one->letter;
			memcpy(letters, "::", (size_t)kind);
			letters += kind;
		}
		if (one == &help_row)
			break;
	}
	*letters = '\0';
	names[i + 1] = (struct option){0};
}

static int is_known(const struct verb *verb, int letter)
{
	const struct option_row *row = verb->options;

	while (row->name && row->letter != letter)
		row++;
	return row->name || letter == help_row.letter;
}

/* getopt_long() leaves the letter in optopt, and 0 for a long option that it does not know. */
static int complain(const struct words *words, int result)
{
	const char *verb = words->verb->name, *word = words->argv[optind - 1];
	char letter[3] = {'-', (char)optopt, '\0'};

	if (result == ':')
		return failure_say(STATUS_USAGE, "%s needs an argument; see machvm %s --help",
				   strncmp(word, "--", 2) ? letter : word, verb);
	if (optopt && is_known(words->verb, optopt))
		return failure_say(STATUS_USAGE, "%s: this option takes no argument", word);
	return failure_say(STATUS_USAGE, "%s is no option of machvm %s; see machvm %s --help",
			   optopt ? letter : word, verb, verb);
}

int words_next(struct words *words)
{
	struct option names[MOST_OPTIONS + 2];
	char letters[3 * (MOST_OPTIONS + 2) + 2];
	int result;

	build(words->verb, letters, names);
	result = getopt_long(words->argc, words->argv, letters, names, NULL);
	words->value = optarg;
	if (result == -1) {
		words->argc -= optind;
		words->argv += optind;
		return WORDS_END;
	}
	if (result == 'h') {
		verb_help(words->verb);
		exit(sink_flush_output(STATUS_DONE));
	}
	if (result == '?' || result == ':') {
		words->status = complain(words, result);
		return WORDS_STOP;
	}
	return result;
}

int words_count(const struct words *words, int least, int most)
{
	const struct verb *verb = words->verb;

	if (words->argc < least)
		return failure_say(STATUS_USAGE, "too few words; usage: machvm %s %s", verb->name,
				   verb->synopsis);
	if (most >= 0 && words->argc > most)
		return failure_say(STATUS_USAGE, "%s is one word too many; usage: machvm %s %s",
				   words->argv[most], verb->name, verb->synopsis);
	return STATUS_DONE;
}

static void print_option(const struct option_row *row)
{
	char words[64];
	int optional = argument_kind(row) == optional_argument;

	snprintf(words, sizeof(words), "--%s%s%s", row->name, !row->argument || optional ? "" : " ",
		 row->argument ? row->argument : "");
	if (row->letter < OPTION_ONLY_LONG)
		printf("  -%c, %-20s %s\n", row->letter, words, row->help);
	else
		printf("      %-20s %s\n", words, row->help);
}

void verb_help(const struct verb *verb)
{
	const struct option_row *row;

	printf("usage: machvm %s %s\n\n%s\n\nOptions:\n", verb->name, verb->synopsis, verb->text);
	for (row = verb->options; row->name; row++)
		print_option(row);
	print_option(&help_row);
}
