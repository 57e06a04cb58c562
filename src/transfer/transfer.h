/* SPDX-License-Identifier: MIT */
/*
 * transfer.h - moving bytes, all of them or none.
 *
 * A range within one page on both sides cannot be moved in part, so it is one
 * system call and nothing else; only when that fails is the reason looked up.
 * A longer one is surveyed first. Undo is kept only for a transaction.
 *
 * Every function returns true when all bytes have moved, or false with *fault
 * filled. `size` is not 0.
 */
#ifndef MACHVM_TRANSFER_H
#define MACHVM_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "still.h"
#include "target.h"

enum {
	MACHVM__TRANSFER_TRANSACTION = 1 << 0,
	MACHVM__TRANSFER_FORCE = 1 << 1,
	MACHVM__TRANSFER_NOWAIT = 1 << 2,
	MACHVM__TRANSFER_PEEK = 1 << 3, /* with FORCE, and to read: shared memory too */
};

/*
 * The options of a call without force, where nothing forces in the own task
 * (proc_mem.force_override): the protections judge before a byte moves.
 */
unsigned machvm__transfer_own_force(struct machvm__target *target, unsigned options);

/* Who was suspended by this process cannot supply a page, so nobody waits for one. */
static inline unsigned machvm__transfer_patience(struct machvm__target *target)
{
	return __builtin_expect(machvm__still_stands(target), 0) ? MACHVM__TRANSFER_NOWAIT : 0;
}

static inline bool machvm__transfer_in_one_page(uint64_t address, size_t size)
{
	return (address & (machvm__page_size() - 1)) + size <= machvm__page_size();
}

bool machvm__transfer_write(struct machvm__target *target, uint64_t raddr, const void *data,
                            size_t size, unsigned options, struct machvm__fault *fault);

bool machvm__transfer_read(struct machvm__target *target, uint64_t raddr, void *data, size_t size,
                           unsigned options, struct machvm__fault *fault);

/* Into memory that was mapped for this, and whose contents after a failure do not matter. */
bool machvm__transfer_fetch(struct machvm__target *target, uint64_t raddr, void *data, size_t size,
                            struct machvm__fault *fault);

/* Inside one target, as by memmove. */
bool machvm__transfer_copy(struct machvm__target *target, uint64_t source, size_t size,
                           uint64_t destination, struct machvm__fault *fault);

#endif
