/* SPDX-License-Identifier: MIT */
/* What the parts of the victim share: each body does one thing until told to stop. */
#ifndef TESTS_REMOTE_VICTIM_H
#define TESTS_REMOTE_VICTIM_H

#include <stdint.h>

#include "shared.h"

extern struct shared *shared;
extern const char *self;
extern unsigned thread_count;

#define CHECK(condition, ...)                            \
	do {                                             \
		if (!(condition))                        \
			complain(__LINE__, __VA_ARGS__); \
	} while (0)

__attribute__((format(printf, 2, 3))) void complain(int line, const char *format, ...);
int stopping(void);
void advance(unsigned me);
/* EINTR while tracers are being killed: one restartable sleep may return it. */
int tolerated(int e);
uint64_t now_ns(void);

void body_nanosleep(unsigned me);
void body_poll(unsigned me);
void body_epoll(unsigned me);
void body_futex(unsigned me);
void body_sigtimedwait(unsigned me);
void body_read(unsigned me);
void body_accept(unsigned me);
void body_spin(unsigned me);
void body_flood(unsigned me);
void body_sigtrap(unsigned me);
void body_trapignored(unsigned me);
void body_timer(unsigned me);
void body_vfork(unsigned me);
void body_longvfork(unsigned me);
void body_exec(unsigned me);
void body_strict(unsigned me);
void body_filter(unsigned me);
void body_dispatch(unsigned me);
void body_rseq(unsigned me);
void body_fifo(unsigned me);
void check_rseq(void);

#endif
