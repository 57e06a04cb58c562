/* SPDX-License-Identifier: MIT */
/* journal.h - every decision leaves a line: syslog, or standard error where that is asked for. */
#ifndef BROKER_JOURNAL_H
#define BROKER_JOURNAL_H

#include <stdbool.h>

void journal_open(bool to_standard_error);

/* Control characters become question marks: nobody writes a line of his own. */
void journal_decision(const char *format, ...) __attribute__((format(printf, 1, 2)));
void journal_trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
