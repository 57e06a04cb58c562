/* SPDX-License-Identifier: MIT */
/*
 * target - the process that a verb works on, opened with the right it needs.
 *
 * A pid is looked at once only, to get a pidfd; what is learnt about the name is
 * learnt while the pidfd is held, so that it is true of the process that is used.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mach/mach_init.h>
#include <mach/mach_port.h>
#include <mach/mach_traps.h>
#include <mach/message.h>

#include "audit.h"
#include "brokered.h"
#include "failure.h"
#include "granted.h"
#include "process.h"
#include "target.h"
#include "task_name.h"

int target_hold(int pid)
{
	char path[32];
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0 && errno == ENOSYS) {
		/* Before 5.3: the directory names the process just as well. */
		snprintf(path, sizeof(path), "/proc/%d", pid);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static int complain_hold(int pid, int error)
{
	int leader = process_of_thread(pid);

	if (leader && leader != pid)
		return failure_say(STATUS_NO_TASK,
				   "%d is a thread, not a process; its process is %d", pid, leader);
	if (error == ESRCH || error == ENOENT || error == EINVAL)
		return failure_say(STATUS_NO_TASK, "there is no process %d", pid);
	return failure_system(error, "cannot hold the process");
}

/* From the highest address in use: a 32-bit process has none above 4 GiB. */
static int note_high(const struct machvm_region *region, void *context)
{
	unsigned *word = context;

	*word = 8;
	return 1;
}

static unsigned word_size(const struct target *target)
{
	unsigned char ident[EI_NIDENT] = {0};
	int fd = process_program_open(target->pid);
	unsigned word = 4;

	if (fd >= 0) {
		ssize_t n = read(fd, ident, sizeof(ident));

		close(fd);
		if (n == EI_NIDENT && !memcmp(ident, ELFMAG, SELFMAG))
			return ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
	}
	if (machvm_region_walk(target->task, 1ull << 32, ~0ull, note_high, &word) != KERN_SUCCESS)
		return sizeof(void *);
	return word;
}

static int open_held(struct target *target, int pidfd, const char *task_name,
		     enum machvm_right right)
{
	struct process process;
	int status;

	int r = process_read(target->pid, &process);

	if (r && r != -ESRCH)
		return failure_system(-r, "cannot look at the process");
	if (r || !task_name_fits(task_name, target->pid))
		return failure_say(STATUS_NO_TASK, "%s has just ended", task_name);
	status = brokered_open(pidfd, right, &target->task);
	if (status)
		return status;
	memcpy(target->name, process.name, sizeof(target->name));
	target->word = word_size(target);
	return STATUS_DONE;
}

/* What has been granted names a process; nothing else of it need be in sight. */
static int open_granted(struct target *target, enum machvm_right right)
{
	struct process process = {.name = "?"};
	int status = granted_receive(right, &target->task);

	if (status)
		return status;
	if (pid_for_task(target->task, &target->pid) != KERN_SUCCESS)
		return failure_say(STATUS_NO_TASK, "the process has just ended");
	process_read(target->pid, &process);
	memcpy(target->name, process.name, sizeof(target->name));
	target->word = word_size(target);
	return STATUS_DONE;
}

static int open_named(struct target *target, const char *task_name, enum machvm_right right)
{
	int pidfd, status;

	if (granted_is(task_name))
		return open_granted(target, right);
	status = task_name_resolve(task_name, &target->pid);
	if (status)
		return status;
	pidfd = target_hold(target->pid);
	if (pidfd < 0)
		return complain_hold(target->pid, -pidfd);
	status = open_held(target, pidfd, task_name, right);
	close(pidfd);
	return status;
}

int target_open(struct target *target, const char *task_name, enum machvm_right right)
{
	int status;

	memset(target, 0, sizeof(*target));
	status = open_named(target, task_name, right);
	audit_open(target->pid, target->name[0] ? target->name : task_name, right, status);
	return status;
}

void target_close(struct target *target)
{
	if (target->task != MACH_PORT_NULL)
		mach_port_deallocate(mach_task_self(), target->task);
	target->task = MACH_PORT_NULL;
}
