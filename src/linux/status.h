/* SPDX-License-Identifier: MIT */
/*
 * status.h - fields of the texts that /proc writes as "Name:\tvalue ...", one to
 * a line. A program's name cannot forge a line: the kernel escapes newlines.
 */
#ifndef MACHVM_LINUX_STATUS_H
#define MACHVM_LINUX_STATUS_H

#include <stddef.h>
#include <stdint.h>

/* The decimal numbers of a field, at most `most`; how many there are, 0 without the field. */
int machvm__status_numbers(const char *text, const char *name, int64_t *numbers, int most);
/* The first of them, or `otherwise`. */
int64_t machvm__status_number(const char *text, const char *name, int64_t otherwise);
/* A field of hexadecimal digits (a mask), or 0. */
uint64_t machvm__status_mask(const char *text, const char *name);
/* The first letter of a field, or '\0'. */
char machvm__status_letter(const char *text, const char *name);

#endif
