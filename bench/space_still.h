/* SPDX-License-Identifier: MIT */
/* space_still.h - for how long each routine has its target stand still. */
#ifndef BENCH_SPACE_STILL_H
#define BENCH_SPACE_STILL_H

#include <sched.h>

/* With the target kept to those CPUs: prints its rows. */
void space_stand_still(cpu_set_t cpus);

#endif
