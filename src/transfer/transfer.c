/* SPDX-License-Identifier: MIT */
/* transfer.c - one write, one read: which look-ups come first, what a failure means. */
#include "transfer.h"

#include <errno.h>

#include "buffer.h"
#include "move.h"
#include "own_memory.h"
#include "survey.h"
#include "undo.h"

static unsigned survey_options(unsigned options)
{
	return (options & MACHVM__TRANSFER_FORCE ? MACHVM__SURVEY_FORCE : 0u) |
	       (options & MACHVM__TRANSFER_NOWAIT ? MACHVM__SURVEY_NOWAIT : 0u);
}

static bool callers_fault(struct machvm__fault *fault, size_t done)
{
	*fault = (struct machvm__fault){
		.cause = MACHVM__CAUSE_CALLER, .error = EFAULT, .done = done, .step = "buffer check"};
	return false;
}

/* Moves with the kernel judging the pages; where it cannot, on the word of the survey. */
int machvm__transfer_move(struct machvm__target *target, enum machvm__direction direction, uint64_t raddr,
                void *data, size_t size, unsigned options, size_t *done)
{
	*done = 0;
	if (!(options & (MACHVM__TRANSFER_FORCE | MACHVM__TRANSFER_NOWAIT))) {
		int r = machvm__target_move(target, direction, raddr, data, size, done);

		if (r != -EOPNOTSUPP)
			return r;
	}
	size_t before = *done, forced;
	int r = machvm__target_force(target, direction, raddr + before, (char *)data + before,
	                             size - before, &forced);
	*done = before + forced;
	if (r == -EFAULT && target->own) {
		/* Pages of our own that no descriptor reaches. */
		before = *done;
		r = machvm__target_move(target, direction, raddr + before, (char *)data + before,
		                        size - before, &forced);
		*done = before + forced;
	}
	return r == -EOPNOTSUPP ? -EFAULT : r;
}

/* A move has failed: the caller's buffer is to blame before the target is. */
bool machvm__transfer_failed(struct machvm__target *target, enum machvm__direction direction, uint64_t raddr,
                   const void *data, size_t size, unsigned options, size_t done, int r,
                   struct machvm__fault *fault)
{
	if ((r == -EFAULT || r == -ENOMEM) &&
	    !machvm__buffer_good(data, size,
	                         direction == MACHVM__WRITE ? MACHVM__READ : MACHVM__WRITE))
		return callers_fault(fault, direction == MACHVM__WRITE ? done : 0);
	machvm__survey_explain(target, direction, raddr + done, survey_options(options), r, "copy",
	                       fault);
	fault->done = direction == MACHVM__WRITE ? done : 0;
	return false;
}

/*
 * The looks before a long move: the rest of the caller's buffer, the target's
 * pages, and, when those are bad, the caller's first page, which outranks them.
 */
static bool looks_good(struct machvm__target *target, enum machvm__direction direction,
                       uint64_t raddr, const void *data, size_t size, unsigned options,
                       struct machvm__fault *fault)
{
	enum machvm__direction here = direction == MACHVM__WRITE ? MACHVM__READ : MACHVM__WRITE;
	bool kernel_judges = !options && machvm__target_honours(target, direction, raddr, size);

	fault->done = 0;
	if (!(kernel_judges ? machvm__buffer_rest_good(data, size, here)
	                    : machvm__buffer_good(data, size, here)))
		return callers_fault(fault, 0);
	if (kernel_judges && machvm__transfer_in_one_page(raddr, size))
		return true;
	if (machvm__survey(target, direction, raddr, size, survey_options(options), fault))
		return true;
	if (kernel_judges && !machvm__buffer_good(data, 1, here))
		return callers_fault(fault, 0);
	/* It was the target that was looked at, if it is still there. */
	if (machvm__target_alive(target))
		*fault = (struct machvm__fault){
			.cause = MACHVM__CAUSE_GONE, .error = ESRCH, .step = fault->step};
	return false;
}

