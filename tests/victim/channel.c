/* SPDX-License-Identifier: MIT */
/* The victim's side of the protocol. It does not buffer beyond one line, so that exec loses nothing. */
#include "channel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int channel_command(struct channel *channel, char *words[CHANNEL_WORDS])
{
	char *next;
	int count = 0;

	channel->length = 0;
	while (channel->length == 0 || channel->line[channel->length - 1] != '\n') {
		ssize_t n = read(channel->in, channel->line + channel->length,
				 sizeof(channel->line) - 1 - channel->length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		channel->length += (size_t)n;
	}
	channel->line[channel->length] = '\0';
	for (next = strtok(channel->line, " \n"); next != NULL && count < CHANNEL_WORDS;
	     next = strtok(NULL, " \n"))
		words[count++] = next;
	return count;
}

static void write_all(struct channel *channel, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t n = write(channel->out, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		/* The test is gone, and nobody else is interested. */
		if (n <= 0)
			_exit(3);
		at += n;
		size -= (size_t)n;
	}
}

void channel_answer(struct channel *channel, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	write_all(channel, text, (size_t)length);
}

void channel_result(struct channel *channel, int r)
{
	if (r < 0)
		channel_answer(channel, "err %d %s\n", -r, strerror(-r));
	else
		channel_answer(channel, "ok\n");
}

uint64_t channel_number(const char *word)
{
	return strtoull(word, NULL, 16);
}

void *channel_pointer(const char *word)
{
	return (void *)(uintptr_t)channel_number(word);
}
