/* SPDX-License-Identifier: MIT */
/* The tracing requests on bare system calls. */
#include "trace.h"

#include <elf.h>
#include <errno.h>
#include <linux/ptrace.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "syscall.h"

/* Newer than some headers we build with. */
#define SUSPEND_SECCOMP   (1 << 21) /* PTRACE_O_SUSPEND_SECCOMP, Linux 4.3 */
#define GET_RSEQ          0x420f    /* PTRACE_GET_RSEQ_CONFIGURATION, Linux 5.13 */
#define GET_USER_DISPATCH 0x4211    /* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, Linux 6.4 */

static long request(long what, int tid, long address, long data)
{
	return machvm__syscall4(SYS_ptrace, what, tid, address, data);
}

int machvm__trace_seize(int tid, bool unfiltered)
{
	long options = PTRACE_O_TRACESYSGOOD | (unfiltered ? SUSPEND_SECCOMP : 0);

	return (int)request(PTRACE_SEIZE, tid, 0, options);
}

int machvm__trace_interrupt(int tid)
{
	return (int)request(PTRACE_INTERRUPT, tid, 0, 0);
}

int machvm__trace_detach(int tid, int signal)
{
	return (int)request(PTRACE_DETACH, tid, 0, signal);
}

int machvm__trace_continue(int tid, int signal)
{
	return (int)request(PTRACE_CONT, tid, 0, signal);
}

int machvm__trace_to_call(int tid, int signal)
{
	return (int)request(PTRACE_SYSCALL, tid, 0, signal);
}

/* ---- waiting ---- */

uint64_t machvm__trace_now(void)
{
	struct timespec t;

	/* The vDSO's clock needs no thread-local storage. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void machvm__trace_nap(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	machvm__syscall4(SYS_nanosleep, (long)&t, 0, 0, 0);
}

static void classify(int status, struct machvm__trace_event *event)
{
	int signal = WSTOPSIG(status), what = status >> 16;

	event->signal = 0;
	if (!WIFSTOPPED(status)) {
		event->stop = MACHVM__TRACE_GONE;
	} else if (what == PTRACE_EVENT_STOP) {
		event->stop = signal == SIGTRAP ? MACHVM__TRACE_TRAP : MACHVM__TRACE_GROUP;
		event->signal = signal == SIGTRAP ? 0 : signal;
	} else if (what) {
		event->stop = MACHVM__TRACE_OTHER;
	} else if (signal == (SIGTRAP | 0x80)) {
		event->stop = MACHVM__TRACE_CALL;
	} else {
		event->stop = MACHVM__TRACE_SIGNAL;
		event->signal = signal;
	}
}

int machvm__trace_poll(int tid, struct machvm__trace_event *event)
{
	int status = 0;
	long r = machvm__syscall4(SYS_wait4, tid, (long)&status, __WALL | WNOHANG, 0);

	if (r <= 0)
		return r && r != -EINTR ? (int)r : -EAGAIN;
	classify(status, event);
	return 0;
}

bool machvm__trace_bury(int tid)
{
	siginfo_t info;

	info.si_pid = 0;
	/* A wait takes the stop of a traced thread whatever is asked for: so look first. */
	if (machvm__syscall6(SYS_waitid, P_PID, tid, (long)&info,
			     WEXITED | WNOHANG | WNOWAIT | __WALL, 0, 0) ||
	    !info.si_pid || info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED)
		return false;
	return machvm__syscall4(SYS_wait4, tid, 0, __WALL | WNOHANG, 0) == tid;
}

/* A notice of the kernel, or some time. */
static void await_notice(struct machvm__trace_pace *pace, uint64_t ns)
{
	uint64_t child = UINT64_C(1) << (SIGCHLD - 1);
	struct timespec limit = {0, (long)ns};

	if (pace->notified)
		machvm__syscall4(SYS_rt_sigtimedwait, (long)&child, 0, (long)&limit, 8);
	else
		machvm__trace_nap(ns < 1000000 ? ns / 4 : ns);
}

