/* SPDX-License-Identifier: MIT */
/*
 * memory - the command's own memory.
 *
 * Running out of it ends the command with STATUS_RESOURCES on the spot. That is
 * safe anywhere: the target is changed by single calls of the library only.
 */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <stddef.h>

/* A run of bytes that grows at its end. Zeroed is empty. */
struct bytes {
	unsigned char *data;
	size_t size;
	size_t capacity;
};

void *memory_resize(void *old, size_t count, size_t size);
char *memory_text(const char *text, size_t length);

/* Room for `size` more bytes; the caller fills it and adds to ->size. */
unsigned char *bytes_reserve(struct bytes *bytes, size_t size);
void bytes_append(struct bytes *bytes, const void *data, size_t size);
void bytes_free(struct bytes *bytes);

#endif
