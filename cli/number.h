/* SPDX-License-Identifier: MIT */
/*
 * number - the numbers people type.
 *
 * Decimal, or hexadecimal after 0x. A leading zero is refused: it would be
 * octal to some, and is half of a hexadecimal address to others.
 */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdint.h>

enum number_fault { NUMBER_FINE = 0, NUMBER_MALFORMED, NUMBER_TOO_LARGE };

/* The whole of `text` as a number. Says nothing. */
enum number_fault number_read(const char *text, uint64_t *value);

/* As number_read(), and complains: `what` names the number in the sentence. */
int number_parse(const char *text, const char *what, uint64_t *value);

/* A number of bytes or of anything: K, M, G and T multiply by powers of 1024. */
int number_parse_size(const char *text, const char *what, uint64_t *value);

/* As number_parse_size(), but 0 is none. */
int number_parse_count(const char *text, const char *what, uint64_t *value);

#endif
