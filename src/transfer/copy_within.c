/* SPDX-License-Identifier: MIT */
/* copy_within.c - from one place of a target to another, by way of a buffer of ours. */
#include "move.h"
#include "own_memory.h"
#include "survey.h"

/* What fits into the cache on its way through. */
#define BOUNCE ((size_t)256 << 10)

static bool copy_pieces(struct machvm__target *target, uint64_t source, size_t size,
                        uint64_t destination, char *bounce, struct machvm__fault *fault)
{
	/* Upwards into what is read later: start at the end, as memmove does. */
	bool backwards = destination > source && destination - source < size;
	size_t moved = 0;

	while (moved < size) {
		size_t part = size - moved < BOUNCE ? size - moved : BOUNCE;
		size_t at = backwards ? size - moved - part : moved;
		struct machvm__move move = {.target = target,
		                            .raddr = source + at,
		                            .data = bounce,
		                            .size = part,
		                            .fresh = true};
		int r;

		move.direction = MACHVM__READ;
		r = machvm__transfer_move(&move);
		if (r == 0) {
			move.direction = MACHVM__WRITE;
			move.raddr = destination + at;
			r = machvm__transfer_move(&move);
		}
		if (r) {
			machvm__transfer_failed(&move, r, fault);
			fault->done += moved;
			return false;
		}
		moved += part;
	}
	return true;
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
	size_t room = size < BOUNCE ? size : BOUNCE;
	bool short_source = speaks_for_itself(target, MACHVM__READ, source, size);
	bool short_destination = speaks_for_itself(target, MACHVM__WRITE, destination, size);
	char small[4096];
	char *bounce;
	bool good;

	fault->done = 0;
	if (machvm__fault_wraps(source, size))
		return machvm__fault_range(fault, source, false);
	/* The source is judged before the destination is looked at. */
	if (!(short_source && short_destination) &&
	    !machvm__survey(target, MACHVM__READ, source, size, 0, fault))
		return false;
	if (machvm__fault_wraps(destination, size))
		return machvm__fault_range(fault, destination, true);
	if (!short_destination && !machvm__survey(target, MACHVM__WRITE, destination, size, 0, fault))
		return false;
	if (size <= sizeof small)
		return copy_pieces(target, source, size, destination, small, fault);
	bounce = machvm__own_memory_map(room);
	if (!bounce)
		return machvm__fault_no_memory(fault, "copy");
	good = copy_pieces(target, source, size, destination, bounce, fault);
	machvm__own_memory_unmap(bounce, room);
	return good;
}
