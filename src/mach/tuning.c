/* SPDX-License-Identifier: MIT */
/* tuning.c - what a caller may say about the means of the library: threads, memory. */
#include <machvm.h>

#include "arena.h"
#include "fork_notice.h"
#include "spread.h"
#include "tracer.h"

unsigned machvm_set_threads(unsigned count)
{
	return machvm__spread_set(count);
}

void machvm_trim(void)
{
	machvm__fork_notice();
	machvm__arena_trim();
	machvm__tracer_trim();
}
