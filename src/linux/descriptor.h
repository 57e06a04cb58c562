/* SPDX-License-Identifier: MIT */
/*
 * descriptor.h - files of /proc and what is done with any descriptor. Every
 * function returns >= 0 or -errno, retries EINTR, and opens close-on-exec.
 */
#ifndef MACHVM_LINUX_DESCRIPTOR_H
#define MACHVM_LINUX_DESCRIPTOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens /proc/PID/NAME, or /proc/PID/task/TID/NAME when tid is not 0. `flags` as open(2). */
int machvm__descriptor_open_proc(int pid, int tid, const char *name, int flags);
/* Opens /proc/thread-self/NAME: ours, whatever namespace /proc counts in. */
int machvm__descriptor_open_self(const char *name, int flags);
/* Opens NAME below the directory `dir`. */
int machvm__descriptor_open_at(int dir, const char *name, int flags);
int machvm__descriptor_duplicate(int fd);
/* Makes `onto` another number for `fd` in one step and closes `fd`: users of `onto` never see a gap. */
int machvm__descriptor_replace(int fd, int onto);
void machvm__descriptor_close(int fd);

ssize_t machvm__descriptor_read(int fd, void *buffer, size_t size);
ssize_t machvm__descriptor_read_at(int fd, void *buffer, size_t size, uint64_t offset);
/* Reads a small file whole and null-terminates it; the length, or -errno. */
ssize_t machvm__descriptor_read_text(int fd, char *buffer, size_t size);
/* The same of NAME below the directory `dir`: 0 or -errno. */
int machvm__descriptor_read_file(int dir, const char *name, char *buffer, size_t size);
int machvm__descriptor_rewind(int fd);
/* The first place at or behind `offset` that is no hole of the file; -ENXIO when there is none. */
int64_t machvm__descriptor_next_data(int fd, uint64_t offset);

/* Reports a failure as a system call does: sets errno, returns -1. */
int machvm__descriptor_fail(int error);

/* How many descriptors the process may have (RLIMIT_NOFILE, soft). */
uint64_t machvm__descriptor_limit(void);

#endif
