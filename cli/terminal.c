/* SPDX-License-Identifier: MIT */
/* terminal - colours where somebody looks, and text that cannot steer it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "terminal.h"

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

void terminal_print(FILE *stream, const char *text)
{
	const unsigned char *at;

	for (at = (const unsigned char *)text; *at; at++) {
		if (*at < 0x20 || *at == 0x7f)
			fprintf(stream, "\\%03o", *at);
		else
			fputc(*at, stream);
	}
}
