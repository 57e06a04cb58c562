/* SPDX-License-Identifier: MIT */
/* journal.c - lines for whoever watches the broker. */
#include "journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static bool standard_error;

void journal_open(bool to_standard_error)
{
	standard_error = to_standard_error;
	if (!standard_error)
		openlog("machvmd", LOG_NDELAY | LOG_PID, LOG_AUTHPRIV);
}

static void say(int priority, const char *format, va_list arguments)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, arguments);
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	if (standard_error)
		fprintf(stderr, "machvmd: %s\n", line);
	else
		syslog(priority, "%s", line);
}

void journal_decision(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(LOG_NOTICE, format, arguments);
	va_end(arguments);
}

void journal_trouble(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(LOG_ERR, format, arguments);
	va_end(arguments);
}
