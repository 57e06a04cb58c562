/* SPDX-License-Identifier: MIT */
/*
 * The thread that opens a session: what of it is set aside meanwhile, and that whoever
 * traces for it is not kept waiting by the CPU that both were put on.
 */
#include "held.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall.h"

/*
 * While a thread of the caller traces, the kernel tells this process about each stop of the
 * target, as if it were a child (SIGCHLD, CLD_TRAPPED). Nobody asked for that. Ends of
 * real children are told as ever.
 */
void machvm__opener_mute(struct machvm__session *s)
{
	struct sigaction muted;

	if (sigaction(SIGCHLD, NULL, &s->opener_child) ||
	    (s->opener_child.sa_flags & SA_NOCLDSTOP) || s->opener_child.sa_handler == SIG_IGN)
		return;
	/* Forgotten when we unblock it: one thread, and no handler. */
	if (s->opener_child.sa_handler == SIG_DFL &&
	    !(s->opener_mask & UINT64_C(1) << (SIGCHLD - 1)))
		return;
	muted = s->opener_child;
	muted.sa_flags |= SA_NOCLDSTOP;
	s->opener_muted = !sigaction(SIGCHLD, &muted, NULL);
}

/* A child of the caller that stopped or continued meanwhile is told of late. */
void machvm__opener_unmute(struct machvm__session *s)
{
	siginfo_t info = {0};

	if (!s->opener_muted)
		return;
	sigaction(SIGCHLD, &s->opener_child, NULL);
	s->opener_muted = false;
	if (s->opener_child.sa_handler == SIG_DFL ||
	    machvm__syscall6(SYS_waitid, P_ALL, 0, (long)&info,
			     WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT, 0, 0) ||
	    !info.si_pid)
		return;
	info.si_signo = SIGCHLD;
	machvm__syscall3(SYS_rt_sigqueueinfo, getpid(), SIGCHLD, (long)&info);
}

void machvm__opener_block(struct machvm__session *s)
{
	uint64_t all = UINT64_MAX;

	machvm__syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&s->opener_mask, 8);
}

void machvm__opener_unblock(struct machvm__session *s)
{
	machvm__syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&s->opener_mask, 0, 8);
}

/*
 * A CPU that was free when the helper went there may be somebody else's now, and a target must
 * not wait for that. Nobody but us would notice: whoever gets no time looks at no clock.
 */
void machvm__opener_relieve(void *session)
{
	struct machvm__session *s = session;

	if (__atomic_load_n(&s->opener_moved, __ATOMIC_ACQUIRE))
		machvm__syscall3(SYS_sched_setaffinity, 0, sizeof(s->opener_affinity),
				 (long)s->opener_affinity);
	if (s->tracer && __atomic_load_n(&s->moved, __ATOMIC_ACQUIRE))
		machvm__syscall3(SYS_sched_setaffinity, machvm__tracer_pid(s->tracer),
				 sizeof(s->affinity), (long)s->affinity);
}
