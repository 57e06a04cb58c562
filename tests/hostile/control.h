/* SPDX-License-Identifier: MIT */
/*
 * What a restless victim (victim.c) and its test share: a page of orders and counts,
 * mapped by both, and the layout of the victim's memory.
 *
 * A victim has a generation, 1 to 255, which the next process with its number does
 * not share. Its tag pages hold nothing but that; whatever the test writes has the
 * generation that its port was opened for in byte 4 of each word, and every victim
 * and every child of one looks for words that are not for it.
 */
#ifndef TESTS_HOSTILE_CONTROL_H
#define TESTS_HOSTILE_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

enum {
	MISCHIEF_FORK,        /* children that look whether anybody writes to them */
	MISCHIEF_EXEC,        /* the same program again */
	MISCHIEF_EXIT,        /* and the next generation gets the same number */
	MISCHIEF_REMAP,       /* new pages in the place of the old ones, and holes in between */
	MISCHIEF_CREDENTIALS, /* user ids, and whether others may look */
	MISCHIEF_SIGNALS,     /* floods of them, from itself and from a timer */
	MISCHIEF_COUNT,
};

#define CONTROL_BASE    0x100000000000u
#define CONTROL_PAGE    4096u
#define CONTROL_WRITERS 4u
#define CONTROL_SLOT    (2 * CONTROL_PAGE) /* of each writer */

/* From CONTROL_BASE on, in bytes. */
enum {
	AREA_TAG = 0, /* two pages */
	AREA_SLOTS = 0x2000,
	AREA_SLOTS_END = 0xa000,
	AREA_PROTECT = 0x10000, /* one page of each thread, which the victim does not touch */
	AREA_CANARY = 0x20000,  /* four pages that nobody is to change */
	AREA_CANARY_END = 0x24000,
	AREA_SPARE = 0x40000, /* holes: where the test allocates */
};

enum { ORDER_RUN, ORDER_REST, ORDER_REPORT, ORDER_END };

enum { CONTROL_FD = 3, CONTROL_EVENTS = 4 };

struct control {
	_Atomic uint32_t order; /* with a futex */
	_Atomic uint32_t modes; /* 1 << MISCHIEF_... */
	_Atomic uint64_t rounds[MISCHIEF_COUNT];
	_Atomic uint64_t checks;
	/* What must stay 0. */
	_Atomic uint64_t strays, broken, failed;
	_Atomic uint64_t sent, taken; /* real-time signals: every one that was sent is taken */
	int32_t why;                  /* errno of what made a victim give up */
	uint64_t stray[2];            /* the last one, and where */
	uint8_t report[AREA_SLOTS_END - AREA_SLOTS];
};

#endif
