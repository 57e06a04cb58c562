/* SPDX-License-Identifier: MIT */
/* ledger.c - a list of ledgers, each a sorted array that is replaced as a whole. */
#include "ledger.h"

#include <errno.h>
#include <mach/vm_inherit.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "fork_notice.h"

const struct machvm__attributes machvm__ledger_default = {
	.maximum = MACHVM__VMA_READ | MACHVM__VMA_WRITE | MACHVM__VMA_EXECUTE,
	.inheritance = VM_INHERIT_COPY,
};

struct machvm__ledger_entry {
	uint64_t start;
	uint64_t end;
	uint64_t offset; /* in its file, of `start` */
	uint64_t inode;
	uint32_t device_major;
	uint32_t device_minor;
	bool shared;
	struct machvm__attributes attributes;
};

struct machvm__ledger {
	struct machvm__ledger *next;
	int tgid, proc_tgid;
	bool own;
	bool borrowed; /* by a vfork child: ends when it has memory of its own */
	int witness;   /* maps of the address space; -1 for our own */
	struct machvm__ledger_entry *entries;
	size_t count;
};

/* Arrays are replaced in one store, so a fork in the middle leaves a child a whole list. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct machvm__ledger *_Atomic ledgers;

static void renew(void)
{
	struct machvm__ledger *ledger;

	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	/* Our own memory in the parent is another process's here. */
	for (ledger = ledgers; ledger; ledger = ledger->next)
		if (ledger->own)
			ledger->tgid = ledger->proc_tgid = machvm__process_self();
}

static bool gone(const struct machvm__ledger *ledger)
{
	struct machvm__file witness = {.fd = ledger->witness, .held = true};

	return !ledger->own && !machvm__target_image_lives(&witness);
}

static void bury(struct machvm__ledger *ledger)
{
	machvm__descriptor_close(ledger->witness);
	free(ledger->entries);
	free(ledger);
}

static void bury_dead(void)
{
	struct machvm__ledger *ledger = ledgers, *previous = NULL, *next;

	for (; ledger; ledger = next) {
		next = ledger->next;
		if (!gone(ledger)) {
			previous = ledger;
			continue;
		}
		if (previous)
			previous->next = next;
		else
			ledgers = next;
		bury(ledger);
	}
}

/* Under the lock. A dead witness that is found on the way ends all that are dead. */
static struct machvm__ledger *find(const struct machvm__target *target)
{
	struct machvm__ledger *ledger;

	for (ledger = ledgers; ledger; ledger = ledger->next)
		if (target->own ? ledger->own
				: !ledger->own && ledger->tgid == target->numbers.tgid &&
					  ledger->proc_tgid == target->numbers.proc_tgid)
			break;
	if (!ledger || ledger->own)
		return ledger;
	if (!gone(ledger) &&
	    !(ledger->borrowed && machvm__process_owns_memory(&target->numbers)))
		return ledger;
	if (ledger->borrowed) {
		/* Its witness is another process's map, which may live on. */
		machvm__descriptor_close(ledger->witness);
		ledger->witness = -1;
	}
	bury_dead();
	return NULL;
}

/* A descriptor of the map of the program that runs now; of the one that a right was received for.
 */
static int open_witness(struct machvm__target *target)
{
	struct machvm__file maps;
	int fd;

	if (!target->received)
		return machvm__target_open_named(target, "maps");
	fd = machvm__target_open(target, MACHVM__FILE_MAPS, &maps);
	if (fd)
		return fd;
	fd = machvm__descriptor_duplicate(maps.fd);
	machvm__target_close(&maps);
	return fd;
}

static int create(struct machvm__target *target, struct machvm__ledger **made)
{
	struct machvm__ledger *ledger = calloc(1, sizeof *ledger);

	if (!ledger)
		return -ENOMEM;
	ledger->own = target->own;
	ledger->tgid = target->numbers.tgid;
	ledger->proc_tgid = target->numbers.proc_tgid;
	ledger->witness = target->own ? -1 : open_witness(target);
	if (!target->own && ledger->witness < 0) {
		int r = ledger->witness;

		free(ledger);
		return r;
	}
	ledger->borrowed = !target->own && !machvm__process_owns_memory(&target->numbers);
	bury_dead();
	ledger->next = ledgers;
	ledgers = ledger;
	*made = ledger;
	return 0;
}

/* Does the live region show at `at` what the entry was made for? */
static bool same(const struct machvm__ledger_entry *entry, const struct machvm__vma *vma)
{
	if (entry->shared != ((vma->access & MACHVM__VMA_SHARED) != 0) ||
	    entry->inode != vma->inode || entry->device_major != vma->device_major ||
	    entry->device_minor != vma->device_minor)
		return false;
	return !entry->inode || entry->offset - entry->start == vma->offset - vma->start;
}

