/* SPDX-License-Identifier: MIT */
/* typed - bytes of a target as people read them: a hex dump, or typed values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"
#include "typed.h"
#include "utf8.h"

#define NUMBER_SIZE 40

static const char digits[] = "0123456789abcdef";

/* One line is put together by hand: a hundred megabytes are six million lines. */
static void dump_line(FILE *stream, uint64_t address, const unsigned char *data, size_t size)
{
	char line[2 + 16 + 2 + 3 * DUMP_LINE + 2 + 1 + DUMP_LINE + 2];
	unsigned width = address >> 48 ? 16 : 12, i;
	char *hex = line + 2 + width + 2, *text = hex + 3 * DUMP_LINE + 3;

	memset(line, ' ', sizeof(line));
	memcpy(line, "0x", 2);
	for (i = 0; i < width; i++)
		line[2 + i] = digits[address >> 4 * (width - 1 - i) & 15];
	text[-1] = '|';
	for (i = 0; i < size; i++) {
		char *pair = hex + 3 * i + (i >= DUMP_LINE / 2);

		pair[0] = digits[data[i] >> 4];
		pair[1] = digits[data[i] & 15];
		text[i] = data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '.';
	}
	text[size] = '|';
	text[size + 1] = '\n';
	fwrite(line, 1, (size_t)(text + size + 2 - line), stream);
}

void dump_print(FILE *stream, uint64_t address, const unsigned char *data, size_t size)
{
	size_t at;

	for (at = 0; at < size && !sink_failed(stream); at += DUMP_LINE)
		dump_line(stream, address + at, data + at,
			  size - at < DUMP_LINE ? size - at : DUMP_LINE);
}

/* The low bytes come first; the sign bit of a short one is carried up. */
static uint64_t load_integer(const unsigned char *data, size_t size, int is_signed)
{
	unsigned shift = 64 - 8 * (unsigned)size;
	uint64_t number = 0;

	memcpy(&number, data, size);
	if (!is_signed)
		return number;
	return (uint64_t)((int64_t)(number << shift) >> shift);
}

static double load_float(const unsigned char *data, size_t size)
{
	double number;
	float single;

	if (size == sizeof(single)) {
		memcpy(&single, data, size);
		return (double)single;
	}
	memcpy(&number, data, sizeof(number));
	return number;
}

/* The fewest digits that read back as the same number. */
static void format_float(char text[NUMBER_SIZE], double number, size_t size)
{
	int precision, last = size == sizeof(float) ? 9 : 17;

	for (precision = size == sizeof(float) ? 6 : 15; precision <= last; precision++) {
		snprintf(text, NUMBER_SIZE, "%.*g", precision, number);
		if (size == sizeof(float) ? strtof(text, NULL) == (float)number
					  : strtod(text, NULL) == number)
			return;
	}
}

static void print_text(FILE *stream, const unsigned char *data, size_t size)
{
	const unsigned char *at = data, *end = data + size;

	while (at < end) {
		size_t length = utf8_harmless(at, (size_t)(end - at));

		if (*at == '\\')
			fputs("\\\\", stream);
		else if (length)
			fwrite(at, 1, length, stream);
		else
			fprintf(stream, "\\x%02x", *at);
		at += length ? length : 1;
	}
}

void typed_print(FILE *stream, const struct value_type *type, const unsigned char *data,
		 size_t size)
{
	char number[NUMBER_SIZE];

	switch (type->kind) {
	case VALUE_UNSIGNED:
		fprintf(stream, "%llu", (unsigned long long)load_integer(data, size, 0));
		break;
	case VALUE_SIGNED:
		fprintf(stream, "%lld", (long long)load_integer(data, size, 1));
		break;
	case VALUE_POINTER:
		fprintf(stream, "0x%llx", (unsigned long long)load_integer(data, size, 0));
		break;
	case VALUE_FLOAT:
		format_float(number, load_float(data, size), size);
		fputs(number, stream);
		break;
	case VALUE_TEXT:
		print_text(stream, data, size);
		break;
	case VALUE_HEX:
		fprintf(stream, "%02x", data[0]);
		break;
	}
}

struct json_object *typed_json(const struct value_type *type, const unsigned char *data,
			       size_t size)
{
	char number[NUMBER_SIZE];
	double real;

	switch (type->kind) {
	case VALUE_UNSIGNED:
		return json_object_new_uint64(load_integer(data, size, 0));
	case VALUE_SIGNED:
		return json_object_new_int64((int64_t)load_integer(data, size, 1));
	case VALUE_POINTER:
		return json_address(load_integer(data, size, 0));
	case VALUE_FLOAT:
		real = load_float(data, size);
		format_float(number, real, size);
		/* JSON has no word for infinity. */
		return isfinite(real) ? json_object_new_double_s(real, number)
				      : json_object_new_string(number);
	case VALUE_TEXT:
		return json_text((const char *)data, size);
	case VALUE_HEX:
		snprintf(number, sizeof(number), "%02x", data[0]);
		return json_object_new_string(number);
	}
	return NULL;
}
