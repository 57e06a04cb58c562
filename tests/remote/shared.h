/* SPDX-License-Identifier: MIT */
/* What a victim and the test that disturbs it share: a page mapped by both. */
#ifndef TESTS_REMOTE_SHARED_H
#define TESTS_REMOTE_SHARED_H

#include <stdint.h>

enum { SHARED_FD = 3, SHARED_THREADS = 16 };

/* Same layout in 32-bit and 64-bit programs. */
struct shared {
	uint64_t page;    /* two pages of the victim's that the test may protect */
	uint32_t ready;   /* threads that run their body */
	uint32_t stop;    /* set by the test: finish, check, leave */
	uint32_t done;    /* threads that left their body */
	uint32_t lenient; /* EINTR from a sleep is allowed: tracers are being killed */
	uint32_t errors;  /* self-checks that failed */
	uint32_t gate;    /* scenario's own */
	_Alignas(8) uint64_t progress[SHARED_THREADS]; /* i386 aligns to 4: no atomic step */
	char text[256]; /* the first failed check */
};

#endif
