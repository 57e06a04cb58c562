/* SPDX-License-Identifier: MIT */
/*
 * fuzz_address.c - ADDRESS and ranges as people type them, resolved in a process that is made
 * up: two runs of [heap], a stack, and symbols wherever their name says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "failure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* What address.c asks of the rest of the command. */
int failure_say(enum status status, const char *format, ...)
{
	return status;
}

int layout_read(struct layout *layout)
{
	return STATUS_DONE;
}

int layout_module(struct layout *layout, const char *name, struct module **module)
{
	*module = NULL;
	return STATUS_DONE;
}

int symbols_address(struct layout *layout, struct module *module, const char *name,
		    const struct module *fallback, uint64_t *address)
{
	*address = 0x400000 + strlen(name);
	return name[0] == 'x' ? STATUS_ADDRESS : STATUS_DONE;
}

static void resolve(const char *text)
{
	static struct region regions[3];
	struct target target = {.pid = 1, .name = "target", .word = 8};
	struct layout layout = {.target = &target, .known = 1};
	uint64_t address = 0, start = 0, end = 0;

	regions[0] = (struct region){.start = 0x1000, .end = 0x3000, .name = (char *)(uintptr_t) "[heap]"};
	regions[1] = (struct region){.start = 0x3000, .end = 0x4000, .name = (char *)(uintptr_t) "[heap]"};
	regions[2] = (struct region){
		.start = 0x7ff000, .end = 0x800000, .name = (char *)(uintptr_t) "[stack]"};
	layout.regions.items = regions;
	layout.regions.count = 3;
	address_resolve(&layout, text, &address);
	if (address_resolve_range(&layout, text, &start, &end) == STATUS_DONE)
		check(start < end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address first, second;
	char *text = malloc(size + 1);
	int status;

	memcpy(text, data, size);
	text[size] = '\0';
	status = address_parse(&first, text);
	check(status == address_parse(&second, text));
	if (status == STATUS_DONE) {
		check(first.kind == second.kind && first.offset == second.offset);
		check(first.kind == ADDRESS_NUMBER ? first.number == second.number
						   : first.name && first.name[0]);
	}
	address_free(&first);
	address_free(&second);
	resolve(text);
	free(text);
	return 0;
}
