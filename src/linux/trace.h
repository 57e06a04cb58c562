/* SPDX-License-Identifier: MIT */
/*
 * The kernel's tracing interface, one function per request, and the few other calls a
 * tracer needs. Everything returns >= 0 or -errno, keeps no state and touches no thread-local
 * storage: it also runs in a helper that libc does not know.
 */
#ifndef MACHVM_LINUX_TRACE_H
#define MACHVM_LINUX_TRACE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "copy.h"

#define MACHVM__TRACE_WARN __attribute__((__warn_unused_result__))

/* What a stop was. */
enum machvm__trace_stop {
	MACHVM__TRACE_GONE,   /* exited or killed, and reaped now */
	MACHVM__TRACE_TRAP,   /* the answer to an interrupt */
	MACHVM__TRACE_GROUP,  /* stopped by job control */
	MACHVM__TRACE_CALL,   /* at the entry or exit of a system call */
	MACHVM__TRACE_SIGNAL, /* about to take the signal `signal` */
	MACHVM__TRACE_OTHER,
};

struct machvm__trace_event {
	enum machvm__trace_stop stop;
	int signal;
};

/* Attaches without stopping. Stops at system calls tell themselves apart; `unfiltered`
 * suspends seccomp while attached (CAP_SYS_ADMIN, CONFIG_CHECKPOINT_RESTORE). */
MACHVM__TRACE_WARN int machvm__trace_seize(int tid, bool unfiltered);
MACHVM__TRACE_WARN int machvm__trace_interrupt(int tid);
MACHVM__TRACE_WARN int machvm__trace_detach(int tid, int signal);
MACHVM__TRACE_WARN int machvm__trace_continue(int tid, int signal);
/* Continues until the next entry or exit of a system call. */
MACHVM__TRACE_WARN int machvm__trace_to_call(int tid, int signal);

/* How a tracer waits, kept from one wait to the next. */
struct machvm__trace_pace {
	bool crowded;  /* others run here: giving the CPU away costs whole time slices */
	bool together; /* the last wait ended when the CPU was given away: once, and no sooner */
	bool notified; /* every SIGCHLD is about what is traced: they are blocked, and may be taken
			*/
};

/*
 * Waits until `tid` reports something, at most until `deadline` (CLOCK_MONOTONIC, ns;
 * 0: for ever). -ETIMEDOUT then; -ECHILD when there is nothing to wait for. It looks again and
 * again, so that it does not matter if a notice is lost or never sent.
 */
MACHVM__TRACE_WARN int machvm__trace_wait(int tid, uint64_t deadline,
					  struct machvm__trace_pace *pace,
					  struct machvm__trace_event *event);
/* Where it runs on our CPU, it has to be given that before a look tells anything. */
void machvm__trace_give_way(const struct machvm__trace_pace *pace);
/* Only looks: -EAGAIN when there is nothing new. */
MACHVM__TRACE_WARN int machvm__trace_poll(int tid, struct machvm__trace_event *event);
/* Takes note if it has ended, and says so; leaves everything else to be seen by a wait. */
bool machvm__trace_bury(int tid);
/* Until the kernel has news, or a millisecond. */
void machvm__trace_pause(struct machvm__trace_pace *pace);

/* The exit of a system call proves that it is over. 1: at an exit, *value what it returns and
 * *ip where; 2: at an entry; 3: at an exit, but the value must be read from the registers; 0: at
 * neither. */
MACHVM__TRACE_WARN int machvm__trace_call_state(int tid, int64_t *value, uint64_t *ip);

MACHVM__TRACE_WARN int machvm__trace_get_mask(int tid, uint64_t *mask);
MACHVM__TRACE_WARN int machvm__trace_set_mask(int tid, uint64_t mask);
MACHVM__TRACE_WARN int machvm__trace_get_siginfo(int tid, siginfo_t *info);
MACHVM__TRACE_WARN int machvm__trace_set_siginfo(int tid, const siginfo_t *info);

/* Address and size of the thread's struct rseq, 0 when it has none. -EIO before Linux 5.13. */
MACHVM__TRACE_WARN int machvm__trace_rseq(int tid, uint64_t *raddr, uint32_t *size);

struct machvm__trace_dispatch {
	uint64_t mode, selector, offset, length;
};
/* Syscall User Dispatch; mode 0 when off, or when the kernel knows no such request. */
MACHVM__TRACE_WARN int machvm__trace_dispatch(int tid, struct machvm__trace_dispatch *config);

/* NT_ register sets; return the number of bytes. */
MACHVM__TRACE_WARN ssize_t machvm__trace_get_set(int tid, unsigned set, void *data, size_t size);
MACHVM__TRACE_WARN ssize_t machvm__trace_set_set(int tid, unsigned set, const void *data,
						 size_t size);

/* ---- what else a tracer asks the kernel ---- */

struct machvm__trace_part {
	uint64_t raddr;
	void *data;
	size_t size;
};
/* All of the parts or an error: -EFAULT when one is not there. At most 8. */
MACHVM__TRACE_WARN int machvm__trace_read(int tid, const struct machvm__trace_part *parts,
					  size_t count);
MACHVM__TRACE_WARN int machvm__trace_write(int tid, const struct machvm__trace_part *parts,
					   size_t count);

/*
 * Moves bytes of a stopped thread's memory a word at a time. Ignores protections on private
 * memory, as a debugger must. 0 or -errno, with *done bytes moved either way: -EFAULT at the
 * first byte that cannot be moved.
 */
MACHVM__TRACE_WARN int machvm__trace_words(enum machvm__direction direction, int tid,
					   uint64_t raddr, void *local, size_t size, size_t *done);

uint64_t machvm__trace_now(void);
void machvm__trace_nap(uint64_t ns);
/* 0 while the process lives, -ESRCH after; 0 without a pidfd, too. */
MACHVM__TRACE_WARN int machvm__trace_alive(int pidfd);

#endif
