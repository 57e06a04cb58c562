/* SPDX-License-Identifier: MIT */
/*
 * provenance.h - is a descriptor that somebody gave us what it is said to be?
 * Asked without ever reading from it, for it may be a file of a file system that
 * its giver serves, and may wait for ever.
 *
 *   0         it is
 *   -EBADF    it is something else, or not open for that
 *   -EXDEV    it belongs to another process
 *   -ENOENT   the /proc that is mounted here cannot tell: it hides the process, or
 *             counts in another pid namespace than the one that it is from
 *   -ESRCH    the process is gone
 */
#ifndef MACHVM_LINUX_PROVENANCE_H
#define MACHVM_LINUX_PROVENANCE_H

#include "process.h"

/* A pidfd of a whole process, or a directory /proc/PID. */
int machvm__provenance_handle(int fd, enum machvm__handle *kind,
                              struct machvm__process_numbers *numbers);

/*
 * /proc/PID/NAME of the process with those numbers (or its thread's), open with
 * `access` (O_RDONLY or O_RDWR). True for as long as the process lives, which the caller has
 * to prove afterwards: paths are compared, and they name numbers.
 */
int machvm__provenance_file(int fd, const struct machvm__process_numbers *numbers, const char *name,
                            int access);

#endif
