/* SPDX-License-Identifier: MIT */
/*
 * process.h - naming a process: pidfds, the numbers it has, whether it lives.
 *
 * A pidfd names one process for ever; a number is reused within 100 us. Where
 * the kernel has no pidfd_open (before 5.3, or refused) a descriptor of the
 * directory /proc/PID stands in: it too is bound to the process.
 */
#ifndef MACHVM_LINUX_PROCESS_H
#define MACHVM_LINUX_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which of the two kinds a descriptor is. */
enum machvm__handle { MACHVM__HANDLE_PIDFD, MACHVM__HANDLE_DIRECTORY };

/* A handle on the process with that number in our pid namespace. A descriptor or -errno. */
int machvm__process_open(int pid, enum machvm__handle *kind);

struct machvm__process_numbers {
	int tgid;      /* in our pid namespace, for system calls; 0 when it is not visible there */
	int proc_tgid; /* its directory in /proc, which may belong to another namespace; 0: none */
};

/* Looks at a handle somebody gave us. 0, -EBADF when it is neither kind, -ESRCH when it is dead. */
int machvm__process_identify(int handle, enum machvm__handle *kind,
                             struct machvm__process_numbers *numbers);

/* 0 while the process lives (a dead leader with live threads counts), else -ESRCH. */
int machvm__process_alive(int handle, enum machvm__handle kind);

/* Does a process have that number, be it dead and not yet reaped? */
bool machvm__process_listed(int pid);

/* Does /proc show a process of that number to us? */
bool machvm__process_shown(int proc_pid);

/* Is `tid` a thread of that process now? Both by their numbers in our namespace. */
bool machvm__process_has_thread(int tgid, int tid);

/* The number of the calling process in its own pid namespace: asked anew, never remembered. */
int machvm__process_self(void);
/*
 * The number of the calling thread. For a copy within the own process it does
 * what the process's does, and does it after the first thread has exited.
 */
int machvm__process_self_thread(void);

/*
 * A live thread of the process, by its number in our namespace and in /proc.
 * Prefers the leader. 0, or -ESRCH when every thread is dead.
 */
struct machvm__thread_numbers {
	int tid;
	int proc_tid;
};
int machvm__process_live_thread(const struct machvm__process_numbers *numbers,
                                struct machvm__thread_numbers *thread);

/*
 * Does the address space belong to the process alone, as far as can be told?
 * A vfork child runs on its parent's: kcmp(2) with the parent must differ or,
 * where that cannot be asked, the place where the stack began.
 */
bool machvm__process_owns_memory(const struct machvm__process_numbers *numbers);

/* 4 or 8: the pointer size of the program it runs; 0 when it cannot be told. */
int machvm__process_word(const struct machvm__process_numbers *numbers);

#endif
