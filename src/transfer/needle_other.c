/* SPDX-License-Identifier: MIT */
/* needle_other.c - a CPU without loops of its own here. */
#include "needle_cpu.h"

const struct machvm__needle_loops *machvm__needle_loops(void)
{
	return &machvm__needle_plain;
}
