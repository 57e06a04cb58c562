/* SPDX-License-Identifier: MIT */
/* size - numbers of bytes as people read them. */
#ifndef CLI_SIZE_H
#define CLI_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* "12 B", "3.4 MiB": at most 10 characters. */
void size_print(char *text, size_t size, uint64_t bytes);

#endif
