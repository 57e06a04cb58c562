/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - what Mach keeps with a region and Linux does not: maximum
 * protection, inheritance, tag, purgeability, wirings, as they were set through
 * this process.
 *
 * One ledger per address space that anything was set for. It holds the maps
 * descriptor of that address space as a witness: when the witness says that the
 * space is gone (exec, exit), so is the ledger. Entries name what was mapped
 * when they were made (a file, a place in it, private or shared) and are used only while
 * the live map shows the same there; memory that the target unmapped and mapped
 * again in exactly the same way cannot be told from what it was. In a child of
 * this process the ledger of its own memory goes on, as the memory does.
 */
#ifndef MACHVM_TASK_LEDGER_H
#define MACHVM_TASK_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target.h"

struct machvm__attributes {
	uint8_t maximum;     /* MACHVM__VMA_READ | _WRITE | _EXECUTE */
	uint8_t inheritance; /* VM_INHERIT_* */
	uint8_t tag;
	uint8_t purgable; /* 0: is not; else 1 + VM_PURGABLE_* */
	bool permanent;
	uint16_t wired; /* how often */
};

/* What a region has that nobody set anything for. */
extern const struct machvm__attributes machvm__ledger_default;

enum machvm__ledger_field {
	MACHVM__LEDGER_MAXIMUM = 1 << 0,
	MACHVM__LEDGER_INHERITANCE = 1 << 1,
	MACHVM__LEDGER_TAG = 1 << 2,
	MACHVM__LEDGER_PURGABLE = 1 << 3,
	MACHVM__LEDGER_PERMANENT = 1 << 4,
	MACHVM__LEDGER_WIRED = 1 << 5,
};

/* A piece of a live region with the attributes it is to have. */
struct machvm__ledger_piece {
	uint64_t start;
	uint64_t end;
	struct machvm__vma vma; /* the region as it will be found */
	struct machvm__attributes attributes;
};

/* What holds at `at` in the live region `vma`, and up to which address. */
struct machvm__attributes machvm__ledger_at(struct machvm__target *target,
					    const struct machvm__vma *vma, uint64_t at,
					    uint64_t *until);

/*
 * In two steps, so that nothing can fail once the target has been changed:
 * everything in [start, end) becomes what `pieces` say (ascending; what they leave
 * out is forgotten). Prepare returns 0 or -errno; after it commit or drop.
 */
struct machvm__ledger_change {
	struct machvm__ledger *ledger;
	struct machvm__ledger_entry *entries;
	size_t count;
};
int machvm__ledger_prepare(struct machvm__target *target, uint64_t start, uint64_t end,
			   const struct machvm__ledger_piece *pieces, size_t count,
			   struct machvm__ledger_change *change);
void machvm__ledger_commit(struct machvm__ledger_change *change);
void machvm__ledger_drop(struct machvm__ledger_change *change);

/* The memory is gone. */
void machvm__ledger_forget(struct machvm__target *target, uint64_t start, uint64_t end);

/* Is there a ledger for the target at all? */
bool machvm__ledger_exists(struct machvm__target *target);

#endif
