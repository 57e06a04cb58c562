/* SPDX-License-Identifier: MIT */
/* terminal - colours where somebody looks, and text that cannot steer it. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdio.h>

#define TERMINAL_PLAIN  "\033[0m"
#define TERMINAL_BOLD   "\033[1m"
#define TERMINAL_DIM    "\033[2m"
#define TERMINAL_RED    "\033[31m"
#define TERMINAL_GREEN  "\033[32m"
#define TERMINAL_YELLOW "\033[33m"

/* `style` when `stream` is a terminal and NO_COLOR is unset or empty, else "". */
const char *terminal_style(FILE *stream, const char *style);

/*
 * Prints `text` with every byte as \ooo, as the kernel does in maps, that is of a character
 * which could steer the terminal, or of none.
 */
void terminal_print(FILE *stream, const char *text);
void terminal_print_some(FILE *stream, const char *text, size_t size);

#endif
