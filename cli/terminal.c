/* SPDX-License-Identifier: MIT */
/* terminal - colours where somebody looks, and text that cannot steer it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "terminal.h"
#include "utf8.h"

const char *terminal_style(FILE *stream, const char *style)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *kind = getenv("TERM");

	if (no_colour && no_colour[0])
		return "";
	if (!kind || !kind[0] || (kind[0] == 'd' && kind[1] == 'u' && kind[2] == 'm'))
		return "";
	return isatty(fileno(stream)) ? style : "";
}

void terminal_print_some(FILE *stream, const char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + size;

	while (at < end) {
		size_t length = utf8_harmless(at, (size_t)(end - at));

		if (length)
			fwrite(at, 1, length, stream);
		else
			fprintf(stream, "\\%03o", *at);
		at += length ? length : 1;
	}
}

void terminal_print(FILE *stream, const char *text)
{
	terminal_print_some(stream, text, strlen(text));
}
