/* SPDX-License-Identifier: MIT */
/* talk.h - a program that takes commands on its input and says when it has done them. */
#ifndef BENCH_TALK_H
#define BENCH_TALK_H

#include <stdio.h>
#include <sys/types.h>

struct talk {
	pid_t pid;
	FILE *to, *from;
};

/* argv[0] is looked up in PATH. 0, or -1 when there is no such program, or it ends at once. */
int talk_start(struct talk *talk, const char *const argv[]);
/* Gives a line, or several, and returns when a line with `end` in it has come back. */
void talk_do(struct talk *talk, const char *lines, const char *end);
/* The end of its input is the end of it. */
void talk_end(struct talk *talk);

#endif
