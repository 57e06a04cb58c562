/* SPDX-License-Identifier: MIT */
/* text.c - lines of a file of /proc. */
#include "text.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "descriptor.h"

uint64_t machvm__text_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int machvm__text_init(struct machvm__text *text, int fd, char *buffer, size_t size)
{
	*text = (struct machvm__text){.fd = fd, .buffer = buffer, .size = size};
	return machvm__descriptor_rewind(fd);
}

void machvm__text_init_shared(struct machvm__text *text, int fd, char *buffer, size_t size)
{
	*text = (struct machvm__text){.fd = fd, .buffer = buffer, .size = size, .shared = true};
}

/* Reads on behind what is left of the last piece. */
static int fill(struct machvm__text *text)
{
	size_t left = text->end - text->start;
	ssize_t n;

	memmove(text->buffer, text->buffer + text->start, left);
	text->start = 0;
	text->end = left;
	if (left == text->size)
		return -EOVERFLOW;
	if (text->shared)
		n = machvm__descriptor_read_at(text->fd, text->buffer + left, text->size - left,
		                               text->passed + left);
	else
		n = machvm__descriptor_read(text->fd, text->buffer + left, text->size - left);
	if (n < 0)
		return (int)n;
	text->end += (size_t)n;
	text->finished = n == 0;
	return 0;
}

int machvm__text_line(struct machvm__text *text, char **line, size_t *length)
{
	for (;;) {
		char *at = text->buffer + text->start;
		char *newline = memchr(at, '\n', text->end - text->start);
		int r;

		if (newline) {
			*newline = '\0';
			*line = at;
			*length = (size_t)(newline - at);
			text->start += *length + 1;
			text->passed += *length + 1;
			return 1;
		}
		if (text->finished)
			return 0;
		r = fill(text);
		if (r)
			return r;
	}
}

void machvm__text_again(struct machvm__text *text, char *line, size_t length)
{
	line[length] = '\n';
	text->start = (size_t)(line - text->buffer);
	text->passed -= length + 1;
}

void machvm__text_tame(char *line)
{
	for (unsigned char *at = (unsigned char *)line; *at; at++) {
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
		/* In UTF-8 these are two bytes, and a terminal obeys them as it does an escape. */
		else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			*at = at[1] = '?';
	}
}
