/* SPDX-License-Identifier: MIT */
/*
 * command - what a verb is, and how its words are taken apart.
 *
 * A new verb is one file with one `struct verb`, and a line in main.c's table.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/* An option of a verb; a null name ends the list. --help is every verb's. */
struct option_row {
	int letter;       /* also -LETTER, when it is a character */
	const char *name; /* --NAME */
	const char
		*argument; /* what follows, for the help; null when nothing does, "[X]" optional */
	const char *help;
};

struct verb {
	const char *name;
	const char *synopsis; /* the words after the name */
	const char *summary;  /* one line, for the list of verbs */
	const char *text;     /* the rest of --help: whole lines */
	const struct option_row *options;
	int (*run)(const struct verb *verb, int argc, char **argv);
};

/* Letters of options that have no letter. */
#define OPTION_ONLY_LONG 256

/* Options that several verbs have, with the same meaning everywhere. */
#define OPTION_JSON                             \
	{                                       \
		'j', "json", NULL, "print JSON" \
	}
#define OPTION_VERBOSE                                             \
	{                                                          \
		'v', "verbose", NULL, "say more on standard error" \
	}
#define OPTION_FORCE                                                                           \
	{                                                                                      \
		'f', "force", NULL, "ignore the protection of private memory, as debuggers do" \
	}
#define OPTION_NOWAIT                                                                  \
	{                                                                              \
		'n', "nowait", NULL,                                                   \
			"fail rather than wait for a page that another program serves" \
	}
#define OPTION_END                  \
	{                           \
		0, NULL, NULL, NULL \
	}

enum { WORDS_END = 0, WORDS_STOP = -1 };

struct words {
	const struct verb *verb;
	int argc;
	char **argv;
	const char *value; /* of the option that was just returned */
	int status;        /* after WORDS_STOP: the complaint's */
};

/*
 * The letter of the next option, wherever it stands; WORDS_END when only plain
 * words are left, which argc and argv then are; WORDS_STOP when a wrong option
 * was complained about. --help prints the help and ends the command.
 */
int words_next(struct words *words);

/* Complains unless there are at least `least` words and at most `most`, -1 any number. */
int words_count(const struct words *words, int least, int most);

void verb_help(const struct verb *verb);

#endif
