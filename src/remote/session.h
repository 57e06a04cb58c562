/* SPDX-License-Identifier: MIT */
/*
 * A session: a live process held still for a moment, in which system calls are
 * run as if it had made them itself, and which then goes on as if nothing had
 * happened. It knows nothing of Mach, of tasks or of regions.
 *
 * Life: machvm__session_open, any number of machvm__session_call (they share the
 * one stop), machvm__session_close. Between open and close the thread that
 * opened the session has its signals blocked and may run on one CPU only, so a
 * session is short and is closed by the thread that opened it. Sessions
 * of several threads on several targets run side by side; those on one address
 * space take turns, also between processes.
 *
 * What the target keeps: registers of every thread (vector state included),
 * signal masks and queues, blocked system calls, job-control state, restartable
 * sequences. If whoever traces is killed with SIGKILL at any instant, the target
 * restores itself: scratch bytes in unused stack may stay, and one restartable
 * sleep may return EINTR.
 */
#ifndef MACHVM_REMOTE_SESSION_H
#define MACHVM_REMOTE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "copy.h"
#include "place.h"

#define MACHVM__SESSION_WARN __attribute__((__warn_unused_result__))

/*
 * Who is meant. Kept by the owner (zero it, then fill the first four members)
 * and handed to every open: what is learnt about the address space is remembered
 * in `known` and compared each time before it is used; `kept` holds up to two descriptors.
 * Both are private to sessions. Finish it with machvm__session_target_fini.
 */
struct machvm__session_target {
	int pid;      /* thread-group id in our pid namespace; 0 when it has none there */
	int proc_pid; /* the same process as the mounted /proc numbers it */
	int pidfd;    /* proves that the numbers still name the process; -1 when unavailable */
	int mem_fd;   /* /proc/PID/mem held by the owner, compared after the stop; -1 for none.
		       * Always of the same address space until a session says -ESTALE */
	struct machvm__place known;
	struct machvm__session_kept {
		int mem, stat, owner; /* descriptors, one more than they are; 0 for none */
		bool busy, runs, together;
	} kept;
};

/* Closes what sessions keep open between them. */
void machvm__session_target_fini(struct machvm__session_target *target);

enum {
	MACHVM__SESSION_ALL = 1u << 0, /* every thread stands still, not only the one that calls */
	MACHVM__SESSION_STILL = 1u << 1,  /* no call will be made: stop, look, go (registers) */
	MACHVM__SESSION_HELPER = 1u << 2, /* trace from the helper process although we could */
};

/* Why a session was refused. Strings are static; numbers are 0 when they do not apply. */
struct machvm__session_refusal {
	const char *step;   /* what was being done: "seize", "stop", "thread list" ... */
	const char *reason; /* a clause a person can act on: "every thread runs under seccomp" */
	int tracer;         /* process that traces the target already */
	int tid;            /* the thread concerned */
};

struct machvm__session;

/*
 * Stops the target and gets ready to call. Returns 0 and a session, or
 *   -ESRCH       the process is gone (or was replaced: the pidfd decides)
 *   -EPERM       the kernel refuses us this target
 *   -EBUSY       something else traces it already: refusal->tracer
 *   -ETIMEDOUT   it could not be stopped, or its users did not make way, within two seconds
 *   -EOPNOTSUPP  none of its threads can make a call for us: refusal->reason
 *   -ESTALE      it has executed another program since mem_fd was opened
 *   -ENOMEM, -EMFILE, -EIO ... what the kernel said: refusal->step
 * A refused open leaves the target untouched and untraced.
 *
 * A target that the calling thread itself traces and has stopped is used as
 * it is, and left stopped the same way; so is one that this process keeps (keeper.h).
 */
MACHVM__SESSION_WARN int machvm__session_open(struct machvm__session **session,
					      struct machvm__session_target *target, unsigned flags,
					      struct machvm__session_refusal *refusal);

/* The same, with the thread `tid` stopped and no other; 0: any. -ESRCH when that one is gone. */
MACHVM__SESSION_WARN int machvm__session_open_thread(struct machvm__session **session,
						     struct machvm__session_target *target, int tid,
						     unsigned flags,
						     struct machvm__session_refusal *refusal);

/*
 * Runs one system call in the target. Returns 0 when it was executed; *result
 * then holds what it returned: a value, or -4095..-1 for its own errno. A negative
 * return says that it was NOT executed, save -ECONNRESET (the target died or
 * executed another program under the call: unknown) and -EOWNERDEAD (the helper was
 * killed under it: unknown). Afterwards only close is of use.
 *
 * Arguments are those of the 64-bit call of that name; offsets are in bytes.
 * They are translated for a 32-bit target, -EOVERFLOW when one does not fit.
 */
MACHVM__SESSION_WARN int machvm__session_call(struct machvm__session *session,
					      enum machvm__call call, const uint64_t args[6],
					      int64_t *result);

/*
 * Copies `size` bytes into scratch memory of the target for use as an argument and
 * returns where they are. Valid until close, which puts the old contents
 * back. Altogether 512 bytes per session: -ENOSPC beyond.
 */
MACHVM__SESSION_WARN int machvm__session_push(struct machvm__session *session, const void *data,
					      size_t size, uint64_t *raddr);

/*
 * Moves bytes a word at a time, past protections on private memory, by a thread that stands
 * still. 0 or -errno, with *done bytes moved either way: -EFAULT at the first byte that cannot be.
 */
MACHVM__SESSION_WARN int machvm__session_words(struct machvm__session *session,
					       enum machvm__direction direction, uint64_t raddr,
					       void *local, size_t size, size_t *done);

/* Puts everything back and lets the target go; frees the session. NULL is fine. Returns 0, or
 * -ECONNRESET when the target was found dead, -EOWNERDEAD when the helper was. */
int machvm__session_close(struct machvm__session *session);

/* 4 or 8: the size of a pointer in the target. */
unsigned machvm__session_word(const struct machvm__session *session);

/*
 * The threads that stand still: how many (one, or all of them under MACHVM__SESSION_ALL),
 * and in *tid the one at `index`, unless that is beyond.
 */
size_t machvm__session_threads(const struct machvm__session *session, size_t index, int *tid);

/*
 * Their registers: `set` is an NT_ number (NT_PRSTATUS, NT_PRFPREG, NT_X86_XSTATE ...). Both
 * return the number of bytes, or -errno. What is set takes effect at close. The
 * registers of the thread that made calls are its own again from then on: no more calls
 * after that (-EOPNOTSUPP), so ask for registers last, or open with MACHVM__SESSION_STILL.
 */
MACHVM__SESSION_WARN ssize_t machvm__session_get_registers(struct machvm__session *session, int tid,
							   unsigned set, void *data, size_t size);
MACHVM__SESSION_WARN ssize_t machvm__session_set_registers(struct machvm__session *session, int tid,
							   unsigned set, const void *data,
							   size_t size);
/* The general registers, whole and as cpu.h knows them. 0 or -errno. */
MACHVM__SESSION_WARN int machvm__session_get_cpu(struct machvm__session *session, int tid,
						 struct machvm__cpu *cpu);
MACHVM__SESSION_WARN int machvm__session_set_cpu(struct machvm__session *session, int tid,
						 const struct machvm__cpu *cpu);

#endif
