/* SPDX-License-Identifier: MIT */
/*
 * The contents that tests put into memory: a byte is a function of a seed and
 * of its own address, so that a byte in the wrong place, from the wrong call or
 * from the wrong piece of a transfer is never mistaken for the right one.
 * Shared by the victim and the harness; knows neither.
 */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t pattern_word(uint64_t seed, uint64_t index)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + index + 1;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static inline uint8_t pattern_byte(uint64_t seed, uint64_t address)
{
	return (uint8_t)(pattern_word(seed, address >> 3) >> (8 * (address & 7)));
}

/* Fills `size` bytes with what belongs at `address` under `seed`. */
static inline void pattern_fill(void *to, uint64_t address, size_t size, uint64_t seed)
{
	uint8_t *out = to;

	while (size > 0 && (address & 7) != 0) {
		*out++ = pattern_byte(seed, address++);
		size--;
	}
	for (; size >= 8; size -= 8, address += 8, out += 8) {
		uint64_t word = pattern_word(seed, address >> 3);

		__builtin_memcpy(out, &word, 8);
	}
	while (size-- > 0)
		*out++ = pattern_byte(seed, address++);
}

/* A checksum of `size` bytes: order and position matter. `hash` goes on from an earlier piece. */
static inline uint64_t pattern_sum(const void *from, size_t size, uint64_t hash)
{
	const uint8_t *in = from;

	for (; size >= 8; size -= 8, in += 8) {
		uint64_t word;

		__builtin_memcpy(&word, in, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	while (size-- > 0)
		hash = (hash ^ *in++) * 0x100000001b3u;
	return hash;
}

#endif
