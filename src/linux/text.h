/* SPDX-License-Identifier: MIT */
/*
 * text.h - a file of /proc, line by line, in the largest pieces that the kernel
 * gives (a page each: fs/seq_file.c fills one buffer a read, with whole records).
 */
#ifndef MACHVM_LINUX_TEXT_H
#define MACHVM_LINUX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Holds the longest line there is: a path of PATH_MAX bytes, each escaped as \ooo. */
#define MACHVM__TEXT_BUFFER ((size_t)32 << 10)

struct machvm__text {
	int fd;
	char *buffer; /* the caller's */
	size_t size;
	size_t start; /* of what has not been handed out yet */
	size_t end;
	uint64_t passed; /* bytes handed out since the beginning */
	bool finished;
	bool shared; /* others read from the descriptor too: its position is not ours */
};

/* Begins at the first line. 0 or -errno. */
int machvm__text_init(struct machvm__text *text, int fd, char *buffer, size_t size);

/* The same on a descriptor whose position belongs to nobody. */
void machvm__text_init_shared(struct machvm__text *text, int fd, char *buffer, size_t size);

/*
 * The next line: 1, 0 at the end, -EOVERFLOW when it is longer than the buffer,
 * or -errno. It ends with a null in place of its newline, belongs to the buffer,
 * and is good until the next call. A last line without a newline is not a line.
 */
int machvm__text_line(struct machvm__text *text, char **line, size_t *length);

/* Hands out the line that came last once more; its contents must not have been changed. */
void machvm__text_again(struct machvm__text *text, char *line, size_t length);

/* Makes every control character a question mark: ASCII's, and Unicode's U+0080 to U+009F. */
void machvm__text_tame(char *line);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t machvm__text_now(void);

#endif
