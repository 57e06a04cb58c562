/* SPDX-License-Identifier: MIT */
/*
 * copy_within.c - from one place of a target to another, by way of buffers of ours.
 *
 * A long one is cut into parts that fit a cache on their way through, and the parts
 * are given to threads. These take the quick way only; what it leaves, the calling
 * thread does afterwards with care, in ascending order. The target is never stopped.
 */
#include <errno.h>
#include <stdlib.h>

#include "batch.h"
#include "move.h"
#include "own_memory.h"
#include "spread.h"
#include "survey.h"
#include "work.h"

/*
 * A part: what stays in a cache between the read and the write, with both its ends.
 * Of 64 MiB copied by two threads, parts of 2 MiB took 0.50 of the time of reading all
 * and writing it back, 512 and 256 KiB 0.45, 128 KiB 0.48.
 */
#define BOUNCE ((size_t)512 << 10)

struct copy {
	struct machvm__target *target;
	uint64_t source, destination;
	size_t size;
	char *bounce; /* one buffer for each lane */
	size_t *written; /* for each part of a long copy */
	struct machvm__file image;
};

static int copy_part(const struct copy *copy, size_t at, size_t size, struct machvm__move *move)
{
	int r;

	*move = (struct machvm__move){.target = copy->target,
	                              .direction = MACHVM__READ,
	                              .raddr = copy->source + at,
	                              .data = copy->bounce,
	                              .size = size,
	                              .fresh = true};
	r = machvm__transfer_move(move);
	if (r)
		return r;
	move->direction = MACHVM__WRITE;
	move->raddr = copy->destination + at;
	move->surveyed = false;
	return machvm__transfer_move(move);
}

static bool copy_pieces(const struct copy *copy, struct machvm__fault *fault)
{
	/* Upwards into what is read later: start at the end, as memmove does. */
	bool backwards = copy->destination > copy->source &&
	                 copy->destination - copy->source < copy->size;
	size_t moved = 0;

	while (moved < copy->size) {
		size_t part = copy->size - moved < BOUNCE ? copy->size - moved : BOUNCE;
		struct machvm__move move;
		int r = copy_part(copy, backwards ? copy->size - moved - part : moved, part, &move);

		if (r) {
			machvm__transfer_failed(&move, r, fault);
			fault->done += moved;
			return false;
		}
		moved += part;
	}
	return true;
}

static size_t part_size(const struct copy *copy, size_t i)
{
	return copy->size - i * BOUNCE < BOUNCE ? copy->size - i * BOUNCE : BOUNCE;
}

static bool copy_quickly(void *context, unsigned lane, size_t i)
{
	struct copy *copy = context;
	struct machvm__piece piece = {.raddr = copy->source + i * BOUNCE,
	                              .local = copy->bounce + lane * BOUNCE,
	                              .size = part_size(copy, i)};
	size_t moved;

	if (machvm__batch_move(copy->target, MACHVM__READ, &piece, 1, &moved))
		return false;
	piece.raddr = copy->destination + i * BOUNCE;
	if (machvm__batch_move(copy->target, MACHVM__WRITE, &piece, 1, &copy->written[i]))
		return false;
	return machvm__target_image_lives(&copy->image);
}

/* The parts that the threads have left, in ascending order. */
static bool copy_rest(struct copy *copy, size_t parts, struct machvm__fault *fault)
{
	struct machvm__move move = {.target = copy->target, .direction = MACHVM__WRITE,
	                            .raddr = copy->destination, .data = copy->bounce, .size = 1,
	                            .fresh = true};
	size_t written = 0;
	int r = 0;

	for (size_t i = 0; i < parts && r == 0; i++) {
		if (copy->written[i] == part_size(copy, i))
			continue;
		r = copy_part(copy, i * BOUNCE, part_size(copy, i), &move);
		if (move.direction == MACHVM__WRITE && move.done > copy->written[i])
			copy->written[i] = move.done;
	}
	if (r == 0 && !machvm__target_image_lives(&copy->image))
		r = -ECANCELED;
	if (r == 0)
		return true;
	machvm__transfer_failed(&move, r, fault);
	for (size_t i = 0; i < parts; i++)
		written += copy->written[i];
	fault->done = written;
	return false;
}

static bool copy_spread(struct copy *copy, unsigned lanes, struct machvm__fault *fault)
{
	size_t parts = (copy->size - 1) / BOUNCE + 1;
	bool good;
	int r = machvm__target_open(copy->target, MACHVM__FILE_MAPS, &copy->image);

	if (r) {
		struct machvm__move move = {.target = copy->target, .raddr = copy->source,
		                            .direction = MACHVM__READ, .fresh = true};

		return machvm__transfer_failed(&move, r, fault);
	}
	copy->written = calloc(parts, sizeof *copy->written);
	if (copy->written) {
		machvm__spread(lanes, parts, copy->size, copy_quickly, copy);
		good = copy_rest(copy, parts, fault);
	} else {
		good = machvm__fault_no_memory(fault, "copy");
	}
	free(copy->written);
	machvm__target_close(&copy->image);
	return good;
}

/* Worth several threads, and nothing in it is read after it was written. */
static bool is_long(const struct copy *copy)
{
	return (copy->destination - copy->source >= copy->size &&
	        copy->source - copy->destination >= copy->size) &&
	       machvm__work_is_long(copy->target, MACHVM__READ, copy->size, 1, 0) &&
	       machvm__work_is_long(copy->target, MACHVM__WRITE, copy->size, 1, 0);
}

static bool copy_all(struct copy *copy, struct machvm__fault *fault)
{
	unsigned lanes = is_long(copy) ? machvm__spread_lanes() : 1;
	size_t room = lanes * (copy->size < BOUNCE ? copy->size : BOUNCE);
	bool good;

	copy->bounce = machvm__own_memory_map(room);
	if (!copy->bounce)
		return machvm__fault_no_memory(fault, "copy");
	good = is_long(copy) ? copy_spread(copy, lanes, fault) : copy_pieces(copy, fault);
	machvm__own_memory_unmap(copy->bounce, room);
	return good;
}

/* One page is moved whole or not at all, and says so itself. */
static bool speaks_for_itself(struct machvm__target *target, enum machvm__direction direction,
                              uint64_t raddr, size_t size)
{
	return machvm__target_honours(target, direction, raddr, size) && !machvm__fault_wraps(raddr, size) &&
	       machvm__transfer_in_one_page(raddr, size);
}

bool machvm__transfer_copy(struct machvm__target *target, uint64_t source, size_t size,
                           uint64_t destination, struct machvm__fault *fault)
{
	struct copy copy = {
		.target = target, .source = source, .destination = destination, .size = size};
	unsigned look = machvm__transfer_patience(target) ? MACHVM__SURVEY_NOWAIT : 0;
	bool short_source = !look && speaks_for_itself(target, MACHVM__READ, source, size);
	bool short_destination = !look && speaks_for_itself(target, MACHVM__WRITE, destination, size);
	char small[4096];

	fault->done = 0;
	if (machvm__fault_wraps(source, size))
		return machvm__fault_range(fault, source, false);
	/* The source is judged before the destination is looked at. */
	if (!(short_source && short_destination) &&
	    !machvm__survey(target, MACHVM__READ, source, size, look, fault))
		return false;
	if (machvm__fault_wraps(destination, size))
		return machvm__fault_range(fault, destination, true);
	if (!short_destination && !machvm__survey(target, MACHVM__WRITE, destination, size, look, fault))
		return false;
	if (size > sizeof small)
		return copy_all(&copy, fault);
	copy.bounce = small;
	return copy_pieces(&copy, fault);
}
