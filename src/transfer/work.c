/* SPDX-License-Identifier: MIT */
/*
 * work.c - units of pieces, moved by several threads, and what becomes of the
 * whole when one of them fails.
 *
 * The threads take the quick way only: whole batches by process_vm_*. Whatever
 * does not go that way is left to the calling thread, which afterwards goes over
 * the units in ascending order and does the rest with care, piece by piece.
 */
#include "work.h"

#include <errno.h>
#include <stdlib.h>

#include "arena.h"
#include "spread.h"
#include "undo.h"

struct unit {
	size_t first, count; /* pieces */
	size_t bytes;
	size_t moved; /* bytes: all of the pieces before one, and perhaps a part of that one */
	size_t old;   /* where the arena has the old bytes */
	bool kept;
};

struct run {
	const struct machvm__work *work;
	struct unit *units;
	size_t count;
	size_t bytes;
	bool undo;
	bool watches; /* more than one call: each must find the same program */
	struct machvm__arena arena;
	struct machvm__file image;
};

/* Groups the pieces; with null for units only counts. */
static size_t divide(const struct machvm__work *work, struct unit *units)
{
	size_t count = 0, old = 0;

	for (size_t i = 0; i < work->count;) {
		struct unit unit = {.first = i, .old = old};

		do
			unit.bytes += work->pieces[i++].size;
		while (i < work->count && i - unit.first < MACHVM__WORK_PIECES &&
		       unit.bytes + work->pieces[i].size <= MACHVM__WORK_UNIT);
		unit.count = i - unit.first;
		old += unit.bytes;
		if (units)
			units[count] = unit;
		count++;
	}
	return count;
}

/* Reads the old bytes of a unit in one go. */
static bool keep_quickly(struct run *run, struct unit *unit)
{
	struct machvm__piece old[MACHVM__WORK_PIECES];
	char *at = run->arena.data + unit->old;
	size_t moved;

	for (size_t i = 0; i < unit->count; i++) {
		old[i] = run->work->pieces[unit->first + i];
		old[i].local = at;
		at += old[i].size;
	}
	return machvm__batch_move(run->work->target, MACHVM__READ, old, unit->count, &moved) == 0;
}

static bool move_quickly(void *context, unsigned lane, size_t i)
{
	struct run *run = context;
	const struct machvm__work *work = run->work;
	struct unit *unit = &run->units[i];

	if (run->undo) {
		unit->kept = keep_quickly(run, unit);
		if (!unit->kept)
			return false;
	}
	if (machvm__batch_move(work->target, work->direction, &work->pieces[unit->first],
	                       unit->count, &unit->moved))
		return false;
	return !run->watches || machvm__target_image_lives(&run->image);
}

static struct machvm__move as_move(const struct machvm__work *work, const struct machvm__piece *piece)
{
	return (struct machvm__move){
		.target = work->target,
		.direction = work->direction,
		.raddr = piece->raddr,
		.data = piece->local,
		.size = piece->size,
		.options = work->options & ~(unsigned)MACHVM__TRANSFER_TRANSACTION,
		.fresh = work->fresh,
		.surveyed = work->surveyed,
	};
}

/* What has moved of the piece that begins `before` bytes into its unit. */
static size_t part_moved(const struct unit *unit, size_t before, const struct machvm__piece *piece)
{
	if (unit->moved <= before)
		return 0;
	return unit->moved - before < piece->size ? unit->moved - before : piece->size;
}

static bool keep_with_care(struct run *run, struct unit *unit, struct machvm__fault *fault)
{
	char *at = run->arena.data + unit->old;

	for (size_t i = 0; i < unit->count; i++) {
		struct machvm__move move = as_move(run->work, &run->work->pieces[unit->first + i]);

		if (!machvm__undo_keep(&move, at, fault))
			return false;
		at += move.size;
	}
	unit->kept = true;
	return true;
}

static bool move_with_care(struct run *run, struct unit *unit, struct machvm__fault *fault)
{
	size_t before = 0;

	if (run->undo && !unit->kept && !keep_with_care(run, unit, fault))
		return false;
	for (size_t i = 0; i < unit->count; i++) {
		const struct machvm__piece *piece = &run->work->pieces[unit->first + i];
		struct machvm__move move = as_move(run->work, piece);
		size_t part = part_moved(unit, before, piece);
		int r;

		before += piece->size;
		if (part == piece->size)
			continue;
		move.raddr += part;
		move.data = machvm__copy_beyond(move.data, part);
		move.size -= part;
		r = machvm__transfer_move(&move);
		unit->moved += move.done;
		if (r)
			return machvm__transfer_failed(&move, r, fault);
		if (run->watches && !machvm__target_image_lives(&run->image)) {
			machvm__transfer_failed(&move, -ECANCELED, fault);
			return false;
		}
	}
	return true;
}

static size_t moved_by_all(const struct run *run)
{
	size_t moved = 0;

	for (size_t i = 0; i < run->count; i++)
		moved += run->units[i].moved;
	return moved;
}

/* Every byte is where it should be; was it the right place all the while? */
static bool same_all_the_while(struct run *run, struct machvm__fault *fault)
{
	struct machvm__move all = as_move(run->work, &run->work->pieces[0]);

	if (machvm__target_alive(run->work->target))
		return machvm__transfer_failed(&all, -ESRCH, fault);
	if (run->watches && !machvm__target_image_lives(&run->image))
		return machvm__transfer_failed(&all, -ECANCELED, fault);
	return true;
}

static bool changed(struct machvm__fault *fault, uint64_t raddr, size_t lost, int error)
{
	*fault = (struct machvm__fault){.cause = MACHVM__CAUSE_CHANGED,
	                                .raddr = raddr,
	                                .done = lost,
	                                .error = error,
	                                .writing = true,
	                                .step = "put back"};
	return false;
}