void machvm__trace_pause(struct machvm__trace_pace *pace)
{
	await_notice(pace, 1000000);
}

void machvm__trace_give_way(const struct machvm__trace_pace *pace)
{
	if (pace->together && !pace->crowded)
		machvm__syscall0(SYS_sched_yield);
}

/*
 * First the CPU is given away: a target on the same CPU then runs, and one on another is
 * seen without a wake-up. Where that takes long because others run here too, and
 * when it has lasted for a while, we sleep until the kernel tells.
 */
int machvm__trace_wait(int tid, uint64_t deadline, struct machvm__trace_pace *pace,
		       struct machvm__trace_event *event)
{
	enum { GLANCE = 60000, SLICE = 400000 };
	uint64_t start = 0, before = 0, now;
	unsigned yields = pace->together;

	machvm__trace_give_way(pace);
	for (uint64_t nap = 250000;;) {
		int r = machvm__trace_poll(tid, event);

		if (r != -EAGAIN) {
			pace->together = yields == 1;
			return r;
		}
		now = machvm__trace_now();
		start = start ? start : now;
		if (deadline && now >= deadline)
			return -ETIMEDOUT;
		if (before && now - before > SLICE)
			pace->crowded = true;
		if (!pace->crowded && now - start < GLANCE) {
			before = now;
			yields++;
			machvm__syscall0(SYS_sched_yield);
		} else {
			before = 0;
			await_notice(pace, nap);
			nap = nap < 5000000 ? 2 * nap : nap;
		}
	}
}

/* Without PTRACE_O_TRACESYSGOOD the kernel does not call it a stop at a call, but the message
 * of the stop is the same (Linux 5.3). */
static int plain_call_state(int tid)
{
	unsigned long message = 0;
	siginfo_t info;
	long r = machvm__trace_get_siginfo(tid, &info);

	if (r || info.si_signo != SIGTRAP || info.si_code != SIGTRAP)
		return r == -EINVAL ? 0 : (int)r;
	r = request(PTRACE_GETEVENTMSG, tid, 0, (long)&message);
	if (r < 0)
		return (int)r;
	return message == PTRACE_EVENTMSG_SYSCALL_ENTRY  ? 2
	       : message == PTRACE_EVENTMSG_SYSCALL_EXIT ? 3
							 : 0;
}

int machvm__trace_call_state(int tid, int64_t *value, uint64_t *ip)
{
	struct ptrace_syscall_info info;
	long r;

	memset(&info, 0, sizeof(info));
	r = request(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), (long)&info);
	if (r < 0)
		return (int)r;
	*ip = info.instruction_pointer;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY || info.op == PTRACE_SYSCALL_INFO_SECCOMP)
		return 2;
	if (info.op != PTRACE_SYSCALL_INFO_EXIT)
		return plain_call_state(tid);
	*value = info.exit.rval;
	return 1;
}

/* ---- signals ---- */

int machvm__trace_get_mask(int tid, uint64_t *mask)
{
	return (int)request(PTRACE_GETSIGMASK, tid, sizeof(*mask), (long)mask);
}

int machvm__trace_set_mask(int tid, uint64_t mask)
{
	return (int)request(PTRACE_SETSIGMASK, tid, sizeof(mask), (long)&mask);
}

int machvm__trace_get_siginfo(int tid, siginfo_t *info)
{
	return (int)request(PTRACE_GETSIGINFO, tid, 0, (long)info);
}

int machvm__trace_set_siginfo(int tid, const siginfo_t *info)
{
	return (int)request(PTRACE_SETSIGINFO, tid, 0, (long)info);
}

/* ---- per-thread features ---- */

int machvm__trace_rseq(int tid, uint64_t *raddr, uint32_t *size)
{
	struct {
		uint64_t pointer;
		uint32_t size, signature, flags, padding;
	} config = {0};
	long r = request(GET_RSEQ, tid, sizeof(config), (long)&config);

	if (r < 0)
		return (int)r;
	*raddr = config.pointer;
	*size = config.size;
	return 0;
}

