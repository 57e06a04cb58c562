/* SPDX-License-Identifier: MIT */
/* json - what --json prints. */
#include <string.h>

#include "json.h"
#include "memory.h"
#include "utf8.h"

#define FORMAT (JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

struct json_object *json_text(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + length;
	struct json_object *object;
	struct bytes clean = {0};

	while (at < end) {
		uint32_t code;
		size_t valid = utf8_character(at, (size_t)(end - at), &code);

		if (valid)
			bytes_append(&clean, at, valid);
		else
			bytes_append(&clean, "\xef\xbf\xbd", 3);
		at += valid ? valid : 1;
	}
	bytes_append(&clean, "", 1);
	object = json_object_new_string_len((const char *)clean.data, (int)clean.size - 1);
	bytes_free(&clean);
	return object;
}

struct json_object *json_address(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
	return json_object_new_string(text);
}

void json_add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

void json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_add(object, key, json_text(text, strlen(text)));
}

void json_add_number(struct json_object *object, const char *key, uint64_t number)
{
	json_add(object, key, json_object_new_uint64(number));
}

struct json_object *json_region(const struct region *region)
{
	struct json_object *object = json_object_new_object();
	char device[24];

	snprintf(device, sizeof(device), "%02x:%02x", region->device_major, region->device_minor);
	json_add(object, "start", json_address(region->start));
	json_add(object, "end", json_address(region->end));
	json_add_number(object, "size", region->end - region->start);
	json_add_text(object, "protection", region_protection(region));
	json_add(object, "shared", json_object_new_boolean(region->shared));
	json_add_number(object, "offset", region->offset);
	json_add_text(object, "device", device);
	json_add_number(object, "inode", region->inode);
	json_add_text(object, "name", region->name);
	return object;
}

/*
 * json-c leaves what is not ASCII as it is, and that may be shown by a terminal. It stands
 * in strings only, where \u is another way to write it.
 */
void json_write(FILE *stream, struct json_object *object)
{
	const unsigned char *at =
		(const unsigned char *)json_object_to_json_string_ext(object, FORMAT);
	size_t left = strlen((const char *)at);

	while (left) {
		uint32_t code;
		size_t length = utf8_character(at, left, &code);

		if (length && code >= 0x7f && utf8_steers(code))
			fprintf(stream, "\\u%04x", code);
		else
			fwrite(at, 1, length ? length : 1, stream);
		at += length ? length : 1;
		left -= length ? length : 1;
	}
	json_object_put(object);
}

void json_print(FILE *stream, struct json_object *object)
{
	json_write(stream, object);
	fputc('\n', stream);
}

void json_array_add(struct json_array *array, struct json_object *object)
{
	fputs(array->count++ ? ",\n " : "[", array->stream);
	json_write(array->stream, object);
}

void json_array_end(struct json_array *array)
{
	fputs(array->count ? "]\n" : "[]\n", array->stream);
}
