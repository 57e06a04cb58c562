/* SPDX-License-Identifier: MIT */
/* audit - a line in the system's journal about what this command opens, where that is asked for. */
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include <machvm.h>

/* syslog or stderr; any other value is syslog. */
#define AUDIT_VARIABLE "MACHVM_AUDIT"

/* Is the word --audit or --audit=WHERE? Then lines are written from now on. */
int audit_option(const char *word);

/* The verb that runs, for the lines to come. */
void audit_verb(const char *verb);

/* A process has been opened, or has not: with the exit status that it comes to. */
void audit_open(int pid, const char *name, enum machvm_right right, int status);

#endif
