/* SPDX-License-Identifier: MIT */
/* A crowd of forked children, each of which reports its own copy of the memory on request. */
#include "pattern.h"
#include "process.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

struct member {
	sem_t ask, answer;
	uint64_t address, size, sum;
	pid_t pid;
};

/* Shared with the children. */
static struct member *members;
static unsigned member_count;

static void member_live(struct member *self, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	close_range(0, ~0u, 0);
	for (;;) {
		if (sem_wait(&self->ask) != 0)
			continue;
		self->sum = pattern_sum((const void *)(uintptr_t)self->address, self->size, 0);
		sem_post(&self->answer);
	}
}

void process_herd(struct channel *channel, unsigned count)
{
	pid_t parent = getpid(), child;

	members = mmap(NULL, count * sizeof(*members), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (members == MAP_FAILED) {
		channel_result(channel, -errno);
		return;
	}
	for (member_count = 0; member_count < count; member_count++) {
		struct member *member = &members[member_count];

		sem_init(&member->ask, 1, 0);
		sem_init(&member->answer, 1, 0);
		child = fork();
		if (child == 0)
			member_live(member, parent);
		if (child < 0) {
			channel_result(channel, -errno);
			return;
		}
		member->pid = child;
	}
	channel_result(channel, 0);
}

void process_herd_pid(struct channel *channel, unsigned index)
{
	if (index >= member_count)
		channel_result(channel, -EINVAL);
	else
		channel_answer(channel, "ok %x\n", (unsigned)members[index].pid);
}

void process_herd_sum(struct channel *channel, unsigned index, uint64_t address, size_t size)
{
	struct member *member = &members[index];

	if (index >= member_count) {
		channel_result(channel, -EINVAL);
		return;
	}
	member->address = address;
	member->size = size;
	sem_post(&member->ask);
	while (sem_wait(&member->answer) != 0)
		;
	channel_answer(channel, "ok %llx\n", (unsigned long long)member->sum);
}
