/* SPDX-License-Identifier: MIT */
/* Threads that make one call each. */
#include "job.h"

#include <pthread.h>
#include <string.h>

struct job {
	pthread_t thread;
	bool running;
	const struct call *call;
	const struct copy_call *copy;
	mach_port_t task;
	uint64_t address, size, dest;
	void *local;
	kern_return_t code;
	struct machvm_error detail;
};

static struct job jobs[16];
static unsigned job_count;

static void *job_run(void *argument)
{
	struct job *job = argument;

	if (job->call != NULL)
		job->code = job->call->run(job->task, job->address, job->local, job->size);
	else
		job->code = job->copy->run(job->task, job->address, job->size, job->dest);
	if (job->code != KERN_SUCCESS)
		job->detail = *machvm_last_error();
	return NULL;
}

static struct job *start(const struct job *what)
{
	struct job *job = &jobs[job_count];

	if (job_count == ARRAY_SIZE(jobs))
		fail_case("more calls at a time than the harness counts");
	*job = *what;
	if (pthread_create(&job->thread, NULL, job_run, job) != 0)
		fail_case("no thread for a call");
	job->running = true;
	job_count++;
	return job;
}

struct job *job_start(const struct call *call, mach_port_t task, uint64_t address, void *local,
		      uint64_t size)
{
	return start(&(struct job){
		.call = call, .task = task, .address = address, .local = local, .size = size});
}

struct job *job_start_copy(const struct copy_call *call, mach_port_t task, uint64_t source,
			   uint64_t size, uint64_t dest)
{
	return start(&(struct job){
		.copy = call, .task = task, .address = source, .size = size, .dest = dest});
}

kern_return_t job_join(struct job *job, struct machvm_error *detail)
{
	pthread_join(job->thread, NULL);
	job->running = false;
	while (job_count > 0 && !jobs[job_count - 1].running)
		job_count--;
	if (detail != NULL)
		*detail = job->detail;
	return job->code;
}

void jobs_end(void)
{
	while (job_count > 0)
		job_join(&jobs[job_count - 1], NULL);
}
