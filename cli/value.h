/* SPDX-License-Identifier: MIT */
/*
 * value - typed VALUES on the command line and the bytes they stand for.
 *
 * u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 ptr str hex, as in u32:1234. The words
 * after one another are one run of bytes. Byte order is the machine's, a ptr is
 * as long as the target's pointers and may be any ADDRESS. str is the bytes as
 * they are, without a closing null.
 */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "memory.h"

enum value_kind { VALUE_UNSIGNED, VALUE_SIGNED, VALUE_FLOAT, VALUE_POINTER, VALUE_TEXT, VALUE_HEX };

struct value_type {
	const char *name;
	enum value_kind kind;
	unsigned size; /* in bytes; 0 for str, and for ptr, which the target decides; hex is 1 */
};

/* What parsing must know of the target. */
struct value_context {
	unsigned word; /* the size of its pointers */
	int wildcards; /* ?? is allowed in hex */
	/* Turns what follows ptr: into an address; complains. */
	int (*resolve)(void *cookie, const char *text, uint64_t *address);
	void *cookie;
};

/* The bytes of VALUES; mask is 0 where any byte will do, else 0xff. */
struct values {
	struct bytes data;
	struct bytes mask;
	unsigned alignment; /* the size of the largest number among them, 1 without */
};

/* The type called `name`, `length` characters long, or null. */
const struct value_type *value_type_find(const char *name, size_t length);

/* The names of all types for a sentence. */
extern const char value_type_names[];

/*
 * Appends the bytes of each word. A word without a type goes on with the hex
 * before it: hex:de ad be ef needs no quotes. Complains.
 */
int values_parse(struct values *values, const struct value_context *context, char *const words[],
		 int count);
void values_free(struct values *values);

#endif
