/* SPDX-License-Identifier: MIT */
#ifndef TESTS_RUNS_H
#define TESTS_RUNS_H

#include <stdbool.h>

/*
 * Whether the kernel executes that program, which must end at once when it is told nothing. One without emulation of 32-bit calls
 * (CONFIG_IA32_EMULATION, ia32_emulation= since 6.7) refuses 32-bit ones with ENOEXEC.
 */
bool program_runs(const char *path);

#endif
