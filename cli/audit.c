/* SPDX-License-Identifier: MIT */
/* audit - a line in the system's journal about what this command opens, where that is asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "audit.h"
#include "right.h"

static const char *where, *verb = "?";

int audit_option(const char *word)
{
	static const char option[] = "--audit";
	size_t length = sizeof(option) - 1;

	if (strncmp(word, option, length) || (word[length] && word[length] != '='))
		return 0;
	where = word[length] ? word + length + 1 : "syslog";
	return 1;
}

void audit_verb(const char *name)
{
	verb = name;
}

/* The name of a process is its own choice: nobody writes a line of his own. */
static void copy_name(char *to, size_t size, const char *name)
{
	size_t i;

	for (i = 0; name[i] && i + 1 < size; i++)
		to[i] = (unsigned char)name[i] <= ' ' || name[i] == 0x7f ? '?' : name[i];
	to[i] = '\0';
}

void audit_open(int pid, const char *name, enum machvm_right right, int status)
{
	const char *to = where ? where : getenv(AUDIT_VARIABLE);
	char line[256], program[64];

	if (!to || !*to)
		return;
	copy_name(program, sizeof(program), name);
	snprintf(line, sizeof(line), "%s: verb=%s uid=%u pid=%d right=%s target=%d program=%s status=%d",
		 status ? "refused" : "opened", verb, (unsigned)getuid(), (int)getpid(),
		 right_names[right], pid, program, status);
	if (!strcmp(to, "stderr")) {
		fprintf(stderr, "machvm: audit: %s\n", line);
		return;
	}
	openlog("machvm", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE, "%s", line);
	closelog();
}
