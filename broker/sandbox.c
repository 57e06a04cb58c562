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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uapi.h"

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
	"accept4", "brk", "clock_gettime", "connect", "dup", "epoll_create1", "epoll_ctl",
	"epoll_pwait", "epoll_wait", "exit", "exit_group", "fstat", "fstatfs", "futex",
	"getdents64", "getegid", "geteuid", "getgid", "getpid", "getrandom", "getsockname", "getsockopt",
	"gettid", "getuid", "kcmp", "lseek", "madvise", "munmap", "mremap", "newfstatat",
	"pidfd_open", "poll", "ppoll", "pread64", "read", "readlink",
	"readlinkat", "recvmsg", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"sched_yield", "sendmsg", "sendto", "shutdown", "stat", "statx",
};

static int allow(scmp_filter_ctx filter, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	/* A call that this processor does not have is one less. */
	if (call < 0)
		return 0;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

/* One shape of a call, by at most two of its arguments. */
struct shape {
	int call;
	unsigned count;
	struct scmp_arg_cmp arguments[2];
};

/* Flags of open(2) that make or empty a file. */
#define MAKING (O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))
#define EQUALS(argument, value) {argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value)}
#define LACKS(argument, bits)   {argument, SCMP_CMP_MASKED_EQ, bits, 0}

static const struct shape shapes[] = {
	{SCMP_SYS(openat), 1, {{2, SCMP_CMP_MASKED_EQ, MAKING | O_ACCMODE, O_RDONLY}}},
	/* Control calls of files of /proc and of pidfds, and what a client has yet to take. */
	{SCMP_SYS(ioctl), 1, {EQUALS(1, MACHVM__PROCMAP_QUERY)}},
	{SCMP_SYS(ioctl), 1, {EQUALS(1, MACHVM__PAGEMAP_SCAN)}},
	{SCMP_SYS(ioctl), 1, {EQUALS(1, MACHVM__PIDFD_GET_INFO)}},
	{SCMP_SYS(ioctl), 1, {EQUALS(1, SIOCOUTQ)}},
	/* The journal's socket, should it have to be opened again. */
	{SCMP_SYS(socket), 1, {EQUALS(0, AF_UNIX)}},
	/* Memory is never made executable, and a file never written by way of memory. */
	{SCMP_SYS(mprotect), 1, {LACKS(2, PROT_EXEC)}},
	{SCMP_SYS(mmap), 2, {LACKS(2, PROT_EXEC), LACKS(3, MAP_SHARED)}},
	/* Standard error stays what it is: it is the one descriptor that may be written to. */
	{SCMP_SYS(close), 1, {{0, SCMP_CMP_NE, STDERR_FILENO, 0}}},
	/* No signals by way of a descriptor. */
	{SCMP_SYS(fcntl), 1, {EQUALS(1, F_DUPFD_CLOEXEC)}},
	{SCMP_SYS(fcntl), 1, {EQUALS(1, F_GETFD)}},
	{SCMP_SYS(fcntl), 1, {EQUALS(1, F_SETFD)}},
	{SCMP_SYS(fcntl), 1, {EQUALS(1, F_GETFL)}},
	{SCMP_SYS(fcntl), 1, {EQUALS(1, F_SETFL)}},
	/* Its own limits. */
	{SCMP_SYS(prlimit64), 1, {EQUALS(0, 0)}},
};

/* A right to control is a descriptor that is open for writing. */
static const struct shape writing = {
	SCMP_SYS(openat), 1, {{2, SCMP_CMP_MASKED_EQ, MAKING | O_ACCMODE, O_RDWR}}};
static const struct shape speaking = {SCMP_SYS(write), 1, {EQUALS(0, STDERR_FILENO)}};

static int allow_shape(scmp_filter_ctx filter, const struct shape *shape)
{
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, shape->call, shape->count,
				      shape->arguments);
}

static int allow_shapes(scmp_filter_ctx filter, bool writes, bool speaks)
{
	/* abort(3). */
	const struct shape end = {SCMP_SYS(tgkill), 1, {EQUALS(0, getpid())}};
	int r = allow_shape(filter, &end);

	for (size_t i = 0; !r && i < sizeof(shapes) / sizeof(shapes[0]); i++)
		r = allow_shape(filter, &shapes[i]);
	if (!r && writes)
		r = allow_shape(filter, &writing);
	if (!r && speaks)
		r = allow_shape(filter, &speaking);
	return r;
}

int sandbox_filter_calls(bool writes, bool speaks)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < sizeof(calls) / sizeof(calls[0]); i++)
		r = allow(filter, calls[i]);
	if (!r)
		r = allow_shapes(filter, writes, speaks);
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