static bool wraps(uint64_t raddr, size_t size)
{
	uint64_t end;

	return __builtin_add_overflow(raddr, size, &end);
}

static bool out_of_range(const void *data, uint64_t raddr, size_t size, enum machvm__direction here,
                         struct machvm__fault *fault)
{
	if (!machvm__buffer_good(data, size, here))
		return callers_fault(fault, 0);
	*fault = (struct machvm__fault){.cause = MACHVM__CAUSE_RANGE,
	                                .raddr = raddr,
	                                .writing = here == MACHVM__READ,
	                                .step = "range check"};
	return false;
}

/* The bytes go through the kernel's own access check, so that no store of ours can fault. */
static int deliver(void *data, void *bytes, size_t size)
{
	size_t done;

	return machvm__transfer_move(machvm__target_own(), MACHVM__WRITE, (uint64_t)(uintptr_t)data, bytes, size, 0,
	            &done);
}

static bool read_aside(struct machvm__target *target, uint64_t raddr, void *data, size_t size,
                       unsigned options, struct machvm__fault *fault)
{
	void *aside = machvm__own_memory_map(size);
	size_t done;
	bool good;
	int r;

	if (!aside) {
		*fault = (struct machvm__fault){
			.cause = MACHVM__CAUSE_SHORTAGE, .error = ENOMEM, .step = "read aside"};
		return false;
	}
	r = machvm__transfer_move(target, MACHVM__READ, raddr, aside, size, options, &done);
	good = r == 0 || machvm__transfer_failed(target, MACHVM__READ, raddr, aside, size, options, done, r, fault);
	if (good && deliver(data, aside, size))
		good = callers_fault(fault, 0);
	machvm__own_memory_unmap(aside, size);
	return good;
}

static bool move_long(struct machvm__target *target, enum machvm__direction direction,
                      uint64_t raddr, void *data, size_t size, unsigned options,
                      struct machvm__fault *fault)
{
	enum machvm__direction here = direction == MACHVM__WRITE ? MACHVM__READ : MACHVM__WRITE;
	size_t done;
	int r;

	if (wraps(raddr, size))
		return out_of_range(data, raddr, size, here, fault);
	if (!looks_good(target, direction, raddr, data, size, options, fault))
		return false;
	if (options & MACHVM__TRANSFER_TRANSACTION) {
		options &= ~(unsigned)MACHVM__TRANSFER_TRANSACTION;
		if (direction == MACHVM__READ)
			return read_aside(target, raddr, data, size, options, fault);
		return machvm__undo_write(target, raddr, data, size, options, fault);
	}
	r = machvm__transfer_move(target, direction, raddr, data, size, options, &done);
	return r == 0 || machvm__transfer_failed(target, direction, raddr, data, size, options, done, r, fault);
}

/* Inside one page on both sides: nothing to look up unless it fails. */
static bool move_short(struct machvm__target *target, enum machvm__direction direction,
                       uint64_t raddr, void *data, size_t size, struct machvm__fault *fault)
{
	size_t done;
	int r = machvm__target_move(target, direction, raddr, data, size, &done);

	if (__builtin_expect(r == 0, 1))
		return true;
	if (r == -EOPNOTSUPP)
		return move_long(target, direction, raddr, data, size, 0, fault);
	return machvm__transfer_failed(target, direction, raddr, data, size, 0, done, r, fault);
}

bool machvm__transfer_write(struct machvm__target *target, uint64_t raddr, const void *data,
                            size_t size, unsigned options, struct machvm__fault *fault)
{
	void *bytes = (void *)(uintptr_t)data;

	if (!(options & ~(unsigned)MACHVM__TRANSFER_TRANSACTION) && machvm__transfer_in_one_page(raddr, size) &&
	    machvm__transfer_in_one_page((uintptr_t)data, size))
		return move_short(target, MACHVM__WRITE, raddr, bytes, size, fault);
	return move_long(target, MACHVM__WRITE, raddr, bytes, size, options, fault);
}

