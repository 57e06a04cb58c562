/* SPDX-License-Identifier: MIT */
/* needle_x86.c - AVX2, where the CPU has it: 128 places a turn. */
#include <immintrin.h>

#include "needle_cpu.h"

#define AVX2 __attribute__((target("avx2")))

/* Inlined where the pieces of a turn are put together. */
#define PIECE static inline __attribute__((target("avx2"), always_inline))

PIECE __m256i load(const uint8_t *at)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

PIECE __m256i both(const uint8_t *at, size_t distance, __m256i a, __m256i b)
{
	return _mm256_and_si256(_mm256_cmpeq_epi8(load(at), a),
	                        _mm256_cmpeq_epi8(load(at + distance), b));
}

/* What a turn has found at 128 places. Apart, for an array would live in memory. */
struct turn {
	__m256i a, b, c, d;
};

/* The first of the places before `end`, or null. */
PIECE const uint8_t *first_of(const uint8_t *at, const uint8_t *end, struct turn turn)
{
	uint64_t low = (uint32_t)_mm256_movemask_epi8(turn.a) |
	               (uint64_t)(uint32_t)_mm256_movemask_epi8(turn.b) << 32;
	uint64_t high = (uint32_t)_mm256_movemask_epi8(turn.c) |
	                (uint64_t)(uint32_t)_mm256_movemask_epi8(turn.d) << 32;

	at += low ? __builtin_ctzll(low) : 64 + __builtin_ctzll(high);
	return at < end ? at : NULL;
}

PIECE int any(struct turn turn)
{
	__m256i all = _mm256_or_si256(_mm256_or_si256(turn.a, turn.b),
	                              _mm256_or_si256(turn.c, turn.d));

	return !_mm256_testz_si256(all, all);
}

AVX2 static const uint8_t *pair(const uint8_t *at, const uint8_t *end, size_t distance, uint8_t a,
                                uint8_t b)
{
	__m256i as = _mm256_set1_epi8((char)a), bs = _mm256_set1_epi8((char)b);

	for (; at < end; at += 128) {
		struct turn turn = {both(at, distance, as, bs), both(at + 32, distance, as, bs),
		                    both(at + 64, distance, as, bs), both(at + 96, distance, as, bs)};

		if (any(turn))
			return first_of(at, end, turn);
	}
	return NULL;
}

PIECE __m256i same(__m256i x, __m256i y, unsigned width)
{
	return width == 2   ? _mm256_cmpeq_epi16(x, y)
	       : width == 4 ? _mm256_cmpeq_epi32(x, y)
	                    : _mm256_cmpeq_epi64(x, y);
}

/* `width` is a constant wherever this is inlined. */
PIECE const uint8_t *values(const uint8_t *at, const uint8_t *end, unsigned width, __m256i value)
{
	for (; at < end; at += 128) {
		struct turn turn = {same(load(at), value, width), same(load(at + 32), value, width),
		                    same(load(at + 64), value, width),
		                    same(load(at + 96), value, width)};

		if (any(turn))
			return first_of(at, end, turn);
	}
	return NULL;
}

AVX2 static const uint8_t *word(const uint8_t *at, const uint8_t *end, unsigned width,
                                const uint8_t *value)
{
	uint64_t number = 0;

	__builtin_memcpy(&number, value, width);
	switch (width) {
	case 2:
		return values(at, end, 2, _mm256_set1_epi16((short)number));
	case 4:
		return values(at, end, 4, _mm256_set1_epi32((int)number));
	default:
		return values(at, end, 8, _mm256_set1_epi64x((long long)number));
	}
}

static const struct machvm__needle_loops avx2 = {pair, word};

const struct machvm__needle_loops *machvm__needle_loops(void)
{
	return __builtin_cpu_supports("avx2") ? &avx2 : &machvm__needle_plain;
}
