/* SPDX-License-Identifier: MIT */
/* reading - how the bytes of `machvm read` look, piece by piece as they come. */
#ifndef CLI_READING_H
#define CLI_READING_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "value.h"

enum reading_format { READING_DUMP, READING_RAW, READING_VALUES };

struct reading {
	FILE *stream;
	enum reading_format format;
	int json;
	const struct value_type *type; /* READING_VALUES */
	size_t unit;                   /* the size of a value; 1 without a type */
	uint64_t address, size;        /* of all of it */
	uint64_t shown;                /* values so far */
	int begun;
};

/* `data` holds whole units, except that a str is one value, however long. */
void reading_show(struct reading *reading, uint64_t address, const unsigned char *data,
		  size_t size);
void reading_end(const struct reading *reading);

#endif