static size_t put_unit_back(struct run *run, const struct unit *unit)
{
	const char *old = run->arena.data + unit->old;
	size_t before = 0, lost = 0;

	for (size_t i = 0; i < unit->count && before < unit->moved; i++) {
		const struct machvm__piece *piece = &run->work->pieces[unit->first + i];
		struct machvm__move move = as_move(run->work, piece);

		move.done = part_moved(unit, before, piece);
		lost += machvm__undo_put_back(&move, old + before);
		before += piece->size;
	}
	return lost;
}

/* The fault is filled but for what has been done; with undo, nothing must stay done. */
static bool give_up(struct run *run, struct machvm__fault *fault)
{
	uint64_t first = run->work->pieces[0].raddr;
	size_t moved = run->work->direction == MACHVM__WRITE ? moved_by_all(run) : 0;
	size_t lost = 0;

	fault->done = moved;
	/* In another process, or in another program of the same one, nothing is put back. */
	if (!moved || fault->cause == MACHVM__CAUSE_GONE)
		return false;
	if (run->watches && !machvm__target_image_lives(&run->image)) {
		changed(fault, first, moved, 0);
		fault->step = "copy";
		return false;
	}
	if (!run->undo)
		return false;
	for (size_t i = 0; i < run->count; i++)
		lost += put_unit_back(run, &run->units[i]);
	fault->done = 0;
	return lost ? changed(fault, first, lost, fault->error) : false;
}

static bool do_units(struct run *run, struct machvm__fault *fault)
{
	const struct machvm__work *work = run->work;
	bool spread = !work->ordered && machvm__work_is_long(work->target, work->direction,
	                                                     run->bytes, work->count, work->options);
	bool quick = !(work->options & (MACHVM__TRANSFER_FORCE | MACHVM__TRANSFER_NOWAIT));

	if (quick)
		machvm__spread(spread ? machvm__spread_lanes() : 1, run->count,
		               run->bytes + work->count * MACHVM__SPREAD_RANGE, move_quickly, run);
	for (size_t i = 0; i < run->count; i++)
		if (run->units[i].moved < run->units[i].bytes &&
		    !move_with_care(run, &run->units[i], fault))
			return give_up(run, fault);
	return same_all_the_while(run, fault) || give_up(run, fault);
}

bool machvm__work_is_long(struct machvm__target *target, enum machvm__direction direction,
                          size_t bytes, size_t ranges, unsigned options)
{
	size_t weight;

	/* By other ways than process_vm_* there is a lock for all of them, or one tracer. */
	if (options & (MACHVM__TRANSFER_FORCE | MACHVM__TRANSFER_NOWAIT) ||
	    !machvm__target_honours(target, direction, 0, 0))
		return false;
	if (__builtin_mul_overflow(ranges, MACHVM__SPREAD_RANGE, &weight) ||
	    __builtin_add_overflow(weight, bytes, &weight))
		weight = SIZE_MAX;
	return machvm__spread_pays(weight);
}

static bool prepare(struct run *run, struct machvm__fault *fault)
{
	const struct machvm__work *work = run->work;

	run->count = divide(work, NULL);
	run->units = calloc(run->count, sizeof *run->units);
	if (!run->units)
		return machvm__fault_no_memory(fault, "copy");
	divide(work, run->units);
	for (size_t i = 0; i < run->count; i++)
		run->bytes += run->units[i].bytes;
	run->undo = work->options & MACHVM__TRANSFER_TRANSACTION;
	if (run->undo && !machvm__arena_get(&run->arena, run->bytes)) {
		free(run->units);
		return machvm__fault_no_memory(fault, "keeping the old bytes");
	}
	return true;
}

bool machvm__work_do(const struct machvm__work *work, struct machvm__fault *fault)
{
	struct run run = {.work = work};
	bool good;
	int r = 0;

	fault->done = 0;
	if (!prepare(&run, fault))
		return false;
	run.watches = run.undo || run.count > 1;
	if (run.watches)
		r = machvm__target_open(work->target, MACHVM__FILE_MAPS, &run.image);
	if (r) {
		struct machvm__move move = as_move(work, &work->pieces[0]);

		good = machvm__transfer_failed(&move, r, fault);
	} else {
		good = do_units(&run, fault);
	}
	if (run.watches && r == 0)
		machvm__target_close(&run.image);
	if (run.undo)
		machvm__arena_put(&run.arena);
	free(run.units);
	return good;
}

bool machvm__work_move(const struct machvm__move *move, struct machvm__fault *fault)
{
	struct machvm__work work = {.target = move->target,
	                            .direction = move->direction,
	                            .options = move->options,
	                            .fresh = move->fresh,
	                            .surveyed = move->surveyed};
	const size_t limit = MACHVM__WORK_UNIT;
	size_t done = 0;
	struct machvm__piece small[8], *pieces = small;
	size_t count = (move->size - 1) / limit + 1;
	bool good;

	if (count > sizeof small / sizeof *small)
		pieces = calloc(count, sizeof *pieces);
	if (!pieces)
		return machvm__fault_no_memory(fault, "copy");
	for (; done < move->size; done += pieces[work.count++].size)
		pieces[work.count] = (struct machvm__piece){
			.raddr = move->raddr + done,
			.local = machvm__copy_beyond(move->data, done),
			.size = move->size - done < limit ? move->size - done : limit,
		};
	work.pieces = pieces;
	good = machvm__work_do(&work, fault);
	if (pieces != small)
		free(pieces);
	return good;
}
