/* SPDX-License-Identifier: MIT */
/*
 * placement.c - one mmap in the target, and what its refusal means in Mach's terms.
 *
 * The kernel answers ENOMEM for three things that Mach tells apart: there is no
 * gap, the address is outside the map, memory or mappings are short. The map
 * itself decides.
 */
#include "placement.h"

#include <errno.h>
#include <sys/mman.h>

#include "error.h"
#include "map.h"
#include "pages.h"
#include "tag.h"

#ifndef MAP_FIXED_NOREPLACE /* Linux 4.17 */
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_32BIT /* x86-64 alone has it */
#define MAP_32BIT 0
#endif

#define MOST_PURGABLE_PAGES UINT64_C(0xffffffff)

/* Page 0 is never given out, and the kernel keeps what is below vm.mmap_min_addr. */
static uint64_t lowest(void)
{
	return machvm__page_size();
}

static kern_return_t outside(struct machvm__target *target, uint64_t address)
{
	return machvm__error_at(target, address, KERN_INVALID_ADDRESS, 0, "argument check",
				"is outside the addresses that a program can have");
}

static kern_return_t no_space(struct machvm__target *target, uint64_t size)
{
	return machvm__error(KERN_NO_SPACE, "mmap", "process %d has no gap of 0x%llx bytes there",
			     machvm__error_pid(target), (unsigned long long)size);
}

kern_return_t machvm__placement_check(struct machvm__target *target,
				      const struct machvm__placement *placement)
{
	uint64_t end;

	if (placement->purgable && placement->size / machvm__page_size() > MOST_PURGABLE_PAGES)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				     "purgeable memory has at most 2^32 - 1 pages");
	if (placement->anywhere)
		return placement->size < machvm__space_limit(target)
			       ? KERN_SUCCESS
			       : no_space(target, placement->size);
	if (placement->address < lowest() ||
	    __builtin_add_overflow(placement->address, placement->size, &end) ||
	    end > machvm__space_limit(target))
		return outside(target, placement->address);
	if (placement->address & placement->mask)
		return machvm__error_at(target, placement->address, KERN_NO_SPACE, 0,
					"argument check", "does not fit the mask 0x%llx",
					(unsigned long long)placement->mask);
	return KERN_SUCCESS;
}

/*
 * The lowest gap at or above `from` that holds `size` bytes at an address without
 * the bits of `mask`. 0 when there is none; -errno when the map cannot be read.
 */
static int find_gap(struct machvm__target *target, uint64_t from, uint64_t size, uint64_t mask,
		    uint64_t *found)
{
	uint64_t limit = machvm__space_limit(target), at = from < lowest() ? lowest() : from;
	struct machvm__vma vma;

	*found = 0;
	while (at < limit) {
		uint64_t fit = mask == UINT64_MAX ? limit : (at + mask) & ~mask;
		int r = machvm__target_region(target, at, &vma, NULL, 0);

		if (r && r != -ENOENT)
			return r;
		if (r || vma.start > limit)
			vma.start = vma.end = limit;
		if (fit >= at && fit < vma.start && vma.start - fit >= size) {
			*found = fit;
			return 0;
		}
		at = vma.end;
	}
	return 0;
}

static kern_return_t taken(struct machvm__target *target, uint64_t address)
{
	return machvm__error_at(target, address, KERN_NO_SPACE, EEXIST, "mmap",
				"or a page behind it is taken already");
}

kern_return_t machvm__placement_room(struct machvm__target *target,
				     const struct machvm__placement *placement)
{
	uint64_t gap, from = placement->hinted ? placement->address : 0;
	struct machvm__vma vma;
	int r;

	if (placement->anywhere) {
		r = find_gap(target, from, placement->size, placement->mask, &gap);
		if (r == 0 && !gap)
			return no_space(target, placement->size);
		return r ? machvm__error_look(target, r) : KERN_SUCCESS;
	}
	if (placement->overwrite)
		return KERN_SUCCESS;
	r = machvm__target_region(target, placement->address, &vma, NULL, 0);
	if (r && r != -ENOENT)
		return machvm__error_look(target, r);
	if (r == 0 && vma.start < placement->address + placement->size)
		return taken(target, placement->address);
	return KERN_SUCCESS;
}

static kern_return_t refused(struct machvm__space *space, const struct machvm__placement *placement,
			     int error)
{
	struct machvm__target *target = space->target;
	uint64_t gap = 0;

	if (space->broken)
		return machvm__error_space(space, space->broken);
	switch (error) {
	case EEXIST:
		return taken(target, placement->address);
	case EPERM:
		if (!placement->overwrite)
			return outside(target, placement->address);
		return machvm__error_at(target, placement->address, KERN_PROTECTION_FAILURE, error,
					"mmap", "or a page behind it is in a sealed region");
	case EACCES:
		return machvm__error(KERN_PROTECTION_FAILURE, "mmap",
				     "a policy of the system forbids this protection");
	case EINVAL:
	case EOVERFLOW:
		return outside(target, placement->address);
	default:
		break;
	}
	if (placement->anywhere && !(placement->flags & MAP_HUGETLB) &&
	    find_gap(target, 0, placement->size, placement->mask, &gap) == 0 && !gap)
		return no_space(target, placement->size);
	return machvm__error_system(KERN_RESOURCE_SHORTAGE, error, "mmap",
				    "process %d gets no memory for 0x%llx bytes: memory, locked "
				    "memory, huge pages or mappings (vm.max_map_count) are used up",
				    machvm__error_pid(target), (unsigned long long)placement->size);
}

