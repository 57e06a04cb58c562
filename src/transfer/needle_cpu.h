/* SPDX-License-Identifier: MIT */
/* needle_cpu.h - the two inner loops of a search, as one kind of CPU does them. */
#ifndef MACHVM_TRANSFER_NEEDLE_CPU_H
#define MACHVM_TRANSFER_NEEDLE_CPU_H

#include <stddef.h>
#include <stdint.h>

struct machvm__needle_loops {
	/* The first p in [at, end) with p[0] == a and p[distance] == b, or null. */
	const uint8_t *(*pair)(const uint8_t *at, const uint8_t *end, size_t distance, uint8_t a,
	                       uint8_t b);
	/* The first p in [at, end), a multiple of `width` as `at` is, where the value stands. */
	const uint8_t *(*word)(const uint8_t *at, const uint8_t *end, unsigned width,
	                       const uint8_t *value);
};

/* The ones for this machine: the best that its CPU has. Plain C where there is nothing better. */
const struct machvm__needle_loops *machvm__needle_loops(void);

extern const struct machvm__needle_loops machvm__needle_plain;

#endif
