/* SPDX-License-Identifier: MIT */
/* debuggers.h - gdb and lldb, attached and waiting for commands. */
#ifndef BENCH_DEBUGGERS_H
#define BENCH_DEBUGGERS_H

#include "talk.h"

/* 0, or -1 when there is none here. */
int gdb_start(struct talk *gdb, pid_t target);
int lldb_start(struct talk *lldb, pid_t target);
/* They return when the command is done. */
void gdb_do(struct talk *gdb, const char *command);
void lldb_do(struct talk *lldb, const char *command);
/* Either lets go of its target when it ends: talk_end(). */

#endif
