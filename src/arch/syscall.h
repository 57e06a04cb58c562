/* SPDX-License-Identifier: MIT */
/*
 * Bare system calls: no errno, no thread-local storage, no cancellation point.
 * The tracer's code runs on these because it may run in a helper that shares
 * the memory of this process but is no thread that libc knows of.
 */
#ifndef MACHVM_ARCH_SYSCALL_H
#define MACHVM_ARCH_SYSCALL_H

/* Returns what the kernel returned: -4095..-1 is -errno. */
long machvm__syscall6(long number, long a, long b, long c, long d, long e, long f);

/*
 * clone() with a stack of its own: the child calls fn(arg) and leaves with what it returned.
 * `tls` is handed to CLONE_SETTLS in the family's form by machvm__arch_thread_area.
 * Returns the child's id or -errno.
 */
long machvm__arch_clone(unsigned long flags, void *stack_top, int *parent_tid, int *child_tid,
			void *tls, int (*fn)(void *), void *arg);

/*
 * Makes `block`, all zero, stand in for libc's thread area in a child that must not share this
 * thread's: what compiled code reads from there (the stack protector's canary) is right. The
 * thread pointer is in the middle. Returns what machvm__arch_clone takes as `tls`.
 */
void *machvm__arch_thread_area(void *block, unsigned long size);

static inline long machvm__syscall0(long n)
{
	return machvm__syscall6(n, 0, 0, 0, 0, 0, 0);
}

static inline long machvm__syscall1(long n, long a)
{
	return machvm__syscall6(n, a, 0, 0, 0, 0, 0);
}

static inline long machvm__syscall2(long n, long a, long b)
{
	return machvm__syscall6(n, a, b, 0, 0, 0, 0);
}

static inline long machvm__syscall3(long n, long a, long b, long c)
{
	return machvm__syscall6(n, a, b, c, 0, 0, 0);
}

static inline long machvm__syscall4(long n, long a, long b, long c, long d)
{
	return machvm__syscall6(n, a, b, c, d, 0, 0);
}

#endif
