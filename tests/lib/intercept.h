/* SPDX-License-Identifier: MIT */
/*
 * Doing something at the instant when a call of the library has made up its
 * mind and its system call enters the kernel: a seccomp filter turns the copies
 * and looks of one thread into a signal, whose handler waits for the test to act and
 * then makes the call. What is otherwise a race of microseconds happens every
 * time. (The test acts in its own thread, because victims inherit filters.)
 */
#ifndef TESTS_INTERCEPT_H
#define TESTS_INTERCEPT_H

#include <stdbool.h>

/* False where this processor is not known here. */
bool intercept_possible(void);

/*
 * Runs body(context) in a thread of its own, and action() in this one just
 * before the `count`-th process_vm_readv, process_vm_writev, kcmp, pread64,
 * pwrite64 or ioctl of that thread (the first is 1) enters the kernel. False when body
 * was through before it came to that.
 */
bool intercept_run(unsigned count, void (*action)(void), void (*body)(void *), void *context);

/* The same before each of `times` such system calls, from the `count`-th on. */
bool intercept_run_from(unsigned count, unsigned times, void (*action)(void), void (*body)(void *),
			void *context);

#endif
