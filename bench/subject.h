/* SPDX-License-Identifier: MIT */
/*
 * subject.h - the processes that are written to and read from: another program,
 * which lays out its memory, says where, and does nothing from then on.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <mach/mach.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct subject {
	pid_t pid;
	int out;
	mach_port_t task;
	uint64_t address;
};

/* Everything the caller pins to, and where its subjects live: one CPU each where there are two. */
void pin_caller(void);
/* For what is done by all processors: the caller may run on any again. Returns how many there are. */
unsigned unpin_caller(void);

/* `size` bytes of touched private memory on pages of the usual size. */
void subject_memory(struct subject *subject, size_t size);
/* `count` regions of one page that the kernel cannot merge. */
void subject_regions(struct subject *subject, unsigned count);
/* `count` processes with a touched page at the same address; pids[count] is filled. */
void subject_crowd(struct subject *subject, unsigned count, pid_t *pids);
void subject_end(struct subject *subject);

/* Touched pages of the usual size in this process. */
void *own_memory(size_t size);

#endif
