/* SPDX-License-Identifier: MIT */
/* typed - bytes of a target as people read them: a hex dump, or typed values. */
#ifndef CLI_TYPED_H
#define CLI_TYPED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "json.h"
#include "value.h"

#define DUMP_LINE 16 /* bytes on a line */

/* Lines of 16 bytes: address, hexadecimal, ASCII. */
void dump_print(FILE *stream, uint64_t address, const unsigned char *data, size_t size);

/*
 * One value of `size` bytes: what the type says, the target's word for ptr, the
 * length of the text for str. As text without a newline.
 */
void typed_print(FILE *stream, const struct value_type *type, const unsigned char *data,
		 size_t size);
struct json_object *typed_json(const struct value_type *type, const unsigned char *data,
			       size_t size);

#endif
