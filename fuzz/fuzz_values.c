/* SPDX-License-Identifier: MIT */
/*
 * fuzz_values.c - typed VALUES as people type them, with ?? and without. The first byte
 * chooses; words end with a newline.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_WORDS 32

static void check(int condition)
{
	if (!condition)
		abort();
}

int failure_say(enum status status, const char *format, ...)
{
	return status;
}

static int resolve(void *cookie, const char *text, uint64_t *address)
{
	*address = 0x1000 + strlen(text);
	return text[0] == 'x' ? STATUS_ADDRESS : STATUS_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct value_context context = {.resolve = resolve};
	struct values values = {0};
	char *words[MOST_WORDS], *text, *at, *word;
	int count = 0;

	if (size < 1)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	at = text;
	while (count < MOST_WORDS && (word = strsep(&at, "\n")))
		words[count++] = word;
	context.word = data[0] & 1 ? 4 : 8;
	context.wildcards = data[0] >> 1 & 1;
	if (values_parse(&values, &context, words, count) == STATUS_DONE) {
		check(values.data.size == values.mask.size);
		check(values.alignment == 1 || values.alignment == 2 || values.alignment == 4 ||
		      values.alignment == 8);
		for (size_t i = 0; i < values.mask.size; i++)
			check(values.mask.data[i] == 0xff || (context.wildcards && !values.mask.data[i]));
	}
	values_free(&values);
	free(text);
	return 0;
}
