/* SPDX-License-Identifier: MIT */
/*
 * force_policy.c - two processes that share this one's memory: one traces the other, and
 * writes through its descriptor where nobody may write.
 *
 * It takes two, for the kernel asks whether the calling thread traces the very task whose
 * descriptor it is (fs/proc/base.c, proc_mem_foll_force), and what we traced ourselves a
 * wait of the caller's would see. They live on bare system calls: no thread of libc.
 */
#include "force_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "known.h"
#include "own_memory.h"
#include "syscall.h"

#define STACK ((size_t)32 << 10)

/* The descriptor of the traced one, before it is there; 0 when that process has ended. */
#define NOT_YET 1

struct trial {
	unsigned char *stacks; /* the traced one's above the tracer's */
	void *shut;            /* a page that nobody may write */
	int ready;             /* the descriptor + 2 */
	long result;           /* what the write came to */
};

/* To be traced. It opens its own descriptor: its number may mean another process below /proc. */
static int stand(void *arg)
{
	struct trial *trial = arg;
	long fd;

	machvm__syscall2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	fd = machvm__syscall4(SYS_openat, AT_FDCWD, (long)"/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return 1;
	__atomic_store_n(&trial->ready, (int)fd + 2, __ATOMIC_RELEASE);
	machvm__syscall3(SYS_futex, (long)&trial->ready, FUTEX_WAKE, 1);
	for (;;)
		machvm__syscall4(SYS_ppoll, 0, 0, 0, 0);
}

static int trace(void *arg)
{
	struct trial *trial = arg;
	char byte = 0;
	long traced = machvm__arch_clone(CLONE_VM | CLONE_FILES | CLONE_CHILD_CLEARTID,
					 trial->stacks + 2 * STACK, NULL, &trial->ready, NULL,
					 stand, trial);

	if (traced < 0)
		return 1;
	while (__atomic_load_n(&trial->ready, __ATOMIC_ACQUIRE) == NOT_YET)
		machvm__syscall4(SYS_futex, (long)&trial->ready, FUTEX_WAIT, NOT_YET, 0);
	if (trial->ready && machvm__syscall4(SYS_ptrace, PTRACE_SEIZE, traced, 0, 0) == 0)
		trial->result = machvm__syscall4(SYS_pwrite64, trial->ready - 2, (long)&byte, 1,
						 (long)trial->shut);
	machvm__syscall2(SYS_kill, traced, SIGKILL);
	machvm__syscall4(SYS_wait4, traced, 0, __WALL, 0);
	return 0;
}

/* What a tracer's write past the protections comes to: 1, or -errno. */
static long try_traced(struct trial *trial)
{
	uint64_t all = ~UINT64_C(0), before;
	long pid;

	machvm__syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof(all));
	/* We stand still meanwhile. No exit signal: no plain wait sees it. */
	pid = machvm__arch_clone(CLONE_VM | CLONE_VFORK, trial->stacks + STACK, NULL, NULL, NULL,
				 trace, trial);
	if (pid > 0)
		machvm__syscall4(SYS_wait4, pid, 0, __WALL, 0);
	machvm__syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof(all));
	return pid < 0 ? pid : trial->result;
}

static bool find_out(void)
{
	struct trial trial = {.ready = NOT_YET, .result = -ENOSYS};
	bool never = false;

	/* The offset of a file is one argument in programs of 64 bits alone. */
	if (sizeof(long) < sizeof(uint64_t) || machvm__own_memory_forces())
		return false;
	trial.stacks = machvm__own_memory_map(2 * STACK);
	trial.shut = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (trial.stacks && trial.shut != MAP_FAILED)
		never = try_traced(&trial) == -EIO;
	machvm__own_memory_unmap(trial.stacks, 2 * STACK);
	if (trial.shut != MAP_FAILED)
		munmap(trial.shut, 1);
	return never;
}

bool machvm__force_policy_never(void)
{
	static _Atomic int known;

	return machvm__known(&known, find_out);
}
