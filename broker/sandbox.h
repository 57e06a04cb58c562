/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - what the broker gives up for good before it listens to anybody: every
 * capability that opening does not take, the ability to get new ones, and every system
 * call that it does not make. It cannot write to a file or to anybody's memory, make
 * memory executable, signal, trace, nor execute anything. What it still can is to send
 * descriptors of what it may open.
 */
#ifndef BROKER_SANDBOX_H
#define BROKER_SANDBOX_H

#include <stdbool.h>

/* 0 or -errno. */
int sandbox_drop_capabilities(void);
/*
 * The last thing before the first client. `writes`: files may be opened for writing, which
 * is what a right to control takes. `speaks`: standard error is the log. 0 or -errno.
 */
int sandbox_filter_calls(bool writes, bool speaks);

#endif
