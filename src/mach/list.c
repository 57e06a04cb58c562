/* SPDX-License-Identifier: MIT */
/*
 * list.c - the routines that move many ranges: machvm_write_list,
 * machvm_read_list, vm_read_list in both spellings.
 *
 * Order of checks: the port's name, the list itself, the port's kind and right,
 * the flags, then the entries' buffers, then their pages.
 */
#include <errno.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <machvm.h>
#include <stdlib.h>

#include "buffer.h"
#include "error.h"
#include "flags.h"
#include "list.h"
#include "own_memory.h"
#include "standing.h"
#include "task.h"

static bool accessible(const void *list, size_t count, size_t entry, bool writable)
{
	size_t size;

	return !count || (!__builtin_mul_overflow(count, entry, &size) &&
	                  machvm__buffer_good(list, size, MACHVM__READ) &&
	                  (!writable || machvm__buffer_good(list, size, MACHVM__WRITE)));
}

static kern_return_t no_list(bool writable)
{
	return machvm__error(MACH_SEND_INVALID_MEMORY, "buffer check", "the list itself is not %s",
	                     writable ? "readable and writable" : "readable");
}

/* Holds the task unless the list or the flags are wrong. */
static kern_return_t hold_task(mach_port_t task, enum machvm_right needed,
                               const struct machvm_range *list, size_t count, unsigned flags,
                               struct machvm__hold *hold)
{
	bool each = flags & MACHVM_EACH;
	kern_return_t kr = machvm__task_hold(task, needed, hold);

	if (kr != KERN_SUCCESS && kr != KERN_INVALID_ARGUMENT)
		return kr;
	if (!accessible(list, count, sizeof *list, each)) {
		if (kr == KERN_SUCCESS)
			machvm__task_release(hold);
		return no_list(each);
	}
	if (kr != KERN_SUCCESS)
		return kr;
	if (machvm__target_alive(hold->target)) {
		struct machvm__fault gone = {.cause = MACHVM__CAUSE_GONE, .step = "task lookup"};

		kr = machvm__error_fault(hold->target, &gone);
	} else if (flags & ~MACHVM__FLAGS_KNOWN) {
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check", "unknown flags 0x%x",
		                   flags & ~MACHVM__FLAGS_KNOWN);
	}
	if (kr != KERN_SUCCESS)
		machvm__task_release(hold);
	return kr;
}

/* What the entries of one call came to. */
struct results {
	struct machvm_range *list; /* results go there; null when nobody wants them */
	const struct machvm__target *target;
	size_t first; /* the failing entry that is first in the list, SIZE_MAX for none */
	struct machvm__fault why;
};

static void on_failure(void *context, size_t index, const struct machvm__fault *fault)
{
	struct results *results = context;

	results->list[index].result = machvm__error_fault(results->target, fault);
	if (index < results->first) {
		results->first = index;
		results->why = *fault;
	}
}

/*
 * Entries that have bytes, as pieces. False when one of them has more than an
 * address space holds, which no buffer does.
 */
static bool as_pieces(const struct machvm_range *list, size_t count, struct machvm__ranges *pieces)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].size > SIZE_MAX)
			return false;
		if (list[i].size)
			pieces->pieces[pieces->count++] = (struct machvm__piece){
				.raddr = list[i].address,
				.local = list[i].data,
				.size = (size_t)list[i].size,
				.index = i,
			};
	}
	return true;
}

static kern_return_t move_each(struct machvm__ranges *pieces, struct machvm_range *list, size_t count)
{
	struct results results = {.list = list, .target = pieces->target, .first = SIZE_MAX};

	for (size_t i = 0; i < count; i++)
		list[i].result = KERN_SUCCESS;
	machvm__list_move_each(pieces, on_failure, &results);
	if (results.first == SIZE_MAX)
		return KERN_SUCCESS;
	/* The record tells of the entry whose code is returned. */
	return machvm__error_fault(pieces->target, &results.why);
}