static int64_t map_at(struct machvm__space *space, const struct machvm__placement *placement,
		      uint64_t address, unsigned flags)
{
	return machvm__space_call(space, MACHVM__CALL_MMAP, address, placement->size,
				  placement->protection, placement->flags | flags,
				  (uint64_t)(int64_t)placement->fd, placement->offset);
}

/* A kernel that does not know the flag takes the address as a hint. */
static int64_t map_exactly(struct machvm__space *space, const struct machvm__placement *placement,
			   uint64_t address)
{
	int64_t r = map_at(space, placement, address,
			   placement->overwrite ? MAP_FIXED : MAP_FIXED_NOREPLACE);

	if (r < 0 || (uint64_t)r == address)
		return r;
	(void)machvm__space_unmap(space, (uint64_t)r, (uint64_t)r + placement->size);
	return -EEXIST;
}

/* A hint or an alignment: the place is looked for here, and somebody may be there first. */
static kern_return_t place_in_gap(struct machvm__space *space,
				  const struct machvm__placement *placement, uint64_t *address)
{
	enum { ATTEMPTS = 16 };
	struct machvm__placement exact = *placement;
	uint64_t from = placement->hinted ? placement->address : 0;
	int64_t r = -EEXIST;

	exact.overwrite = false;
	for (int i = 0; r == -EEXIST && i < ATTEMPTS; i++) {
		uint64_t gap;
		int found = find_gap(space->target, from, placement->size, placement->mask, &gap);

		if (found)
			return machvm__error_look(space->target, found);
		if (!gap)
			return no_space(space->target, placement->size);
		r = map_exactly(space, &exact, gap);
		/* Below vm.mmap_min_addr, which tells by refusing. */
		if (r == -EPERM) {
			from = gap + 0x10000;
			r = -EEXIST;
		}
	}
	if (r < 0)
		return refused(space, placement, (int)-r);
	*address = (uint64_t)r;
	return KERN_SUCCESS;
}

kern_return_t machvm__placement_map(struct machvm__space *space,
				    const struct machvm__placement *placement, uint64_t *address)
{
	int64_t r;

	if (placement->anywhere &&
	    (placement->hinted || placement->mask & ~(machvm__page_size() - 1)))
		return place_in_gap(space, placement, address);
	if (placement->anywhere)
		r = map_at(space, placement, 0, placement->low ? MAP_32BIT : 0);
	else
		r = map_exactly(space, placement, placement->address);
	if (r < 0)
		return refused(space, placement, (int)-r);
	*address = (uint64_t)r;
	return KERN_SUCCESS;
}

/* A sealed region refuses whatever protection it is given, also its own. */
static int64_t try_seals(struct machvm__space *space, uint64_t start, uint64_t end)
{
	struct machvm__vma vma;
	int64_t r = 0;

	for (uint64_t at = start; r != -EPERM && !space->broken && at < end; at = vma.end) {
		if (machvm__target_region(space->target, at, &vma, NULL, 0) || vma.start >= end)
			return 0;
		at = vma.start > at ? vma.start : at;
		r = machvm__space_protect(space, at, vma.end < end ? vma.end : end,
					  vma.access & ~(unsigned)MACHVM__VMA_SHARED);
	}
	return r == -EPERM || space->broken ? r : 0;
}

static kern_return_t not_moved(struct machvm__space *space, uint64_t to, int64_t r)
{
	if (space->broken)
		return machvm__error_space(space, space->broken);
	if (r == -EPERM)
		return machvm__error_at(space->target, to, KERN_PROTECTION_FAILURE, EPERM, "mremap",
					"or a page behind it is in a sealed region");
	return machvm__error_at(space->target, to, KERN_RESOURCE_SHORTAGE, (int)-r, "mremap",
				"cannot be replaced: no memory or no mapping is left");
}

kern_return_t machvm__placement_move(struct machvm__space *space, const struct machvm__map *map,
				     uint64_t made, uint64_t to)
{
	int64_t r = try_seals(space, to, to + (map->end - map->start));

	for (size_t i = 0; r >= 0 && i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		uint64_t size = piece->end - piece->start, offset = piece->start - map->start;

		r = machvm__space_call(space, MACHVM__CALL_MREMAP, made + offset, size, size,
				       MREMAP_MAYMOVE | MREMAP_FIXED, to + offset, 0);
		if (r < 0 && i && !space->broken)
			return machvm__error_at(space->target, to + offset, KERN_ABORTED, (int)-r,
						"mremap",
						"cannot be replaced, and what precedes it is");
	}
	return r < 0 ? not_moved(space, to, r) : KERN_SUCCESS;
}

static bool is_default(const struct machvm__attributes *a)
{
	return a->maximum == machvm__ledger_default.maximum && !a->tag && !a->purgable &&
	       !a->permanent && a->inheritance == machvm__ledger_default.inheritance;
}

int machvm__placement_enter(struct machvm__target *target, uint64_t address, uint64_t size,
			    const struct machvm__attributes *attributes)
{
	struct machvm__ledger_change change;
	struct machvm__ledger_piece piece = {address, address + size, {0}, *attributes};
	int r;

	if (is_default(attributes) && !machvm__ledger_exists(target))
		return 0;
	r = machvm__target_region(target, address, &piece.vma, NULL, 0);
	if (r == 0)
		r = machvm__ledger_prepare(target, address, address + size, &piece, 1, &change);
	if (r == 0)
		machvm__ledger_commit(&change);
	return r;
}

void machvm__placement_name(struct machvm__space *space, uint64_t address, uint64_t size,
			    unsigned tag)
{
	char name[MACHVM__TAG_NAME];

	if (!tag)
		return;
	machvm__tag_format(tag, name);
	machvm__space_name(space, address, address + size, name);
}
