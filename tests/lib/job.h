/* SPDX-License-Identifier: MIT */
/*
 * A call that may wait for something the test has yet to do: it runs in a thread
 * of its own. The teardown of a test ends its victims, which lets every call
 * return, and then joins what was not joined.
 */
#ifndef TESTS_JOB_H
#define TESTS_JOB_H

#include "calls.h"

struct job;

/* Starts call->run(task, address, local, size). */
struct job *job_start(const struct call *call, mach_port_t task, uint64_t address, void *local,
		      uint64_t size);
struct job *job_start_copy(const struct copy_call *call, mach_port_t task, uint64_t source,
			   uint64_t size, uint64_t dest);
/* Waits for its end and returns the code; *detail is that thread's record after a failure. */
kern_return_t job_join(struct job *job, struct machvm_error *detail);
void jobs_end(void);

#endif
