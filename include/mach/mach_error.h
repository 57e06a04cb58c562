/* SPDX-License-Identifier: MIT */
/*
 * Texts of return codes.
 */
#ifndef MACH_MACH_ERROR_H
#define MACH_MACH_ERROR_H

#include <mach/error.h>
#include <mach/machvm_export.h>

__BEGIN_DECLS

/*
 * The text of a code: "(os/kern) protection failure",
 * "(ipc/send) invalid destination port".  Never NULL, never a newline; a code
 * beyond the tables is "unknown error code", an unknown subsystem
 * "(operating system/?) unknown subsystem error", an unknown system
 * "(?/?) unknown error system".  The string is constant and not the caller's.
 * Thread safety: any thread, and any signal handler.
 * XNU: the same texts.  Since: 0.1
 */
MACHVM_EXPORT char *mach_error_string(mach_error_t error_value);

/*
 * The source of a code: "(os/kern)", "(ipc/send)", "(ipc/rcv)", "(ipc/mig)".
 * Constant, as above.  Since: 0.1
 */
MACHVM_EXPORT char *mach_error_type(mach_error_t error_value);

/*
 * Prints str and the text of a code to standard error, as one line.  The one
 * routine of the library that prints.  Since: 0.1
 */
MACHVM_EXPORT void mach_error(const char *str, mach_error_t error_value);

__END_DECLS

#endif