/* The first entry that ends behind `at`. */
static size_t search(const struct machvm__ledger *ledger, uint64_t at)
{
	size_t low = 0, high = ledger->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ledger->entries[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct machvm__attributes machvm__ledger_at(struct machvm__target *target,
					    const struct machvm__vma *vma, uint64_t at,
					    uint64_t *until)
{
	struct machvm__attributes attributes = machvm__ledger_default;
	struct machvm__ledger *ledger;

	*until = vma->end;
	if (!ledgers)
		return attributes;
	pthread_mutex_lock(&lock);
	ledger = find(target);
	for (size_t i = ledger ? search(ledger, at) : 0; ledger && i < ledger->count; i++) {
		const struct machvm__ledger_entry *entry = &ledger->entries[i];

		if (entry->start >= vma->end)
			break;
		if (!same(entry, vma))
			continue;
		if (entry->start > at) {
			*until = entry->start;
		} else {
			attributes = entry->attributes;
			if (entry->end < vma->end)
				*until = entry->end;
		}
		break;
	}
	pthread_mutex_unlock(&lock);
	return attributes;
}

bool machvm__ledger_exists(struct machvm__target *target)
{
	bool exists;

	if (!ledgers)
		return false;
	pthread_mutex_lock(&lock);
	exists = find(target) != NULL;
	pthread_mutex_unlock(&lock);
	return exists;
}

static struct machvm__ledger_entry from_piece(const struct machvm__ledger_piece *piece)
{
	const struct machvm__vma *vma = &piece->vma;

	return (struct machvm__ledger_entry){
		.start = piece->start,
		.end = piece->end,
		.offset = vma->inode ? vma->offset + (piece->start - vma->start) : 0,
		.inode = vma->inode,
		.device_major = vma->device_major,
		.device_minor = vma->device_minor,
		.shared = (vma->access & MACHVM__VMA_SHARED) != 0,
		.attributes = piece->attributes,
	};
}

static struct machvm__ledger_entry cut(struct machvm__ledger_entry entry, uint64_t start,
				       uint64_t end)
{
	if (entry.start < start) {
		entry.offset += entry.inode ? start - entry.start : 0;
		entry.start = start;
	}
	if (entry.end > end)
		entry.end = end;
	return entry;
}

static bool plain(const struct machvm__attributes *a)
{
	const struct machvm__attributes *d = &machvm__ledger_default;

	return a->maximum == d->maximum && a->inheritance == d->inheritance && a->tag == d->tag &&
	       a->purgable == d->purgable && a->permanent == d->permanent && a->wired == d->wired;
}

/* The list with [start, end) cut out and the pieces put in. */
static size_t merge(const struct machvm__ledger *ledger, uint64_t start, uint64_t end,
		    const struct machvm__ledger_piece *pieces, size_t piece_count,
		    struct machvm__ledger_entry *out)
{
	size_t count = 0, i = 0;

	for (; i < ledger->count && ledger->entries[i].start < start; i++)
		out[count++] = cut(ledger->entries[i], 0, start);
	for (size_t p = 0; p < piece_count; p++)
		if (!plain(&pieces[p].attributes))
			out[count++] = from_piece(&pieces[p]);
	for (i = search(ledger, end); i < ledger->count; i++)
		out[count++] = cut(ledger->entries[i], end, UINT64_MAX);
	return count;
}

static bool all_plain(const struct machvm__ledger_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!plain(&pieces[i].attributes))
			return false;
	return true;
}

int machvm__ledger_prepare(struct machvm__target *target, uint64_t start, uint64_t end,
			   const struct machvm__ledger_piece *pieces, size_t count,
			   struct machvm__ledger_change *change)
{
	struct machvm__ledger *ledger;
	int r = 0;

	*change = (struct machvm__ledger_change){0};
	machvm__fork_notice_add(renew);
	pthread_mutex_lock(&lock);
	ledger = find(target);
	if (!ledger && !all_plain(pieces, count))
		r = create(target, &ledger);
	if (r == 0 && ledger) {
		/* Each side of the cut can keep a part of one entry. */
		change->entries = calloc(ledger->count + count + 1, sizeof *change->entries);
		r = change->entries ? 0 : -ENOMEM;
		if (r == 0)
			change->count = merge(ledger, start, end, pieces, count, change->entries);
		change->ledger = ledger;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

static bool listed(const struct machvm__ledger *wanted)
{
	for (struct machvm__ledger *ledger = ledgers; ledger; ledger = ledger->next)
		if (ledger == wanted)
			return true;
	return false;
}

void machvm__ledger_commit(struct machvm__ledger_change *change)
{
	struct machvm__ledger_entry *old = change->entries;

	if (!change->ledger)
		return;
	pthread_mutex_lock(&lock);
	if (listed(change->ledger)) {
		old = change->ledger->entries;
		/* A child that is forked between the two finds a count that fits either. */
		if (change->count < change->ledger->count)
			change->ledger->count = change->count;
		__atomic_store_n(&change->ledger->entries, change->entries, __ATOMIC_RELEASE);
		change->ledger->count = change->count;
	}
	pthread_mutex_unlock(&lock);
	free(old);
	*change = (struct machvm__ledger_change){0};
}

void machvm__ledger_drop(struct machvm__ledger_change *change)
{
	free(change->entries);
	*change = (struct machvm__ledger_change){0};
}

void machvm__ledger_forget(struct machvm__target *target, uint64_t start, uint64_t end)
{
	struct machvm__ledger_change change;

	/* Without memory for a shorter list the entries stay, and the live map disowns them. */
	if (machvm__ledger_exists(target) &&
	    machvm__ledger_prepare(target, start, end, NULL, 0, &change) == 0)
		machvm__ledger_commit(&change);
}
