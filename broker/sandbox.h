/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - what the broker gives up for good before it listens to anybody: every
 * capability that opening does not take, the ability to get new ones, and every system
 * call that it does not make. It cannot write to anybody's memory, nor trace, nor
 * execute anything.
 */
#ifndef BROKER_SANDBOX_H
#define BROKER_SANDBOX_H

/* 0 or -errno. */
int sandbox_drop_capabilities(void);
/* The last thing before the first client. 0 or -errno. */
int sandbox_filter_calls(void);

#endif
