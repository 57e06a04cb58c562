/* SPDX-License-Identifier: MIT */
/*
 * reading - how the bytes of `machvm read` look, piece by piece as they come.
 *
 * Memory of any size passes through, so the JSON around it is written by hand;
 * what is inside a string comes from json.c or is hexadecimal digits.
 */
#include <inttypes.h>

#include "reading.h"
#include "sink.h"
#include "typed.h"

/* Only with the first bytes: a read that fails at once prints nothing at all. */
static void begin(struct reading *reading)
{
	if (!reading->json || reading->begun)
		return;
	reading->begun = 1;
	fprintf(reading->stream, "{ \"address\": \"0x%" PRIx64 "\", ", reading->address);
	if (reading->format == READING_VALUES)
		fprintf(reading->stream, "\"type\": \"%s\", \"values\": [ ", reading->type->name);
	else
		fprintf(reading->stream, "\"size\": %" PRIu64 ", \"hex\": \"", reading->size);
}

static void show_json(struct reading *reading, const unsigned char *data, size_t size)
{
	struct json_object *value = typed_json(reading->type, data, size);

	fputs(reading->shown ? ", " : "", reading->stream);
	json_write(reading->stream, value);
}

/* Bytes stand in lines of sixteen, other values alone. */
static void show_text(struct reading *reading, const unsigned char *data, size_t size)
{
	int bytes = reading->type->kind == VALUE_HEX;

	if (reading->shown)
		fputc(bytes && reading->shown % DUMP_LINE ? ' ' : '\n', reading->stream);
	typed_print(reading->stream, reading->type, data, size);
}

static void show_values(struct reading *reading, const unsigned char *data, size_t size)
{
	size_t unit = reading->type->kind == VALUE_TEXT ? size : reading->unit, at = 0;

	do {
		if (reading->json)
			show_json(reading, data + at, unit);
		else
			show_text(reading, data + at, unit);
		reading->shown++;
		at += unit;
	} while (at < size && !sink_failed(reading->stream));
}

static void show_digits(struct reading *reading, const unsigned char *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < size && !sink_failed(reading->stream); i++) {
		putc_unlocked(digits[data[i] >> 4], reading->stream);
		putc_unlocked(digits[data[i] & 15], reading->stream);
	}
}

void reading_show(struct reading *reading, uint64_t address, const unsigned char *data, size_t size)
{
	begin(reading);
	if (reading->format == READING_VALUES)
		show_values(reading, data, size);
	else if (reading->json)
		show_digits(reading, data, size);
	else if (reading->format == READING_RAW)
		fwrite(data, 1, size, reading->stream);
	else
		dump_print(reading->stream, address, data, size);
}

void reading_end(const struct reading *reading)
{
	if (reading->json && !reading->begun)
		return;
	if (reading->json)
		fputs(reading->format == READING_VALUES ? " ] }\n" : "\" }\n", reading->stream);
	else if (reading->format == READING_VALUES && reading->shown)
		fputc('\n', reading->stream);
}
