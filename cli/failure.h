/* SPDX-License-Identifier: MIT */
/*
 * failure - one sentence on standard error, and the exit status that goes
 * with it.
 *
 * Whoever decides that something failed says so at once and passes the status
 * up; whoever gets a status other than STATUS_DONE says nothing more.
 */
#ifndef CLI_FAILURE_H
#define CLI_FAILURE_H

#include <mach/kern_return.h>

enum status {
	STATUS_DONE = 0,
	STATUS_NOTHING = 1,    /* nothing found, nothing changed */
	STATUS_USAGE = 2,      /* the words of the command line */
	STATUS_NO_TASK = 3,    /* no such process */
	STATUS_DENIED = 4,     /* the system refuses */
	STATUS_ADDRESS = 5,    /* not allocated, or no such symbol */
	STATUS_PROTECTION = 6, /* allocated, not permitted */
	STATUS_MEMORY = 7,     /* permitted, cannot be supplied or touched */
	STATUS_RESOURCES = 8,  /* memory, descriptors, disk */
	STATUS_OTHER = 9
};

/* Says "machvm: SENTENCE" and returns `status`. */
int failure_say(enum status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As failure_say() with the sentence of the library's last failure, `kr`. */
int failure_mach(kern_return_t kr);

/* As failure_say() for a system call on `what` that failed with `error`. */
int failure_system(int error, const char *what);

/* Says "machvm: SENTENCE"; nothing has failed. */
void failure_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum status failure_status(kern_return_t kr);

#endif
