/* SPDX-License-Identifier: MIT */
/*
 * The line protocol between a test and its victim: a command is one line of
 * words, the answer is one line that begins with "ok" or "err". One at a time.
 */
#ifndef TESTS_CHANNEL_H
#define TESTS_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#define CHANNEL_WORDS 8

struct channel {
	int in, out;
	size_t length;
	char line[1024];
};

/* Reads one command and splits it; the number of words, 0 at the end of input. */
int channel_command(struct channel *channel, char *words[CHANNEL_WORDS]);

/* Answers with printf-like text, which includes its newline. */
void channel_answer(struct channel *channel, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Answers "ok", or "err NUMBER" for a negative errno. */
void channel_result(struct channel *channel, int r);

/* Numbers in commands are hexadecimal. */
uint64_t channel_number(const char *word);
void *channel_pointer(const char *word);

#endif
