/* SPDX-License-Identifier: MIT */
/* utf8 - characters in bytes that somebody else chose. */
#ifndef CLI_UTF8_H
#define CLI_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes at `at` are one character, and which one; 0 when they are none. */
size_t utf8_character(const unsigned char *at, size_t left, uint32_t *code);

/*
 * Does it steer whatever shows it: a control character, those of Unicode (a terminal takes
 * U+009B for the beginning of a command) as well as ASCII's, a separator of lines, or a change
 * of the direction of writing, under which a name reads as another one?
 */
int utf8_steers(uint32_t code);

/* How many bytes at `at` are a character that steers nothing; 0 for one that is to be escaped. */
size_t utf8_harmless(const unsigned char *at, size_t left);

#endif
