/* SPDX-License-Identifier: MIT */
/* suites.h - what can be measured, one function a file. */
#ifndef BENCH_SUITES_H
#define BENCH_SUITES_H

struct settings {
	int without_ring;  /* identity is proved by polling */
	int without_query; /* regions are looked up in the text of /proc/PID/maps */
};

typedef void suite(const struct settings *settings);

suite suite_small, suite_long, suite_lookups, suite_fresh, suite_walk, suite_rivals, suite_crowd;
suite suite_spread, suite_sweep, suite_lists, suite_find, suite_copy, suite_space,
	suite_window;

#endif
