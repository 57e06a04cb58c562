/* SPDX-License-Identifier: MIT */
/* needle_plain.c - the inner loops for any CPU. */
#include <string.h>

#include "needle_cpu.h"

static const uint8_t *pair(const uint8_t *at, const uint8_t *end, size_t distance, uint8_t a,
                           uint8_t b)
{
	while (at < end && (at = memchr(at, a, (size_t)(end - at)))) {
		if (at[distance] == b)
			return at;
		at++;
	}
	return NULL;
}

static const uint8_t *word(const uint8_t *at, const uint8_t *end, unsigned width,
                           const uint8_t *value)
{
	for (; at < end; at += width)
		if (memcmp(at, value, width) == 0)
			return at;
	return NULL;
}

const struct machvm__needle_loops machvm__needle_plain = {pair, word};
