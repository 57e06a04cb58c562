/* SPDX-License-Identifier: MIT */
/*
 * error.h - the calling thread's detail record, and the one place where what
 * went wrong becomes a kern_return_t and a sentence.
 *
 * Who first decides that a call fails fills the record; success never touches
 * it. Every function returns the code that it recorded.
 */
#ifndef MACHVM_TASK_ERROR_H
#define MACHVM_TASK_ERROR_H

#include <mach/kern_return.h>

#include "fault.h"
#include "space.h"
#include "target.h"

/* A failure that no address and no system call is behind. `step` is a constant. */
kern_return_t machvm__error(kern_return_t code, const char *step, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with an errno (positive) behind it. */
kern_return_t machvm__error_system(kern_return_t code, int error, const char *step,
                                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Opening a process failed with -errno: DENIED, SHORTAGE or INVALID_DEST. */
kern_return_t machvm__error_open(int pid, int r);

/* The process is gone; or it lives, and the right to it that was received is not for its new program. */
kern_return_t machvm__error_gone(const struct machvm__target *target, const char *step);

/* A transfer or a look-up failed. */
kern_return_t machvm__error_fault(const struct machvm__target *target,
                                  const struct machvm__fault *fault);

/*
 * Looking at the target's map failed with -errno; or changing it was refused by
 * the session (space->refusal says why), or broke in the middle.
 */
kern_return_t machvm__error_look(const struct machvm__target *target, int r);
kern_return_t machvm__error_space(const struct machvm__space *space, int r);

/* A copy past the target's protections, of memory that nobody asked for it, failed there. */
kern_return_t machvm__error_force(const struct machvm__target *target, uint64_t raddr, int r);

/* The helper that held the target still was killed: `done` bytes were moved all the same. */
kern_return_t machvm__error_stop_lost(const struct machvm__target *target, uint64_t raddr,
                                      uint64_t done);

/* A failure at an address of the target. `step` is a constant; `error` is 0 or positive. */
kern_return_t machvm__error_at(const struct machvm__target *target, uint64_t raddr,
                               kern_return_t code, int error, const char *step,
                               const char *format, ...) __attribute__((format(printf, 6, 7)));

/* What the process is called in a sentence. */
int machvm__error_pid(const struct machvm__target *target);

#endif
