/* SPDX-License-Identifier: MIT */
/* needle.c - what to look for first, and what to compare then. */
#include "needle.h"

#include <string.h>

#include "needle_cpu.h"

/* How often a byte is met in memory, roughly: zeros, small numbers, then text. */
static unsigned commonness(uint8_t byte)
{
	if (byte == 0)
		return 8;
	if (byte == 0xff)
		return 6;
	if (byte < 9 || byte == ' ' || byte == 'e' || byte == 0x7f)
		return 4;
	if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte % 16 == 0)
		return 2;
	return 1;
}

/* The rarest byte that counts wholly, `but` left out; size when there is none. */
static size_t rarest(const struct machvm__needle *needle, size_t but)
{
	unsigned least = ~0u;
	size_t found = needle->size;

	for (size_t i = 0; i < needle->size; i++) {
		if (i == but || (needle->mask && needle->mask[i] != 0xff))
			continue;
		if (commonness(needle->bytes[i]) < least) {
			least = commonness(needle->bytes[i]);
			found = i;
		}
	}
	return found;
}

static bool all_count(const struct machvm__needle *needle)
{
	for (size_t i = 0; needle->mask && i < needle->size; i++)
		if (needle->mask[i] != 0xff)
			return false;
	return true;
}

void machvm__needle_init(struct machvm__needle *needle, const void *bytes, const void *mask,
                         size_t size, uint64_t alignment)
{
	size_t one, other;

	*needle = (struct machvm__needle){.bytes = bytes, .mask = mask, .size = size};
	if (all_count(needle))
		needle->mask = NULL;
	one = rarest(needle, size);
	other = rarest(needle, one);
	needle->vague = one == size;
	if (other == size)
		other = one;
	needle->first = one < other ? one : other;
	needle->distance = one < other ? other - one : one - other;
	if (!needle->mask && (size == 2 || size == 4 || size == 8) && alignment % size == 0)
		needle->width = (unsigned)size;
}

bool machvm__needle_fits_zeros(const struct machvm__needle *needle)
{
	for (size_t i = 0; i < needle->size; i++)
		if (needle->bytes[i] & (needle->mask ? needle->mask[i] : 0xff))
			return false;
	return true;
}

static bool fits(const struct machvm__needle *needle, const uint8_t *at)
{
	if (!needle->mask)
		return memcmp(at, needle->bytes, needle->size) == 0;
	for (size_t i = 0; i < needle->size; i++)
		if ((at[i] ^ needle->bytes[i]) & needle->mask[i])
			return false;
	return true;
}

static const uint8_t *find_word(const struct machvm__needle *needle, const uint8_t *at,
                                const uint8_t *end)
{
	uintptr_t mask = needle->width - 1;
	size_t ahead = (size_t)(-(uintptr_t)at & mask);

	if (ahead >= (size_t)(end - at))
		return NULL;
	return machvm__needle_loops()->word(at + ahead, end, needle->width, needle->bytes);
}

const uint8_t *machvm__needle_find(const struct machvm__needle *needle, const uint8_t *at,
                                   const uint8_t *end)
{
	const struct machvm__needle_loops *loops = machvm__needle_loops();
	uint8_t a = needle->bytes[needle->first];
	uint8_t b = needle->bytes[needle->first + needle->distance];

	if (at >= end)
		return NULL;
	if (needle->width)
		return find_word(needle, at, end);
	for (; at < end; at++) {
		if (!needle->vague) {
			at = loops->pair(at + needle->first, end + needle->first, needle->distance,
			                 a, b);
			if (!at)
				return NULL;
			at -= needle->first;
		}
		if (fits(needle, at))
			return at;
	}
	return NULL;
}
