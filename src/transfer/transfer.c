/* SPDX-License-Identifier: MIT */
/* transfer.c - one write, one read: which look-ups come first, what a failure means. */
#include "transfer.h"

#include <errno.h>

#include "arena.h"
#include "buffer.h"
#include "move.h"
#include "own_memory.h"
#include "survey.h"
#include "work.h"

static unsigned survey_options(unsigned options)
{
	return (options & MACHVM__TRANSFER_FORCE ? MACHVM__SURVEY_FORCE : 0u) |
	       (options & MACHVM__TRANSFER_PEEK ? MACHVM__SURVEY_PEEK : 0u) |
	       (options & MACHVM__TRANSFER_NOWAIT ? MACHVM__SURVEY_NOWAIT : 0u);
}

static bool callers_fault(struct machvm__fault *fault, size_t done)
{
	*fault = (struct machvm__fault){
		.cause = MACHVM__CAUSE_CALLER, .error = EFAULT, .done = done, .step = "buffer check"};
	return false;
}

/* Our own pages: some only a descriptor reaches by force, and some no descriptor reaches. */
static int force_own(struct machvm__target *own, enum machvm__direction direction, uint64_t raddr,
                     void *data, size_t size, size_t *done)
{
	size_t page = machvm__page_size(), moved;
	int r;

	*done = 0;
	do {
		r = machvm__target_force(own, direction, raddr + *done,
		                         machvm__copy_beyond(data, *done), size - *done, &moved);
		*done += moved;
		if (r != -EFAULT)
			return r;
		size_t part = page - (size_t)((raddr + *done) & (page - 1));
		r = machvm__target_move(own, direction, raddr + *done, machvm__copy_beyond(data, *done),
		                        part < size - *done ? part : size - *done, &moved);
		*done += moved;
	} while (r == 0 && *done < size);
	return r;
}

static enum machvm__direction here(enum machvm__direction direction)
{
	return direction == MACHVM__WRITE ? MACHVM__READ : MACHVM__WRITE;
}

static bool buffer_good(const struct machvm__move *move)
{
	return move->fresh ||
	       machvm__buffer_good(move->data, move->size, here(move->direction));
}

/* Does the page that just failed look good now? Otherwise the move ends, and the look is why. */
static bool recovered(struct machvm__move *move)
{
	move->known = !machvm__survey(move->target, move->direction, move->raddr + move->done, 1,
	                              survey_options(move->options), &move->why);
	if (move->known) {
		move->why.step = "copy";
		move->why.error = EFAULT;
	}
	return !move->known && !move->why.watched;
}

/*
 * May the rest be moved past the kernel's judgement? That the copy calls are refused
 * may have come to light in this very move, after it was left to them to judge.
 */
static bool permitted(struct machvm__move *move)
{
	if (!move->surveyed)
		move->surveyed = machvm__survey(move->target, move->direction, move->raddr + move->done,
		                                move->size - move->done,
		                                survey_options(move->options), &move->why);
	move->known = !move->surveyed;
	return move->surveyed;
}

/* The kernel judges the pages; where it cannot, the survey has. Adds to move->done. */
static int move_once(struct machvm__move *move)
{
	int r = -EOPNOTSUPP;
	size_t moved;

	if (!(move->options & (MACHVM__TRANSFER_FORCE | MACHVM__TRANSFER_NOWAIT))) {
		r = machvm__target_move(move->target, move->direction, move->raddr + move->done,
		                        machvm__copy_beyond(move->data, move->done),
		                        move->size - move->done, &moved);
		move->done += moved;
	}
	if (r != -EOPNOTSUPP)
		return r;
	if (!permitted(move))
		return -EFAULT;
	r = (move->target->own ? force_own : machvm__target_force)(
		move->target, move->direction, move->raddr + move->done,
		machvm__copy_beyond(move->data, move->done), move->size - move->done, &moved);
	move->done += moved;
	return r;
}

/* How often a page that the target takes away and gives back is tried. */
#define TRIES 2000

int machvm__transfer_move(struct machvm__move *move)
{
	move->done = 0;
	move->known = false;
	for (int tries = 0;; tries++) {
		int r = move_once(move);

		if (r != -EFAULT || move->known || tries == TRIES)
			return r;
		/* Once: a buffer that goes bad later is found by whoever explains the failure. */
		if (tries == 0 && !buffer_good(move))
			return r;
		if (!recovered(move))
			return r;
	}
}

bool machvm__transfer_failed(const struct machvm__move *move, int r, struct machvm__fault *fault)
{
	size_t changed = move->direction == MACHVM__WRITE ? move->done : 0;

	if ((r == -EFAULT || r == -ENOMEM) && !buffer_good(move))
		return callers_fault(fault, changed);
	/* It was the target that was looked at, if it is still there. */
	if (move->known && machvm__target_alive(move->target) == 0)
		*fault = move->why;
	else
		machvm__survey_explain(move->target, move->direction, move->raddr + move->done,
		                       survey_options(move->options), r, "copy", fault);
	fault->done = changed;
	return false;
}

/*
 * The looks before a long move: the rest of the caller's buffer, the target's
 * pages, and, when those are bad, the caller's first page, which outranks them.
 */
static bool looks_good(struct machvm__move *move, struct machvm__fault *fault)
{
	bool kernel_judges = !move->options && machvm__target_honours(move->target, move->direction,
	                                                              move->raddr, move->size);

	fault->done = 0;
	fault->watched = false;
	if (!(kernel_judges && !move->fresh
	              ? machvm__buffer_rest_good(move->data, move->size, here(move->direction))
	              : buffer_good(move)))
		return callers_fault(fault, 0);
	if (kernel_judges && machvm__transfer_in_one_page(move->raddr, move->size))
		return true;
	move->surveyed = machvm__survey(move->target, move->direction, move->raddr, move->size,
	                                survey_options(move->options), fault);
	if (move->surveyed)
		return true;
	if (kernel_judges && !move->fresh && !machvm__buffer_good(move->data, 1, here(move->direction)))
		return callers_fault(fault, 0);
	/* It was the target that was looked at, if it is still there. */
	if (machvm__target_alive(move->target))
		*fault = (struct machvm__fault){
			.cause = MACHVM__CAUSE_GONE, .error = ESRCH, .step = fault->step};
	return false;
}

