/* SPDX-License-Identifier: MIT */
/* address - ADDRESS on the command line. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "failure.h"
#include "memory.h"
#include "number.h"

/* The sign of an offset that ends the text, or null. Nothing between brackets is one. */
static const char *find_offset(const char *text, size_t length)
{
	const char *sign = text + length;
	uint64_t number;
	char digits[32];

	while (sign > text && *--sign != '+' && *sign != '-' && *sign != ']')
		;
	if (sign == text || *sign == ']')
		return NULL;
	length -= (size_t)(sign + 1 - text);
	if (length >= sizeof(digits))
		return NULL;
	memcpy(digits, sign + 1, length);
	digits[length] = '\0';
	return number_read(digits, &number) == NUMBER_MALFORMED ? NULL : sign;
}

/* Takes every offset off the end of `text`: what stays is *length long. */
static int take_offsets(struct address *address, const char *text, size_t *length)
{
	const char *sign;

	while ((sign = find_offset(text, *length))) {
		size_t digits = *length - (size_t)(sign + 1 - text);
		char *copy = memory_text(sign + 1, digits);
		uint64_t number;
		int64_t offset;
		int wrong = number_read(copy, &number) || number > INT64_MAX;

		free(copy);
		offset = wrong ? 0 : *sign == '-' ? -(int64_t)number : (int64_t)number;
		if (wrong || __builtin_add_overflow(address->offset, offset, &address->offset))
			return failure_say(STATUS_USAGE, "the offset in %s is too large", text);
		*length = (size_t)(sign - text);
	}
	return STATUS_DONE;
}

static int parse_region(struct address *address, const char *text, size_t length)
{
	const char *close = memrchr(text, ']', length);
	const char *colon = close ? close + 1 : NULL;

	if (!close || (colon < text + length && (*colon != ':' || colon + 1 == text + length)))
		return failure_say(STATUS_USAGE, "%s: a region's name ends with ], as in [heap]+16",
				   text);
	if (colon == text + length) {
		address->kind = ADDRESS_REGION;
		address->name = memory_text(text, length);
		return STATUS_DONE;
	}
	address->kind = ADDRESS_NAME;
	address->module = memory_text(text, (size_t)(colon - text));
	address->name = memory_text(colon + 1, (size_t)(text + length - colon - 1));
	return STATUS_DONE;
}

static int parse_name(struct address *address, const char *text, size_t length)
{
	const char *colon = memrchr(text, ':', length);
	size_t before = colon ? (size_t)(colon - text) : 0;

	address->kind = ADDRESS_NAME;
	if (!colon) {
		address->name = memory_text(text, length);
		return STATUS_DONE;
	}
	if (!before || before + 1 == length)
		return failure_say(STATUS_USAGE, "%s: write MODULE:SYMBOL, with both", text);
	address->module = memory_text(text, before);
	address->name = memory_text(colon + 1, length - before - 1);
	return STATUS_DONE;
}

static int parse_number(struct address *address, const char *text, size_t length)
{
	char *number = memory_text(text, length);
	int status = number_parse(number, "the address", &address->number);

	address->kind = ADDRESS_NUMBER;
	free(number);
	return status;
}

int address_parse(struct address *address, const char *text)
{
	size_t length = strlen(text);
	int status;

	*address = (struct address){0};
	if (!length)
		return failure_say(STATUS_USAGE, "ADDRESS is empty");
	status = take_offsets(address, text, &length);
	if (status)
		return status;
	if (isdigit((unsigned char)text[0]))
		return parse_number(address, text, length);
	if (text[0] == '[')
		return parse_region(address, text, length);
	return parse_name(address, text, length);
}

void address_free(struct address *address)
{
	free(address->module);
	free(address->name);
	*address = (struct address){0};
}