bool machvm__transfer_read(struct machvm__target *target, uint64_t raddr, void *data, size_t size,
                           unsigned options, struct machvm__fault *fault)
{
	if (!options && machvm__transfer_in_one_page(raddr, size) &&
	    machvm__transfer_in_one_page((uintptr_t)data, size))
		return move_short(target, MACHVM__READ, raddr, data, size, fault);
	return move_long(target, MACHVM__READ, raddr, data, size, options, fault);
}

bool machvm__transfer_fetch(struct machvm__target *target, uint64_t raddr, void *data, size_t size,
                            struct machvm__fault *fault)
{
	size_t done;
	int r;

	if (wraps(raddr, size)) {
		*fault = (struct machvm__fault){
			.cause = MACHVM__CAUSE_RANGE, .raddr = raddr, .step = "range check"};
		return false;
	}
	r = machvm__target_move(target, MACHVM__READ, raddr, data, size, &done);
	if (r == 0)
		return true;
	if (r == -EOPNOTSUPP)
		return move_long(target, MACHVM__READ, raddr, data, size, 0, fault);
	return machvm__transfer_failed(target, MACHVM__READ, raddr, data, size, 0, done, r, fault);
}

/* What fits into the cache on its way through. */
#define BOUNCE ((size_t)256 << 10)

static bool copy_pieces(struct machvm__target *target, uint64_t source, size_t size,
                        uint64_t destination, char *bounce, struct machvm__fault *fault)
{
	/* Upwards into what is read later: start at the end, as memmove does. */
	bool backwards = destination > source && destination - source < size;
	size_t done, moved = 0;

	while (moved < size) {
		size_t part = size - moved < BOUNCE ? size - moved : BOUNCE;
		size_t at = backwards ? size - moved - part : moved;
		int r = machvm__transfer_move(target, MACHVM__READ, source + at, bounce, part, 0, &done);

		if (r) {
			machvm__transfer_failed(target, MACHVM__READ, source + at, bounce, part, 0, done, r, fault);
			fault->done = moved;
			return false;
		}
		r = machvm__transfer_move(target, MACHVM__WRITE, destination + at, bounce, part, 0, &done);
		if (r) {
			machvm__transfer_failed(target, MACHVM__WRITE, destination + at, bounce, part, 0, done, r, fault);
			fault->done = moved + done;
			return false;
		}
		moved += part;
	}
	return true;
}

bool machvm__transfer_copy(struct machvm__target *target, uint64_t source, size_t size,
                           uint64_t destination, struct machvm__fault *fault)
{
	size_t room = size < BOUNCE ? size : BOUNCE;
	char small[4096];
	char *bounce;
	bool good;

	*fault = (struct machvm__fault){.step = "range check", .cause = MACHVM__CAUSE_RANGE};
	if (wraps(source, size)) {
		fault->raddr = source;
		return false;
	}
	if ((!machvm__target_honours(target, MACHVM__READ, source, size) || !machvm__transfer_in_one_page(source, size) ||
	     wraps(destination, size) || !machvm__transfer_in_one_page(destination, size)) &&
	    !machvm__survey(target, MACHVM__READ, source, size, 0, fault))
		return false;
	if (wraps(destination, size)) {
		*fault = (struct machvm__fault){.step = "range check",
		                                .cause = MACHVM__CAUSE_RANGE,
		                                .raddr = destination,
		                                .writing = true};
		return false;
	}
	if ((!machvm__target_honours(target, MACHVM__WRITE, destination, size) ||
	     !machvm__transfer_in_one_page(destination, size)) &&
	    !machvm__survey(target, MACHVM__WRITE, destination, size, 0, fault))
		return false;
	if (size <= sizeof small)
		return copy_pieces(target, source, size, destination, small, fault);
	bounce = machvm__own_memory_map(room);
	if (!bounce) {
		*fault = (struct machvm__fault){
			.cause = MACHVM__CAUSE_SHORTAGE, .error = ENOMEM, .step = "copy"};
		return false;
	}
	good = copy_pieces(target, source, size, destination, bounce, fault);
	machvm__own_memory_unmap(bounce, room);
	return good;
}
