/* SPDX-License-Identifier: MIT */
/*
 * deathwatch.h - has this process exited? Asked before and after every copy,
 * because the copy takes a number and the number may have a new owner.
 *
 * Three ways, the cheapest that is at hand:
 * - for those who are asked about often, a word that the kernel changes
 *   (death_ring.h), which costs a few loads;
 * - one epoll instance with every pidfd in it: one quick system call that says
 *   "none of them" (0.4 of a poll(2) of the pidfd);
 * - asking the handle itself.
 * All are exact: each tells of the exit before the number can be used again.
 */
#ifndef MACHVM_LINUX_DEATHWATCH_H
#define MACHVM_LINUX_DEATHWATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "process.h"

struct machvm__death_ring;

struct machvm__deathwatch {
	/* While the word has its quiet value the process lives. Without a ring it never has. */
	_Atomic(const _Atomic uint32_t *) word;
	_Atomic uint32_t quiet;
	int handle;
	enum machvm__handle kind;
	_Atomic bool dead;
	_Atomic uint32_t epoll_epoch; /* registered in the epoll instance of that epoch */
	_Atomic uint32_t asked;       /* by those who ask often, without a ring */
	struct machvm__death_ring *ring;
};

void machvm__deathwatch_init(struct machvm__deathwatch *watch, int handle,
                             enum machvm__handle kind);
void machvm__deathwatch_fini(struct machvm__deathwatch *watch);

/* In a child, which has no ring of its parent's. */
void machvm__deathwatch_renew(struct machvm__deathwatch *watch);

/* The long way round; see below. */
int machvm__deathwatch_ask(struct machvm__deathwatch *watch);
int machvm__deathwatch_ask_often(struct machvm__deathwatch *watch, int tgid);

static inline bool machvm__deathwatch_quiet(struct machvm__deathwatch *watch)
{
	const _Atomic uint32_t *word;

	/* After a copy: the word is not to be read before the kernel has read the number. */
	atomic_thread_fence(memory_order_acquire);
	word = atomic_load_explicit(&watch->word, memory_order_acquire);
	return atomic_load_explicit(word, memory_order_acquire) ==
	       atomic_load_explicit(&watch->quiet, memory_order_relaxed);
}

/* 0 while the process lives, else -ESRCH. */
static inline int machvm__deathwatch_check(struct machvm__deathwatch *watch)
{
	return __builtin_expect(machvm__deathwatch_quiet(watch), 1) ? 0
	                                                            : machvm__deathwatch_ask(watch);
}

/*
 * The same for whom the question itself is what the call costs: the process gets
 * a ring once it has come a thousand times. `tgid` is its number here.
 */
static inline int machvm__deathwatch_check_often(struct machvm__deathwatch *watch, int tgid)
{
	return __builtin_expect(machvm__deathwatch_quiet(watch), 1)
	               ? 0
	               : machvm__deathwatch_ask_often(watch, tgid);
}

#endif
