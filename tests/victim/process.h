/* SPDX-License-Identifier: MIT */
/*
 * What a victim does to itself as a process: exec, fork, vfork, threads, and the
 * crowd of children that tests of many tasks need.
 */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include "channel.h"

/* Where a process that the victim makes finds its own channel; the harness puts it there. */
enum { PROCESS_SECOND_IN = 3, PROCESS_SECOND_OUT };

/* Runs commands until the end of input. Implemented by the main program. */
void serve(struct channel *channel);

/* Remembers the program's file; tells the kernel to end this process with its parent. */
void process_start(void);

/*
 * Replaces the program by itself. `words` may hold KIND ADDRESS PAGES SEED: the
 * new image lays that before it answers "ok PID" where the command came from.
 */
void process_exec(struct channel *channel, char *const words[], int count);
/* What the new image does first. */
void process_arrive(struct channel *channel, char *const words[], int count);

/* Forks a child that serves the second channel; answers "ok PID". */
void process_fork(struct channel *channel);
/*
 * vforks a child, which shares this memory until it is released; answers
 * "ok PID". The release either ends it ("exit") or makes it a new program that
 * serves the second channel ("exec", with what process_exec() takes).
 */
void process_vfork(struct channel *channel);
void process_vfork_release(struct channel *channel, char *const words[], int count);

/* Starts threads that do nothing. */
void process_threads(struct channel *channel, unsigned count);
/* Goes on serving in another thread, ends the first one, and answers when it is a zombie. */
void process_leave(struct channel *channel);

/* Forks `count` children that wait; answers "ok". */
void process_herd(struct channel *channel, unsigned count);
/* Answers "ok PID" and "ok SUM" for child `index`, which reads its own memory. */
void process_herd_pid(struct channel *channel, unsigned index);
void process_herd_sum(struct channel *channel, unsigned index, uint64_t address, size_t size);

#endif
