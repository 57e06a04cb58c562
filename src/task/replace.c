/* SPDX-License-Identifier: MIT */
/*
 * replace.c - a new region is made wherever there is room, filled, and moved over
 * the old one: mremap with MREMAP_FIXED takes the place in one step. The old one is
 * gone then, and a piece that could not be moved would leave the range half changed;
 * so the moves are the last thing, and nothing that they need is left to chance.
 */
#include "replace.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "error.h"
#include "own_memory.h"
#include "pages.h"

#define CHUNK_PAGES 64u

struct copy {
	const struct machvm__piece *piece;
	uint64_t at; /* of the new region; 0 until it is there, and when it has moved */
};

struct work {
	struct machvm__space *space;
	const struct machvm__map *map;
	const struct machvm__replacement *how;
	char *buffer;
};

static uint64_t size_of(const struct machvm__piece *piece)
{
	return piece->end - piece->start;
}

static kern_return_t refused(const struct work *work, const struct copy *copy, int64_t r,
			     const char *step)
{
	struct machvm__space *space = work->space;

	if (space->broken)
		return machvm__error_space(space, space->broken);
	if (r == -EPERM || r == -EACCES)
		return machvm__error_at(space->target, copy->piece->start, KERN_PROTECTION_FAILURE,
					(int)-r, step, "is in a sealed region, or a policy of the "
					"system forbids this protection");
	return machvm__error_at(space->target, copy->piece->start, KERN_RESOURCE_SHORTAGE, (int)-r,
				step, "cannot be copied: no memory or no mapping is left");
}

static int copy_bytes(const struct work *work, const struct copy *copy, uint64_t offset,
		      size_t size)
{
	size_t done = 0;
	int r = machvm__target_force(work->space->target, MACHVM__READ, copy->piece->start + offset,
				     work->buffer, size, &done);

	if (r == 0)
		r = machvm__target_force(work->space->target, MACHVM__WRITE, copy->at + offset,
					 work->buffer, size, &done);
	return r;
}

static bool is_there(uint64_t word)
{
	return (word & (MACHVM__PAGE_PRESENT | MACHVM__PAGE_SWAPPED)) != 0;
}

/* Pages that nobody has touched read as zeros on both sides, and stay untouched. */
static int copy_present(const struct work *work, const struct copy *copy, uint64_t offset,
			size_t pages)
{
	size_t page = machvm__page_size();
	uint64_t words[CHUNK_PAGES];
	int n = machvm__target_pages(work->space->target, copy->piece->start + offset, pages, words);

	if (n != (int)pages)
		return copy_bytes(work, copy, offset, pages * page);
	for (size_t i = 0, next; i < pages; i = next) {
		int r;

		next = i + 1;
		if (!is_there(words[i]))
			continue;
		while (next < pages && is_there(words[next]))
			next++;
		r = copy_bytes(work, copy, offset + i * page, (next - i) * page);
		if (r)
			return r;
	}
	return 0;
}

static kern_return_t fill(const struct work *work, const struct copy *copy)
{
	const struct machvm__vma *vma = &copy->piece->vma;
	bool sparse = !vma->inode && !(vma->access & MACHVM__VMA_SHARED);
	uint64_t size = size_of(copy->piece), chunk = CHUNK_PAGES * machvm__page_size();

	for (uint64_t at = 0; at < size; at += chunk) {
		size_t part = (size_t)(size - at < chunk ? size - at : chunk);
		int r = sparse ? copy_present(work, copy, at, part / machvm__page_size())
			       : copy_bytes(work, copy, at, part);

		if (r)
			return machvm__error_force(work->space->target, copy->piece->start + at, r);
	}
	return KERN_SUCCESS;
}

static kern_return_t prepare(const struct work *work, struct copy *copy)
{
	const struct machvm__piece *piece = copy->piece;
	unsigned access = work->how->access
				  ? work->how->access(piece, work->how->context)
				  : piece->vma.access & ~(unsigned)MACHVM__VMA_SHARED;
	uint64_t offset = work->how->fd < 0 ? 0 : piece->start - work->map->start;
	kern_return_t kr;
	int64_t r = machvm__space_call(work->space, MACHVM__CALL_MMAP, 0, size_of(piece),
				       PROT_READ | PROT_WRITE, work->how->flags,
				       (uint64_t)(int64_t)work->how->fd, offset);

	if (r < 0)
		return refused(work, copy, r, "mmap");
	copy->at = (uint64_t)r;
	kr = fill(work, copy);
	if (kr != KERN_SUCCESS)
		return kr;
	r = machvm__space_protect(work->space, copy->at, copy->at + size_of(piece), access);
	return r < 0 ? refused(work, copy, r, "mprotect") : KERN_SUCCESS;
}

static kern_return_t move(const struct work *work, struct copy *copy)
{
	uint64_t size = size_of(copy->piece);
	int64_t r = machvm__space_call(work->space, MACHVM__CALL_MREMAP, copy->at, size, size,
				       MREMAP_MAYMOVE | MREMAP_FIXED, copy->piece->start, 0);

	if (r < 0)
		return refused(work, copy, r, "mremap");
	copy->at = 0;
	if (copy->piece->detailed && copy->piece->flags & MACHVM__VM_LOCKED)
		(void)machvm__space_call(work->space, MACHVM__CALL_MLOCK, copy->piece->start, size, 0,
					 0, 0, 0);
	return KERN_SUCCESS;
}

