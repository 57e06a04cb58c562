/* SPDX-License-Identifier: MIT */
/* memory - the command's own memory. */
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "memory.h"

void *memory_resize(void *old, size_t count, size_t size)
{
	void *new = reallocarray(old, count ? count : 1, size);

	if (!new)
		exit(failure_say(STATUS_RESOURCES, "machvm itself has no memory left"));
	return new;
}

char *memory_text(const char *text, size_t length)
{
	char *copy = memory_resize(NULL, length + 1, 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

unsigned char *bytes_reserve(struct bytes *bytes, size_t size)
{
	size_t capacity = bytes->capacity ? bytes->capacity : 64;

	while (capacity - bytes->size < size)
		capacity *= 2;
	if (capacity != bytes->capacity) {
		bytes->data = memory_resize(bytes->data, capacity, 1);
		bytes->capacity = capacity;
	}
	return bytes->data + bytes->size;
}

void bytes_append(struct bytes *bytes, const void *data, size_t size)
{
	if (!size)
		return;
	memcpy(bytes_reserve(bytes, size), data, size);
	bytes->size += size;
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	memset(bytes, 0, sizeof(*bytes));
}
