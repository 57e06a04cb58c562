/* SPDX-License-Identifier: MIT */
/* sandbox.c - capabilities by libcap-ng, system calls by libseccomp. */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * /proc/PID/mem is of mode 600 and its owner the process's: CAP_SYS_PTRACE opens the gate
 * of ptrace(2) and not the file's. Reading takes CAP_DAC_READ_SEARCH besides, writing
 * CAP_DAC_OVERRIDE (tried on 6.18). What the broker was not started with, it does without.
 */
static const unsigned kept[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE};

int sandbox_drop_capabilities(void)
{
	int bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	int have[sizeof(kept) / sizeof(kept[0])];

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		have[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (have[i] && capng_update(CAPNG_ADD,
					    (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED |
							   CAPNG_BOUNDING_SET),
					    kept[i]))
			return -EPERM;
	/* Who may not lower the bounds has had them lowered by whoever started it, or has none. */
	if (capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS))
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* Nobody of the same user looks into this process, or takes its descriptors. */
	return prctl(PR_SET_DUMPABLE, 0) ? -errno : 0;
}

/* What it makes of its own, through the libraries that it is built on. */
static const char *const calls[] = {
	"accept4", "brk", "clock_gettime", "close", "connect", "dup", "epoll_create1", "epoll_ctl",
	"epoll_pwait", "epoll_wait", "exit", "exit_group", "fcntl", "fstat", "fstatfs", "futex",
	"getdents64", "getegid", "geteuid", "getgid", "getpid", "getrandom", "getsockname", "getsockopt",
	"gettid", "getuid", "kcmp", "lseek", "madvise", "mmap", "munmap", "mremap", "newfstatat",
	"pidfd_open", "poll", "ppoll", "pread64", "prlimit64", "read", "readlink",
	"readlinkat", "recvmsg", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"sched_yield", "sendmsg", "sendto", "shutdown", "stat", "statx", "tgkill",
};

static int allow(scmp_filter_ctx filter, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	/* A call that this processor does not have is one less. */
	if (call < 0)
		return 0;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

/* What is allowed in one shape only. */
static int allow_some(scmp_filter_ctx filter)
{
	/* Words for people, and nothing into any other file. */
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
				 SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO));

	/* Nothing is made, and nothing emptied. */
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, O_CREAT | O_TRUNC, 0));
	/* Control calls of files of /proc and of pidfds; none of them is a driver's. */
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, 'f' << 8));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, 0xff00));
	/* What a client has yet to take. */
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, SIOCOUTQ));
	/* The journal's socket, should it have to be opened again. */
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	/* Memory is never made executable. */
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
	return r;
}

int sandbox_filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < sizeof(calls) / sizeof(calls[0]); i++)
		r = allow(filter, calls[i]);
	if (!r)
		r = allow_some(filter);
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