static kern_return_t move_all(struct machvm__ranges *pieces)
{
	struct machvm__fault why;

	if (!pieces->count || machvm__list_move(pieces, &why))
		return KERN_SUCCESS;
	return machvm__error_fault(pieces->target, &why);
}

struct move {
	struct machvm__ranges *pieces;
	struct machvm_range *list;
	size_t count;
	bool each;
};

static kern_return_t move_now(void *context)
{
	const struct move *move = context;

	return move->each ? move_each(move->pieces, move->list, move->count) : move_all(move->pieces);
}

static kern_return_t move_still(struct move *move)
{
	const struct machvm__ranges *pieces = move->pieces;
	struct machvm__standing standing = {
		.target = pieces->target, .move = move_now, .context = move};

	if (pieces->count)
		standing.raddr = pieces->pieces[0].raddr;
	for (size_t i = 0; pieces->direction == MACHVM__WRITE && i < pieces->count; i++)
		standing.changes += pieces->pieces[i].size;
	return machvm__standing_do(&standing);
}

static kern_return_t move_list(mach_port_t task, enum machvm__direction direction,
                               struct machvm_range *list, size_t count, unsigned flags)
{
	enum machvm_right needed =
		direction == MACHVM__WRITE ? MACHVM_RIGHT_CONTROL : MACHVM_RIGHT_READ;
	struct machvm__ranges pieces = {.direction = direction,
	                                .options = machvm__flags_options(flags)};
	struct move move = {&pieces, list, count, flags & MACHVM_EACH};
	struct machvm__hold hold = {0};
	kern_return_t kr = hold_task(task, needed, list, count, flags, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	pieces.target = hold.target;
	pieces.options |= machvm__transfer_patience(hold.target);
	pieces.options = machvm__transfer_own_force(hold.target, pieces.options);
	pieces.pieces = calloc(count ? count : 1, sizeof *pieces.pieces);
	if (!pieces.pieces)
		kr = machvm__error(KERN_RESOURCE_SHORTAGE, "allocation", "no memory is left for the list");
	else if (!as_pieces(list, count, &pieces))
		kr = machvm__error(MACH_SEND_INVALID_MEMORY, "buffer check",
		                   "an entry is larger than the caller's address space");
	else
		kr = flags & MACHVM_STOP && pieces.count ? move_still(&move) : move_now(&move);
	free(pieces.pieces);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t machvm_write_list(mach_port_t task, struct machvm_range *list, size_t count,
                                unsigned flags)
{
	return move_list(task, MACHVM__WRITE, list, count, flags);
}

kern_return_t machvm_read_list(mach_port_t task, struct machvm_range *list, size_t count,
                               unsigned flags)
{
	return move_list(task, MACHVM__READ, list, count, flags);
}

/* One entry of vm_read_list: where its bytes go, and what came of it. */
struct fresh {
	char *base;
	size_t room;
	kern_return_t result;
};

struct fresh_list {
	const struct machvm__target *target;
	struct fresh entries[VM_MAP_ENTRY_MAX];
};

/* Memory for an entry; the bytes keep the address's offset in its page. */
static kern_return_t map_entry(const struct mach_vm_read_entry *entry, struct fresh *fresh)
{
	size_t offset = (size_t)(entry->address & (machvm__page_size() - 1));

	if (entry->size <= SIZE_MAX &&
	    !__builtin_add_overflow((size_t)entry->size, offset, &fresh->room))
		fresh->base = machvm__own_memory_map_large(fresh->room);
	if (fresh->base)
		return KERN_SUCCESS;
	return machvm__error(KERN_RESOURCE_SHORTAGE, "allocation",
	                     "no memory is left for an entry of the list");
}

static void on_fresh_failure(void *context, size_t index, const struct machvm__fault *fault)
{
	struct fresh_list *list = context;

	list->entries[index].result = machvm__error_fault(list->target, fault);
}

/* Turns the ranges of the target into ranges of ours. The code of the last entry that is not empty. */
static kern_return_t deliver(struct fresh_list *fresh, mach_vm_read_entry_t data_list, natural_t count)
{
	kern_return_t last = KERN_SUCCESS;

	for (natural_t i = 0; i < count; i++) {
		struct mach_vm_read_entry *entry = &data_list[i];
		struct fresh *mine = &fresh->entries[i];
		size_t offset = (size_t)(entry->address & (machvm__page_size() - 1));

		if (entry->size == 0)
			continue;
		last = mine->result;
		entry->address = last == KERN_SUCCESS ? (mach_vm_address_t)(uintptr_t)mine->base + offset
		                                      : 0;
		if (last == KERN_SUCCESS)
			continue;
		entry->size = 0;
		machvm__own_memory_unmap(mine->base, mine->room);
	}
	return last;
}

static kern_return_t read_fresh_list(struct machvm__target *target, mach_vm_read_entry_t data_list,
                                     natural_t count)
{
	struct machvm__piece pieces[VM_MAP_ENTRY_MAX];
	struct machvm__ranges list = {
		.target = target, .direction = MACHVM__READ, .pieces = pieces, .fresh = true};
	struct fresh_list fresh = {.target = target};

	for (natural_t i = 0; i < count; i++) {
		struct mach_vm_read_entry *entry = &data_list[i];
		struct fresh *mine = &fresh.entries[i];

		if (!entry->size)
			continue;
		mine->result = map_entry(entry, mine);
		if (mine->result == KERN_SUCCESS)
			pieces[list.count++] = (struct machvm__piece){
				.raddr = entry->address,
				.local = mine->base + (entry->address & (machvm__page_size() - 1)),
				.size = (size_t)entry->size,
				.index = i,
			};
	}
	if (list.count)
		machvm__list_move_each(&list, on_fresh_failure, &fresh);
	return deliver(&fresh, data_list, count);
}

kern_return_t mach_vm_read_list(vm_map_read_t target_task, mach_vm_read_entry_t data_list,
                                natural_t count)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__task_hold(target_task, MACHVM_RIGHT_READ, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	if (count > VM_MAP_ENTRY_MAX)
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                   "a list has at most %d entries", VM_MAP_ENTRY_MAX);
	else if (!accessible(data_list, count, sizeof *data_list, true))
		kr = no_list(true);
	else
		kr = read_fresh_list(hold.target, data_list, count);
	machvm__task_release(&hold);
	return kr;
}

/* A list of this word length that cannot be looked at; a task that is none outranks it. */
static kern_return_t refuse_list(mach_port_t task)
{
	struct machvm__hold hold = {0};
	kern_return_t kr = machvm__task_hold(task, MACHVM_RIGHT_READ, &hold);

	if (kr != KERN_SUCCESS && kr != KERN_INVALID_ARGUMENT)
		return kr;
	if (kr == KERN_SUCCESS)
		machvm__task_release(&hold);
	return no_list(true);
}

kern_return_t vm_read_list(vm_map_read_t target_task, vm_read_entry_t data_list, natural_t count)
{
	mach_vm_read_entry_t wide;
	kern_return_t kr;
	natural_t known = count <= VM_MAP_ENTRY_MAX ? count : 0;

	if (!accessible(data_list, known, sizeof *data_list, true))
		return refuse_list(target_task);
	for (natural_t i = 0; i < known; i++)
		wide[i] = (struct mach_vm_read_entry){data_list[i].address, data_list[i].size};
	kr = mach_vm_read_list(target_task, wide, count);
	if (kr == KERN_INVALID_ARGUMENT || kr == MACH_SEND_INVALID_DEST)
		return kr;
	for (natural_t i = 0; i < known; i++)
		data_list[i] = (struct vm_read_entry){(vm_address_t)wide[i].address,
		                                      (vm_size_t)wide[i].size};
	return kr;
}
