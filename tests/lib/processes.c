/* SPDX-License-Identifier: MIT */
/* clone3 with a chosen pid or a namespace, and giving up root. */
#include "processes.h"
#include "victims.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/sched.h>

static pid_t make_with_pid(void *context)
{
	pid_t *pid = context;
	struct clone_args arguments = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)pid,
		.set_tid_size = 1,
	};

	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

struct victim *victim_spawn_with_pid(enum word word, pid_t pid)
{
	return victim_spawn_with(word, (uid_t)-1, make_with_pid, &pid);
}

/* A number that was somebody's a moment ago is the last that the kernel gives out by itself. */
bool victim_pid_can_be_chosen(void)
{
	struct victim *victim = victim_spawn(WORD_64);
	pid_t pid = victim->pid;

	victim_kill(victim);
	victim = victim_spawn_with_pid(WORD_64, pid);
	if (victim == NULL)
		return false;
	victim_kill(victim);
	return true;
}

static pid_t make_in_namespace(void *unused)
{
	struct clone_args arguments = {
		.flags = CLONE_NEWPID,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));

	if (pid >= 0 || errno != EPERM)
		return pid;
	arguments.flags |= CLONE_NEWUSER;
	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

struct victim *victim_spawn_in_namespace(enum word word)
{
	return victim_spawn_with(word, (uid_t)-1, make_in_namespace, NULL);
}

void become_nobody(void)
{
	if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) != 0)
		fail_case("cannot become user %d: %s", NOBODY, strerror(errno));
	/* The change of user took it away. */
	prctl(PR_SET_DUMPABLE, 1);
}
