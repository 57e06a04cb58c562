/* SPDX-License-Identifier: MIT */
/* needle_aarch64.c - NEON, which every CPU of the kind has: 64 places a turn. */
#include <arm_neon.h>
#include <stddef.h>

#include "needle_cpu.h"

/* Four bits for each of 16 places. */
static inline uint64_t bits_of(uint8x16_t found)
{
	return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(found), 4)), 0);
}

static inline const uint8_t *first_of(const uint8_t *at, const uint8_t *end,
                                      const uint8x16_t found[4])
{
	for (int i = 0; i < 4; i++, at += 16) {
		uint64_t bits = bits_of(found[i]);

		if (bits) {
			at += __builtin_ctzll(bits) / 4;
			return at < end ? at : NULL;
		}
	}
	return NULL;
}

static inline int any(const uint8x16_t found[4])
{
	return vmaxvq_u8(vorrq_u8(vorrq_u8(found[0], found[1]), vorrq_u8(found[2], found[3]))) != 0;
}

static const uint8_t *pair(const uint8_t *at, const uint8_t *end, size_t distance, uint8_t a,
                           uint8_t b)
{
	uint8x16_t as = vdupq_n_u8(a), bs = vdupq_n_u8(b);

	for (; at < end; at += 64) {
		uint8x16_t found[4];

		for (int i = 0; i < 4; i++)
			found[i] = vandq_u8(vceqq_u8(vld1q_u8(at + 16 * i), as),
			                    vceqq_u8(vld1q_u8(at + distance + 16 * i), bs));
		if (any(found))
			return first_of(at, end, found);
	}
	return NULL;
}

static inline uint8x16_t same(uint8x16_t x, uint8x16_t y, unsigned width)
{
	if (width == 2)
		return vreinterpretq_u8_u16(
			vceqq_u16(vreinterpretq_u16_u8(x), vreinterpretq_u16_u8(y)));
	if (width == 4)
		return vreinterpretq_u8_u32(
			vceqq_u32(vreinterpretq_u32_u8(x), vreinterpretq_u32_u8(y)));
	return vreinterpretq_u8_u64(vceqq_u64(vreinterpretq_u64_u8(x), vreinterpretq_u64_u8(y)));
}

/* `width` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) const uint8_t *
values(const uint8_t *at, const uint8_t *end, unsigned width, uint8x16_t value)
{
	for (; at < end; at += 64) {
		uint8x16_t found[4];

		for (int i = 0; i < 4; i++)
			found[i] = same(vld1q_u8(at + 16 * i), value, width);
		if (any(found))
			return first_of(at, end, found);
	}
	return NULL;
}

static const uint8_t *word(const uint8_t *at, const uint8_t *end, unsigned width,
                           const uint8_t *value)
{
	uint8_t all[16];

	for (unsigned i = 0; i < 16; i++)
		all[i] = value[i % width];
	switch (width) {
	case 2:
		return values(at, end, 2, vld1q_u8(all));
	case 4:
		return values(at, end, 4, vld1q_u8(all));
	default:
		return values(at, end, 8, vld1q_u8(all));
	}
}

static const struct machvm__needle_loops neon = {pair, word};

const struct machvm__needle_loops *machvm__needle_loops(void)
{
	return &neon;
}
