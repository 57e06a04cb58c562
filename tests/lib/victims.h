/* SPDX-License-Identifier: MIT */
/* What the parts of the harness share about victims; tests include harness.h. */
#ifndef TESTS_VICTIMS_H
#define TESTS_VICTIMS_H

#include "harness.h"

/* As victim_spawn_as(), with another way to fork; NULL when that fails. */
struct victim *victim_spawn_with(enum word word, uid_t uid, pid_t (*make)(void *), void *context);
void victims_end(void);

#endif