static void discard(const struct work *work, const struct copy *copies, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (copies[i].at)
			(void)machvm__space_unmap(work->space, copies[i].at,
						  copies[i].at + size_of(copies[i].piece));
}

/* A sealed region refuses whatever protection it is given, also its own. */
static kern_return_t try_seal(const struct work *work, const struct copy *copy)
{
	const struct machvm__piece *piece = copy->piece;
	int64_t r = machvm__space_protect(work->space, piece->start, piece->end,
					  piece->vma.access & ~(unsigned)MACHVM__VMA_SHARED);

	return r < 0 ? refused(work, copy, r, "mprotect") : KERN_SUCCESS;
}

/*
 * Regions that are moved over the middle of others split these: two more in all, and
 * mremap wants some left besides (mremap_to, mm/mremap.c: three beyond what it makes).
 * Room for twice as many is taken, as stripes that the kernel cannot merge, and given back.
 */
static kern_return_t try_room(const struct work *work, const struct copy *copy)
{
	enum { STRIPES = 16 };
	uint64_t page = machvm__page_size();
	int64_t at = machvm__space_call(work->space, MACHVM__CALL_MMAP, 0, STRIPES * page, PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, UINT64_MAX, 0);
	int64_t r = at < 0 ? at : 0;

	for (uint64_t i = 1; r >= 0 && i < STRIPES; i += 2)
		r = machvm__space_protect(work->space, (uint64_t)at + i * page,
					  (uint64_t)at + (i + 1) * page, PROT_READ);
	if (at >= 0)
		(void)machvm__space_unmap(work->space, (uint64_t)at, (uint64_t)at + STRIPES * page);
	return r < 0 ? refused(work, copy, r, "mmap") : KERN_SUCCESS;
}

static kern_return_t try_moves(const struct work *work, const struct copy *copies, size_t count)
{
	kern_return_t kr = count ? try_room(work, &copies[0]) : KERN_SUCCESS;

	for (size_t i = 0; kr == KERN_SUCCESS && i < count; i++)
		kr = try_seal(work, &copies[i]);
	return kr;
}

/* What has been tried, and yet refuses: the pieces that have moved stay moved. */
static kern_return_t half_moved(const struct work *work, const struct copy *copies, size_t count,
				kern_return_t kr)
{
	for (size_t i = 0; i < count; i++)
		if (!copies[i].at)
			return machvm__error_at(work->space->target, copies[i].piece->start,
						KERN_ABORTED, 0, "mremap",
						"is a copy now, and what belongs to it is not");
	return kr;
}

/* The regions at the edges first: only those have to be split. */
static kern_return_t move_all(const struct work *work, struct copy *copies, size_t count)
{
	kern_return_t kr = count ? move(work, &copies[0]) : KERN_SUCCESS;

	if (kr == KERN_SUCCESS && count > 1)
		kr = move(work, &copies[count - 1]);
	for (size_t i = 1; kr == KERN_SUCCESS && i + 1 < count; i++)
		kr = move(work, &copies[i]);
	return kr == KERN_SUCCESS ? kr : half_moved(work, copies, count, kr);
}

kern_return_t machvm__replace_pieces(struct machvm__space *space, const struct machvm__map *map,
				     const struct machvm__replacement *how)
{
	size_t room = CHUNK_PAGES * machvm__page_size(), count = 0;
	struct copy *copies = calloc(map->count + 1, sizeof *copies);
	struct work work = {space, map, how, machvm__own_memory_map(room)};
	kern_return_t kr = KERN_SUCCESS;

	if (!copies || !work.buffer)
		kr = machvm__error_look(space->target, -ENOMEM);
	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++) {
		if (!how->wanted(&map->pieces[i]))
			continue;
		copies[count].piece = &map->pieces[i];
		kr = prepare(&work, &copies[count++]);
	}
	if (kr == KERN_SUCCESS)
		kr = try_moves(&work, copies, count);
	if (kr == KERN_SUCCESS && how->ready)
		kr = how->ready(space, map, how->context);
	if (kr == KERN_SUCCESS)
		kr = move_all(&work, copies, count);
	discard(&work, copies, count);
	machvm__own_memory_unmap(work.buffer, room);
	free(copies);
	return kr;
}

bool machvm__replace_is_shared(const struct machvm__piece *piece)
{
	return (piece->vma.access & MACHVM__VMA_SHARED) != 0 && !piece->special;
}

bool machvm__replace_has_shared(const struct machvm__map *map)
{
	for (size_t i = 0; i < map->count; i++)
		if (machvm__replace_is_shared(&map->pieces[i]))
			return true;
	return false;
}

kern_return_t machvm__replace_shared(struct machvm__space *space, const struct machvm__map *map,
				     const struct machvm__replacement *how)
{
	struct machvm__replacement private = *how;

	private.wanted = machvm__replace_is_shared;
	private.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	private.fd = -1;
	return machvm__replace_pieces(space, map, &private);
}

void machvm__replace_identity(struct machvm__vma *vma)
{
	if (!(vma->access & MACHVM__VMA_SHARED))
		return;
	vma->access &= ~(unsigned)MACHVM__VMA_SHARED;
	vma->inode = vma->offset = 0;
	vma->device_major = vma->device_minor = 0;
}
