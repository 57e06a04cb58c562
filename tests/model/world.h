/* SPDX-License-Identifier: MIT */
/*
 * The model behind tests/model/whole.c: up to two processes, a victim and its forked child,
 * each with a stretch of pages of which it is known what is in them, what they
 * permit and who shares them. A page refers to a cell; pages that are one
 * memory refer to one cell, in either process.
 *
 * Steps change the model as the contract says, and the processes report what
 * they find.
 */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include "harness.h"

#include <setjmp.h>

#define WORLD_PAGES   20u
#define WORLD_ENTRIES 4u
#define WORLD_TOKENS  3u
#define WORLD_BYTES   (WORLD_PAGES * PAGE)

/* Of what the model does not know. */
enum { WORLD_UNKNOWN = 255 };

struct cell {
	unsigned users; /* pages and memory entries */
	uint8_t bytes[4096];
};

struct page {
	struct cell *cell; /* null: a hole */
	uint8_t prot, max;
	uint8_t set; /* what this process was told that the maximum is, whatever the kernel's */
	uint8_t kernel_max; /* what is left of it where nobody knows what was set: in a child */
	uint8_t inherit, behavior;
	bool shared;
	bool filed; /* a private mapping of an object */
	bool purgable;
};

struct process {
	struct victim *victim; /* null: there is none */
	mach_port_t port;      /* `refs` references to it */
	unsigned refs;
	mach_port_t received;            /* another name of it, which came over a socket; or null */
	mach_port_t weak;                /* one with the read right, or null */
	unsigned suspended;              /* so often by task_suspend */
	mach_port_t token[WORLD_TOKENS]; /* of task_suspend2; `tokens` of them */
	unsigned tokens;
	mach_port_t thread;        /* its only one, or null */
	bool thread_received;      /* it came of the received name, and ends with it */
	unsigned thread_suspended; /* so often, by any name that it had */
	struct page page[WORLD_PAGES];
};

struct memory_entry {
	mach_port_t port; /* null: there is none */
	unsigned pages;
	vm_prot_t grants;
	bool snapshot;
	struct cell *cell[WORLD_PAGES];
};

struct world {
	enum word word;
	uint64_t base;
	struct process process[2]; /* the second is the child of the first */
	bool has_forked;           /* a victim can do that once */
	struct memory_entry entry[WORLD_ENTRIES];
	uint64_t step, checks;  /* how many there were; answers that were failures ... */
	uint64_t refused, done; /* ... and successes */
	uint64_t late;          /* how often a machine with much to do had no time */
	jmp_buf out;            /* of the step, then */
};

extern struct world world;

void world_open(enum word word);
void world_close(void);
/* All that there is goes, and is made anew; what was counted stays. */
void world_begin_anew(void);
/* Ends the first process, and with it the second, and starts anew. */
void world_begin_again(void);
void world_fork(void);
void world_exec(struct process *process);
void world_end_child(void);
/* Does anything hold it? Then it reports nothing. */
bool world_stands(const struct process *process);
/* Takes back all that holds it. */
void world_let_go(struct process *process);

/* A random process that lives; one of its names; a page of it. */
struct process *world_process(void);
mach_port_t world_port(const struct process *process);
uint64_t world_address(unsigned page);
uint64_t world_end(void);

/* A stretch of pages for a routine that acts on pages: unaligned now and then. */
struct stretch {
	unsigned page, pages;
	uint64_t address, size;
};
struct stretch world_stretch(unsigned most);

struct cell *cell_new(void);
struct cell *cell_copy(const struct cell *cell);
struct cell *cell_share(struct cell *cell);
void cell_drop(struct cell *cell);

/* What is there goes; then new private zeros with everything permitted. */
void page_clear(struct page *page);
void page_make(struct page *page, struct cell *cell, bool shared, vm_prot_t prot, vm_prot_t max);
bool pages_free(const struct process *process, unsigned page, unsigned pages);
bool pages_there(const struct process *process, unsigned page, unsigned pages);
bool pages_shared(const struct process *process, unsigned page, unsigned pages);

/* Notes what is being tried, for the text of a failure; the last ones can be told. */
void step_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void step_add(const char *text);
void step_tell(void);
/* The answer must be this; it is counted. */
#define expect_answer(got, want) world_expect_answer(__FILE__, __LINE__, #got, (got), (want))
bool world_expect_answer(const char *file, int line, const char *call, kern_return_t got,
			 kern_return_t want);

/* Both processes report, as far as they are not suspended: bytes, and what is permitted. */
void world_check(void);

/* The steps, by family. */
void step_write(void);
void step_read(void);
void step_copy(void);
void step_list(void);
void step_find(void);
void step_protect(void);
void step_allocate(void);
void step_deallocate(void);
void step_inherit(void);
void step_behavior(void);
void step_wire(void);
void step_purgable(void);
void step_advice(void);
void step_map(void);
void step_entry(void);
void step_map_entry(void);
void step_remap(void);
void step_region(void);
void step_walk(void);
void step_page(void);
void step_suspend(void);
void step_token(void);
void step_thread(void);
void step_port(void);
void step_travel(void);
void step_weak(void);
void step_process(void);

#endif