/* All of a named region: its neighbours of the same name belong to it. */
static int find_region(const struct layout *layout, const char *name, uint64_t *start,
		       uint64_t *end)
{
	const struct target *target = layout->target;
	unsigned runs = 0;
	size_t i;

	for (i = 0; i < layout->regions.count; i++) {
		const struct region *region = &layout->regions.items[i];

		if (strcmp(region->name, name))
			continue;
		if (runs && region->start == *end) {
			*end = region->end;
			continue;
		}
		if (runs++)
			continue;
		*start = region->start;
		*end = region->end;
	}
	if (runs == 1)
		return STATUS_DONE;
	if (!runs)
		return failure_say(STATUS_ADDRESS,
				   "%s (%d) has no region %s; machvm regions %d lists all",
				   target->name, target->pid, name, target->pid);
	return failure_say(
		STATUS_USAGE,
		"%s (%d) has %u separate regions %s; machvm regions %d --name '%s' lists "
		"their addresses",
		target->name, target->pid, runs, name, target->pid, name);
}

/* A dash, a dot or a slash speaks for a file; anything else is a symbol first. */
static int resolve_name(struct layout *layout, const struct address *address, uint64_t *result)
{
	struct module *module = NULL, *fallback = NULL;
	int status;

	if (address->module) {
		status = layout_module(layout, address->module, &module);
		if (!status && !module)
			status = failure_say(STATUS_ADDRESS, "%s (%d) maps no file called %s",
					     layout->target->name, layout->target->pid,
					     address->module);
	} else {
		status = layout_module(layout, address->name, &fallback);
	}
	if (status)
		return status;
	if (fallback && strpbrk(address->name, "-./")) {
		*result = fallback->start;
		return STATUS_DONE;
	}
	return symbols_address(layout, module, address->name, fallback, result);
}

static int resolve(struct layout *layout, const struct address *address, uint64_t *result)
{
	uint64_t end;
	int status;

	if (address->kind == ADDRESS_NUMBER) {
		*result = address->number;
		return STATUS_DONE;
	}
	status = layout_read(layout);
	if (status)
		return status;
	if (address->kind == ADDRESS_REGION)
		return find_region(layout, address->name, result, &end);
	return resolve_name(layout, address, result);
}

int address_resolve(struct layout *layout, const char *text, uint64_t *address)
{
	struct address parsed;
	uint64_t base;
	int status = address_parse(&parsed, text);

	if (!status)
		status = resolve(layout, &parsed, &base);
	if (!status && __builtin_add_overflow(base, parsed.offset, address))
		status = failure_say(STATUS_ADDRESS, "%s is outside of any address space", text);
	address_free(&parsed);
	return status;
}

static int resolve_whole(struct layout *layout, const char *text, uint64_t *start, uint64_t *end)
{
	struct module *module;
	int status = layout_read(layout);

	if (status)
		return status;
	if (text[0] == '[')
		return find_region(layout, text, start, end);
	status = layout_module(layout, text, &module);
	if (status)
		return status;
	if (!module)
		return failure_say(STATUS_USAGE,
				   "%s is not a range: A-B, A+SIZE, or the name of a region or a "
				   "mapped file",
				   text);
	*start = module->start;
	*end = module->end;
	return STATUS_DONE;
}

/* The sign in "A-B" or "A+SIZE": the last one, if a number or a size follows. */
static const char *find_sign(const char *text)
{
	const char *sign = strrchr(text, ']');

	sign = strpbrk(sign ? sign : text, "+-");
	while (sign && strpbrk(sign + 1, "+-"))
		sign = strpbrk(sign + 1, "+-");
	return sign && sign > text && isdigit((unsigned char)sign[1]) ? sign : NULL;
}

int address_resolve_range(struct layout *layout, const char *text, uint64_t *start, uint64_t *end)
{
	const char *sign = find_sign(text);
	uint64_t number;
	char *first;
	int status;

	if (!sign)
		return resolve_whole(layout, text, start, end);
	status = *sign == '+' ? number_parse_size(sign + 1, "the size of the range", &number)
			      : number_parse(sign + 1, "the end of the range", &number);
	if (status)
		return status;
	first = memory_text(text, (size_t)(sign - text));
	status = address_resolve(layout, first, start);
	free(first);
	if (status)
		return status;
	if (*sign == '-')
		*end = number;
	else if (__builtin_add_overflow(*start, number, end))
		*end = UINT64_MAX;
	if (*end <= *start)
		return failure_say(STATUS_USAGE, "the range %s is empty", text);
	return STATUS_DONE;
}
