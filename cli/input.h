/* SPDX-License-Identifier: MIT */
/* input - the bytes of a file or of standard input, all of them at once. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdint.h>

#include "memory.h"

#define INPUT_ALL UINT64_MAX

/*
 * The first `size` bytes, or INPUT_ALL. Complains when the file cannot be read,
 * or is shorter (STATUS_USAGE). "-" is standard input.
 */
int input_read(const char *path, uint64_t size, struct bytes *bytes);

#endif
