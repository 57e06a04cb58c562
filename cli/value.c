/* SPDX-License-Identifier: MIT */
/* value - typed VALUES on the command line and the bytes they stand for. */
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "number.h"
#include "value.h"

static const struct value_type types[] = {
	{"u8", VALUE_UNSIGNED, 1},  {"u16", VALUE_UNSIGNED, 2}, {"u32", VALUE_UNSIGNED, 4},
	{"u64", VALUE_UNSIGNED, 8}, {"i8", VALUE_SIGNED, 1},    {"i16", VALUE_SIGNED, 2},
	{"i32", VALUE_SIGNED, 4},   {"i64", VALUE_SIGNED, 8},   {"f32", VALUE_FLOAT, 4},
	{"f64", VALUE_FLOAT, 8},    {"ptr", VALUE_POINTER, 0},  {"str", VALUE_TEXT, 0},
	{"hex", VALUE_HEX, 1},
};

const char value_type_names[] = "u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 ptr str hex";

const struct value_type *value_type_find(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strlen(types[i].name) == length && !strncmp(types[i].name, name, length))
			return &types[i];
	}
	return NULL;
}

static void append(struct values *values, const void *data, size_t size)
{
	bytes_append(&values->data, data, size);
	memset(bytes_reserve(&values->mask, size), 0xff, size);
	values->mask.size += size;
}

static void append_number(struct values *values, const void *number, unsigned size)
{
	append(values, number, size);
	if (size > values->alignment)
		values->alignment = size;
}

static int complain_large(const struct value_type *type, const char *text)
{
	uint64_t largest = UINT64_MAX >> (64 - 8 * type->size);

	if (type->kind == VALUE_UNSIGNED)
		return failure_say(STATUS_USAGE, "%s does not fit: %s holds 0 to %llu", text,
				   type->name, (unsigned long long)largest);
	largest /= 2;
	return failure_say(STATUS_USAGE, "%s does not fit: %s holds -%llu to %llu", text,
			   type->name, (unsigned long long)largest + 1,
			   (unsigned long long)largest);
}

/* x86-64 and arm64 are little-endian: the low bytes of a wide integer come first. */
static int parse_integer(struct values *values, const struct value_type *type, const char *text)
{
	int negative = text[0] == '-';
	const char *digits = text + (negative || text[0] == '+');
	uint64_t number, largest = UINT64_MAX >> (64 - 8 * type->size);
	enum number_fault fault = number_read(digits, &number);

	if (fault == NUMBER_MALFORMED)
		return number_parse(digits, type->name, &number);
	if (type->kind == VALUE_SIGNED)
		largest = largest / 2 + (uint64_t)negative;
	else if (negative)
		largest = 0;
	if (fault == NUMBER_TOO_LARGE || number > largest)
		return complain_large(type, text);
	if (negative)
		number = -number;
	append_number(values, &number, type->size);
	return STATUS_DONE;
}

static int parse_float(struct values *values, const struct value_type *type, const char *text)
{
	char *end;
	double number;
	float single;

	errno = 0;
	number = strtod(text, &end);
	if (end == text || *end || isspace((unsigned char)*text))
		return failure_say(STATUS_USAGE, "%s %s is not a number, as 1.5 or -2e10 are",
				   type->name, *text ? text : "\"\"");
	if (type->size == sizeof(single))
		single = strtof(text, &end);
	else
		single = 0;
	if ((isinf(number) || isinf(single)) && errno == ERANGE)
		return failure_say(STATUS_USAGE, "%s does not fit: %s holds -%.9g to %.9g", text,
				   type->name, type->size == 4 ? (double)FLT_MAX : DBL_MAX,
				   type->size == 4 ? (double)FLT_MAX : DBL_MAX);
	append_number(values, type->size == 4 ? (void *)&single : (void *)&number, type->size);
	return STATUS_DONE;
}

static int parse_pointer(struct values *values, const struct value_context *context,
			 const char *text)
{
	uint64_t address;
	int status = context->resolve(context->cookie, text, &address);

	if (status)
		return status;
	if (context->word == 4 && address > UINT32_MAX)
		return failure_say(STATUS_USAGE,
				   "%s does not fit: ptr holds 0 to 0xffffffff in a 32-bit process",
				   text);
	append_number(values, &address, context->word);
	return STATUS_DONE;
}

static unsigned char digit(char c)
{
	return (unsigned char)(isdigit((unsigned char)c) ? c - '0'
							 : tolower((unsigned char)c) - 'a' + 10);
}

static int parse_hex(struct values *values, const struct value_context *context, const char *text)
{
	while (*text) {
		unsigned char byte = 0;

		if (isspace((unsigned char)*text)) {
			text++;
			continue;
		}
		if (text[0] == '?' && text[1] == '?' && context->wildcards) {
			append(values, &byte, 1);
			values->mask.data[values->mask.size - 1] = 0;
		} else if (isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1])) {
			byte = (unsigned char)(digit(text[0]) << 4 | digit(text[1]));
			append(values, &byte, 1);
		} else {
			return failure_say(
				STATUS_USAGE,
				"hex %s: bytes are two digits each, as in hex:de ad be ef%s", text,
				context->wildcards  ? ", and ?? is any byte"
				: strchr(text, '?') ? "; ?? is for find"
						    : "");
		}
		text += 2;
	}
	return STATUS_DONE;
}

static int parse_one(struct values *values, const struct value_context *context,
		     const struct value_type *type, const char *text)
{
	switch (type->kind) {
	case VALUE_UNSIGNED:
	case VALUE_SIGNED:
		return parse_integer(values, type, text);
	case VALUE_FLOAT:
		return parse_float(values, type, text);
	case VALUE_POINTER:
		return parse_pointer(values, context, text);
	case VALUE_HEX:
		return parse_hex(values, context, text);
	case VALUE_TEXT:
		append(values, text, strlen(text));
		return STATUS_DONE;
	}
	return STATUS_OTHER;
}

int values_parse(struct values *values, const struct value_context *context, char *const words[],
		 int count)
{
	const struct value_type *type = NULL;
	int i, status = STATUS_DONE;

	if (!values->alignment)
		values->alignment = 1;
	for (i = 0; i < count && !status; i++) {
		const char *colon = strchr(words[i], ':');
		const char *text = words[i];

		if (colon) {
			type = value_type_find(words[i], (size_t)(colon - words[i]));
			text = colon + 1;
		} else if (type && type->kind != VALUE_HEX) {
			type = NULL;
		}
		if (!type)
			return failure_say(STATUS_USAGE,
					   "%s has no type; write TYPE:VALUE, as in u32:1234 or "
					   "str:hello (types: %s)",
					   *words[i] ? words[i] : "\"\"", value_type_names);
		status = parse_one(values, context, type, text);
	}
	return status;
}

void values_free(struct values *values)
{
	bytes_free(&values->data);
	bytes_free(&values->mask);
	*values = (struct values){0};
}