static bool out_of_range(const struct machvm__move *move, struct machvm__fault *fault)
{
	if (!buffer_good(move))
		return callers_fault(fault, 0);
	return machvm__fault_range(fault, move->raddr, move->direction == MACHVM__WRITE);
}

static bool wanted(struct machvm__move *move, struct machvm__fault *fault)
{
	int r = machvm__transfer_move(move);

	return r == 0 || machvm__transfer_failed(move, r, fault);
}

/* By one thread or by several. */
static bool carry(struct machvm__move *move, struct machvm__fault *fault)
{
	return machvm__work_is_long(move->target, move->direction, move->size, 1, move->options)
	               ? machvm__work_move(move, fault)
	               : wanted(move, fault);
}

/* Into memory of our own first, so that a read that fails has not touched the buffer. */
static bool read_aside(struct machvm__move *move, struct machvm__fault *fault)
{
	struct machvm__move deliver = {.target = machvm__target_own(),
	                               .direction = MACHVM__WRITE,
	                               .raddr = (uint64_t)(uintptr_t)move->data,
	                               .size = move->size};
	struct machvm__arena aside;
	bool good;

	if (!machvm__arena_get(&aside, move->size))
		return machvm__fault_no_memory(fault, "read aside");
	move->data = deliver.data = aside.data;
	move->fresh = true;
	good = carry(move, fault);
	/* Delivered through the kernel's access check, so that no store of ours can fault. */
	if (good && !carry(&deliver, fault))
		good = callers_fault(fault, 0);
	machvm__arena_put(&aside);
	return good;
}

static bool move_long(struct machvm__move *move, struct machvm__fault *fault)
{
	bool writing = move->direction == MACHVM__WRITE;

	if (machvm__fault_wraps(move->raddr, move->size))
		return out_of_range(move, fault);
	if (!looks_good(move, fault))
		return false;
	/* A write that may be turned away half-way keeps the old bytes, asked or not. */
	if (writing && fault->watched)
		move->options |= MACHVM__TRANSFER_TRANSACTION;
	if (!(move->options & MACHVM__TRANSFER_TRANSACTION))
		return carry(move, fault);
	if (writing)
		return machvm__work_move(move, fault);
	move->options &= ~(unsigned)MACHVM__TRANSFER_TRANSACTION;
	return read_aside(move, fault);
}

/* Inside one page on both sides: nothing to look up unless it fails. */
static bool move_short(struct machvm__move *move, struct machvm__fault *fault)
{
	int r = machvm__target_move(move->target, move->direction, move->raddr, move->data, move->size,
	                            &move->done);

	if (r == 0)
		return true;
	if (r == -EOPNOTSUPP || r == -EFAULT)
		return move_long(move, fault);
	return machvm__transfer_failed(move, r, fault);
}

unsigned machvm__transfer_own_force(struct machvm__target *target, unsigned options)
{
	if (options & MACHVM__TRANSFER_FORCE && target->own && !machvm__own_memory_forces())
		options &= ~(unsigned)MACHVM__TRANSFER_FORCE;
	return options;
}

bool machvm__transfer_write(struct machvm__target *target, uint64_t raddr, const void *data,
                            size_t size, unsigned options, struct machvm__fault *fault)
{
	struct machvm__move move = {.target = target,
	                            .direction = MACHVM__WRITE,
	                            .raddr = raddr,
	                            .data = (void *)(uintptr_t)data,
	                            .size = size};

	options = machvm__transfer_own_force(target, options | machvm__transfer_patience(target));
	move.options = options;

	/* What cannot be done in part needs no undoing. */
	if (!(options & ~(unsigned)MACHVM__TRANSFER_TRANSACTION) &&
	    machvm__transfer_in_one_page(raddr, size) &&
	    machvm__transfer_in_one_page((uintptr_t)data, size)) {
		move.options = 0;
		return move_short(&move, fault);
	}
	return move_long(&move, fault);
}

bool machvm__transfer_read(struct machvm__target *target, uint64_t raddr, void *data, size_t size,
                           unsigned options, struct machvm__fault *fault)
{
	struct machvm__move move = {.target = target,
	                            .direction = MACHVM__READ,
	                            .raddr = raddr,
	                            .data = data,
	                            .size = size};

	options = machvm__transfer_own_force(target, options | machvm__transfer_patience(target));
	move.options = options;
	if (!options && machvm__transfer_in_one_page(raddr, size) &&
	    machvm__transfer_in_one_page((uintptr_t)data, size))
		return move_short(&move, fault);
	return move_long(&move, fault);
}

bool machvm__transfer_fetch(struct machvm__target *target, uint64_t raddr, void *data, size_t size,
                            struct machvm__fault *fault)
{
	struct machvm__move move = {.target = target,
	                            .direction = MACHVM__READ,
	                            .raddr = raddr,
	                            .data = data,
	                            .size = size,
	                            .fresh = true};

	if (machvm__fault_wraps(raddr, size))
		return machvm__fault_range(fault, raddr, false);
	move.options = machvm__transfer_patience(target);
	if (!move.options && machvm__target_honours(target, MACHVM__READ, raddr, size))
		return carry(&move, fault);
	return move_long(&move, fault);
}
