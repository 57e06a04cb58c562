/* SPDX-License-Identifier: MIT */
/* subject.c - starting the subject program and hearing where its memory is. */
#include "subject.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

static int caller_cpu = -1, subject_cpu = -1;
static cpu_set_t allowed;

void pin_caller(void)
{
	cpu_set_t one;

	if (sched_getaffinity(0, sizeof allowed, &allowed))
		die("sched_getaffinity: %s", strerror(errno));
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		if (caller_cpu < 0)
			caller_cpu = cpu;
		else if (subject_cpu < 0)
			subject_cpu = cpu;
	}
	CPU_ZERO(&one);
	CPU_SET(caller_cpu, &one);
	if (sched_setaffinity(0, sizeof one, &one))
		die("sched_setaffinity: %s", strerror(errno));
}

unsigned unpin_caller(void)
{
	if (sched_setaffinity(0, sizeof allowed, &allowed))
		die("sched_setaffinity: %s", strerror(errno));
	return (unsigned)CPU_COUNT(&allowed);
}

static void exec_subject(const char *kind, const char *count)
{
	cpu_set_t one;
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "bench-subject");
	char *slash;

	if (length < 0)
		_exit(127);
	path[length] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash + 1, "bench-subject");
	if (subject_cpu >= 0) {
		CPU_ZERO(&one);
		CPU_SET(subject_cpu, &one);
		sched_setaffinity(0, sizeof one, &one);
	}
	execl(path, path, kind, count, (char *)NULL);
	_exit(127);
}

static FILE *start(struct subject *subject, const char *kind, size_t count)
{
	char number[32];
	unsigned long address;
	int out[2];
	FILE *said;

	snprintf(number, sizeof number, "%zu", count);
	if (pipe(out))
		die("pipe: %s", strerror(errno));
	subject->pid = fork();
	if (subject->pid < 0)
		die("fork: %s", strerror(errno));
	if (subject->pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		exec_subject(kind, number);
	}
	close(out[1]);
	said = fdopen(out[0], "r");
	if (!said || fscanf(said, "%lx", &address) != 1)
		die("the subject '%s %s' did not come up", kind, number);
	subject->address = address;
	if (task_for_pid(mach_task_self(), subject->pid, &subject->task) != KERN_SUCCESS)
		die("no task for the subject");
	return said;
}

void subject_memory(struct subject *subject, size_t size)
{
	fclose(start(subject, "memory", size));
}

void subject_regions(struct subject *subject, unsigned count)
{
	fclose(start(subject, "regions", count));
}

void subject_crowd(struct subject *subject, unsigned count, pid_t *pids)
{
	FILE *said = start(subject, "crowd", count);

	for (unsigned i = 0; i < count; i++)
		if (fscanf(said, "%d", &pids[i]) != 1)
			die("the crowd did not come up");
	fclose(said);
}

void subject_end(struct subject *subject)
{
	mach_port_deallocate(mach_task_self(), subject->task);
	kill(subject->pid, SIGKILL);
	waitpid(subject->pid, NULL, 0);
}

void *own_memory(size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		die("no memory: %s", strerror(errno));
	madvise(data, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < size; i++)
		((unsigned char *)data)[i] = (unsigned char)(i * 131 + (i >> 12));
	return data;
}
