/* SPDX-License-Identifier: MIT */
/* right - the rights of a task port by their names. */
#ifndef CLI_RIGHT_H
#define CLI_RIGHT_H

#include <machvm.h>

#define RIGHT_COUNT 4

/* By enum machvm_right: "control", "read", "inspect", "name". */
extern const char *const right_names[RIGHT_COUNT];

/* Complains. */
int right_parse(const char *name, enum machvm_right *right);

#endif
