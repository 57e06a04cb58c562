/* SPDX-License-Identifier: MIT */
/* Random numbers that a seed repeats, and the settings of a random test from the environment. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t random_state;

static inline uint64_t random_word(void)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* 0 to limit - 1. */
static inline unsigned random_below(unsigned limit)
{
	return (unsigned)(random_word() % limit);
}

static inline uint64_t random_setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

/* MACHVM_TEST_SEED, or another one each time; printed, so that a failure can be repeated. */
static inline uint64_t random_start(void)
{
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = random_setting("MACHVM_TEST_SEED",
			      ((uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec ^
			       (uint64_t)getpid() << 32) & 0xffffffffffu);
	random_state = seed;
	printf("MACHVM_TEST_SEED=%#llx\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

#endif
