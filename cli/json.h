/* SPDX-License-Identifier: MIT */
/*
 * json - what --json prints.
 *
 * Addresses are strings, "0x7f...": a number of JSON is a double to many
 * readers, and an address needs 64 bits. Sizes are numbers.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "region_list.h"

/* Text from a process or a file; bytes that are not UTF-8 become U+FFFD. */
struct json_object *json_text(const char *text, size_t length);
struct json_object *json_address(uint64_t address);
struct json_object *json_region(const struct region *region);

void json_add(struct json_object *object, const char *key, struct json_object *value);
void json_add_text(struct json_object *object, const char *key, const char *text);
void json_add_number(struct json_object *object, const char *key, uint64_t number);

/* Prints the object, so that no text in it can steer a terminal, and lets go of it. */
void json_write(FILE *stream, struct json_object *object);
/* As one line. */
void json_print(FILE *stream, struct json_object *object);

/* An array whose items come one at a time. Zeroed is before the first. */
struct json_array {
	FILE *stream;
	size_t count;
};

void json_array_add(struct json_array *array, struct json_object *object);
void json_array_end(struct json_array *array);

#endif
