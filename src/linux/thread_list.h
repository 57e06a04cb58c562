/* SPDX-License-Identifier: MIT */
/*
 * What /proc tells of a process's threads, read without libc's formatted I/O:
 * this also runs in the tracer's helper. Returns >= 0 or -errno.
 */
#ifndef MACHVM_LINUX_THREAD_LIST_H
#define MACHVM_LINUX_THREAD_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of /proc/PID/task/TID/stat. */
struct machvm__thread_stat {
	char state;       /* R S D T t Z X I */
	uint32_t flags;   /* PF_ */
	uint32_t threads; /* of the process */
	int cpu;          /* where it ran last */
	uint32_t policy;  /* SCHED_ */
};

/* `proc_pid` and `tid` as the mounted /proc numbers them. -ESRCH when it is gone. */
__attribute__((__warn_unused_result__)) int
machvm__thread_list_stat(int proc_pid, int tid, struct machvm__thread_stat *stat);

/* The same from the open file. */
__attribute__((__warn_unused_result__)) int
machvm__thread_list_stat_fd(int fd, struct machvm__thread_stat *stat);

/* A state letter: a zombie, or one that is being reaped. */
static inline bool machvm__thread_list_ended(char state)
{
	return state == 'Z' || state == 'X';
}

/* Has ended, or is about to: its memory is gone or going. */
bool machvm__thread_list_left(const struct machvm__thread_stat *stat);

/*
 * The stack pointer of a thread that sleeps or is stopped, from /proc/PID/task/TID/syscall.
 * -EAGAIN while it runs or waits for a CPU.
 */
__attribute__((__warn_unused_result__)) int machvm__thread_list_sp(int proc_pid, int tid,
								   uint64_t *sp);

/* A number behind a name of /proc/PID/task/TID/status, such as "TracerPid:"; `nth` counts the
 * words behind the name. -ENOENT when there is none. */
__attribute__((__warn_unused_result__)) int64_t
machvm__thread_list_status(int proc_pid, int tid, const char *name, unsigned nth);

/* A line of hexadecimal digits there, such as "SigPnd:"; all bits when it cannot be read. */
uint64_t machvm__thread_list_hex(int proc_pid, int tid, const char *name);

/* Fills `tids` with up to `capacity` thread ids and returns how many there are. */
__attribute__((__warn_unused_result__)) int machvm__thread_list_read(int proc_pid, int *tids,
								     size_t capacity);

/*
 * Calls `line` with each line of /proc/PID/task/TID/maps (without its newline; one longer than 4 KiB
 * is cut) until it returns non-zero, and returns that.
 */
__attribute__((__warn_unused_result__)) int
machvm__thread_list_maps(int proc_pid, int tid, int (*line)(const char *line, void *data),
			 void *data);

/* Opens "/proc/PID/NAME" close-on-exec. */
__attribute__((__warn_unused_result__)) int machvm__thread_list_open(int proc_pid, const char *name,
								     int flags);
/* Opens "/proc/PID/task/TID" followed by `name`, to be read, close-on-exec. */
__attribute__((__warn_unused_result__)) int
machvm__thread_list_open_thread(int proc_pid, int tid, const char *name);

#endif
