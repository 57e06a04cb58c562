/* SPDX-License-Identifier: MIT */
/* gdb.h - a debugger that is attached and waits for commands. */
#ifndef BENCH_GDB_H
#define BENCH_GDB_H

#include <stdio.h>
#include <sys/types.h>

struct gdb {
	pid_t pid;
	FILE *to, *from;
};

/* 0, or -1 when there is no gdb here. */
int gdb_start(struct gdb *gdb, pid_t target);
/* Returns when the command is done. */
void gdb_do(struct gdb *gdb, const char *command);
void gdb_end(struct gdb *gdb);

#endif