int machvm__trace_dispatch(int tid, struct machvm__trace_dispatch *config)
{
	long r;

	memset(config, 0, sizeof(*config));
	r = request(GET_USER_DISPATCH, tid, sizeof(*config), (long)config);
	/* EIO: the kernel has no such request (the feature itself is of 5.11). */
	return r == -EIO || r == -EINVAL ? 0 : (int)r;
}

ssize_t machvm__trace_get_set(int tid, unsigned set, void *data, size_t size)
{
	struct iovec v = {data, size};
	long r = request(PTRACE_GETREGSET, tid, (long)set, (long)&v);

	return r < 0 ? r : (ssize_t)v.iov_len;
}

ssize_t machvm__trace_set_set(int tid, unsigned set, const void *data, size_t size)
{
	struct iovec v = {(void *)(uintptr_t)data, size};
	long r = request(PTRACE_SETREGSET, tid, (long)set, (long)&v);

	return r < 0 ? r : (ssize_t)v.iov_len;
}

/* ---- memory ---- */

static int transfer(long call, int tid, const struct machvm__trace_part *parts, size_t count)
{
	struct iovec here[8], there[8];
	size_t total = 0;
	long r;

	if (count > 8)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].raddr > UINTPTR_MAX)
			return -EOVERFLOW;
		here[i] = (struct iovec){parts[i].data, parts[i].size};
		there[i] = (struct iovec){(void *)(uintptr_t)parts[i].raddr, parts[i].size};
		total += parts[i].size;
	}
	r = machvm__syscall6(call, tid, (long)here, (long)count, (long)there, (long)count, 0);
	if (r < 0)
		return (int)r;
	return (size_t)r == total ? 0 : -EFAULT;
}

int machvm__trace_read(int tid, const struct machvm__trace_part *parts, size_t count)
{
	return transfer(SYS_process_vm_readv, tid, parts, count);
}

int machvm__trace_write(int tid, const struct machvm__trace_part *parts, size_t count)
{
	return transfer(SYS_process_vm_writev, tid, parts, count);
}

/* The kernel says EIO of what is not there. */
static int word_result(long r)
{
	return !r ? 0 : r == -EIO ? -EFAULT : (int)r;
}

int machvm__trace_words(enum machvm__direction direction, int tid, uint64_t raddr, void *local,
			size_t size, size_t *done)
{
	const size_t width = sizeof(long);
	char *bytes = local;

	*done = 0;
	if (sizeof(long) < sizeof(raddr) && raddr + size > UINTPTR_MAX)
		return -EFAULT;
	while (*done < size) {
		/* Aligned words, so that none crosses into a page the caller did not name. */
		uint64_t at = (raddr + *done) & ~(uint64_t)(width - 1);
		size_t skip = (size_t)(raddr + *done - at);
		size_t part = width - skip < size - *done ? width - skip : size - *done;
		long word = 0;
		int r = 0;

		if (direction == MACHVM__READ || part < width)
			r = word_result(request(PTRACE_PEEKDATA, tid, (long)at, (long)&word));
		if (!r && direction == MACHVM__READ) {
			memcpy(bytes + *done, (char *)&word + skip, part);
		} else if (!r) {
			memcpy((char *)&word + skip, bytes + *done, part);
			r = word_result(request(PTRACE_POKEDATA, tid, (long)at, word));
		}
		if (r)
			return r;
		*done += part;
	}
	return 0;
}

int machvm__trace_alive(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	struct timespec zero = {0};
	long r;

	if (pidfd < 0)
		return 0;
	/* Five arguments: the kernel looks at the size of the mask even if there is none. */
	do
		r = machvm__syscall6(SYS_ppoll, (long)&p, 1, (long)&zero, 0, 8, 0);
	while (r == -EINTR);
	/* A limit of no descriptors allows no poll. A zombie's number is not free either. */
	if (r < 0)
		r = machvm__syscall4(SYS_pidfd_send_signal, pidfd, 0, 0, 0) == -ESRCH;
	return r ? -ESRCH : 0;
}
