/* SPDX-License-Identifier: MIT */
/*
 * A ground is a run of pages somewhere - in a victim, or in the test itself -
 * of which the test knows, page by page, what kind it is and what is in it.
 * After every call the ground is verified: its owner reports what it finds, and
 * each byte must be what the test expects.
 */
#ifndef TESTS_GROUND_H
#define TESTS_GROUND_H

#include "harness.h"

#define GROUND_PAGES 16

/* What a transfer of another process meets on a page of this kind. */
struct page_kind {
	const char *name;
	kern_return_t read, write;             /* flags 0 */
	kern_return_t forced_read, forced_write; /* MACHVM_FORCE */
	unsigned flags;
};

enum {
	KIND_CONTENTS = 1 << 0, /* its owner can report what is in it */
	KIND_ZERO = 1 << 1,     /* and it begins as zeros */
	KIND_OWN = 1 << 2,      /* in the caller's own task everything is permitted */
	KIND_RARE = 1 << 3,     /* not every machine or user has it */
	KIND_WAITS = 1 << 4,    /* a transfer would wait: codes hold with MACHVM_NOWAIT */
	KIND_UNREADABLE = 1 << 6, /* without PROT_READ, and yet readable on some processors */
	KIND_LASTS = 1 << 5,      /* cannot be laid over, or costs a process: once in a ground */
};

/* The kinds of tests/victim/pages.h that are one page: not large, huge and the half files. */
extern const struct page_kind page_kinds[];
extern const unsigned page_kind_count;
const struct page_kind *page_kind(const char *name);

struct ground {
	const char *name;
	struct victim *victim; /* NULL: the test's own memory */
	mach_port_t task;
	uint64_t base;
	unsigned pages;
	uint64_t seed;
	const struct page_kind *kind[GROUND_PAGES];
	uint8_t expect[GROUND_PAGES * 4096];
};

/* Where a ground can be, and how many of these places there are here. */
enum place { PLACE_OWN, PLACE_VICTIM, PLACE_VICTIM_32, PLACE_COUNT };
enum place place_count(void);
const char *place_name(enum place place);

/* A ground of holes, and the end of it. A test's teardown also ends a victim. */
void ground_open(struct ground *ground, enum place place, unsigned pages);
/* A ground in the test's own memory that is no target: the buffers of a test. */
void ground_open_local(struct ground *ground, unsigned pages);
/* A ground at an address of one's own choice in a victim that is there already. */
void ground_open_in(struct ground *ground, struct victim *victim, uint64_t base, unsigned pages);
void ground_close(struct ground *ground);
/* Calls `run` with a fresh ground of GROUND_PAGES in each place; in those that are not the test's own. */
void ground_each_place(struct ground *ground, void (*run)(void));
void ground_each_victim(struct ground *ground, void (*run)(void));

/* Lays pages of a kind, with fresh contents. False where the machine has no such kind: holes then. */
bool ground_lay(struct ground *ground, unsigned page, unsigned count, const char *kind);
/* Lays a half file: the first half of the pages is there, the second beyond the end. */
void ground_lay_half(struct ground *ground, unsigned page, unsigned count, const char *kind);

/* Lays pages of a kind that is not among `page_kinds`, and is as the other in what a transfer meets. */
bool ground_lay_like(struct ground *ground, unsigned page, unsigned count, const char *kind,
		     const char *like);

/* The test's pointer to a place of an own ground. */
void *ground_pointer(const struct ground *ground, uint64_t address);
/* What the test expects at an address. */
uint8_t *ground_expect(struct ground *ground, uint64_t address);

/* What a transfer of [address, address + size) must answer; *bad is the first bad address. */
enum access { ACCESS_READ, ACCESS_WRITE };
kern_return_t ground_judge(const struct ground *ground, enum access access, bool force,
			   uint64_t address, uint64_t size, uint64_t *bad);

/* Its owner reports, and every byte must be as expected. */
#define ground_verify(ground) harness_ground_verify(__FILE__, __LINE__, (ground))
void harness_ground_verify(const char *file, int line, struct ground *ground);

#endif
