/* SPDX-License-Identifier: MIT */
/*
 * remap_pieces.c - the pieces of a range, mapped once more or copied.
 *
 * Room is taken first, as one region without access; the pieces are put over it. What
 * takes the place of something else, the source itself maybe, is made beside it and moved.
 * Within one task a shared piece is a second mapping that mremap makes from the
 * first (an old size of 0, which only shared memory has). Between two tasks it is the
 * source's memory entry, mapped. A snapshot is read and written.
 */
#include "remap.h"

#include <errno.h>
#include <sys/mman.h>

#include "own_memory.h"
#include "range.h"

#define CHUNK ((size_t)256 << 10)

kern_return_t machvm__remap_judge(const struct machvm__remap *request,
				  const struct machvm__map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];

		if (request->chosen && !request->copy &&
		    (request->current & ~piece->vma.access || request->maximum & ~piece->maximum))
			return machvm__error_at(request->source, piece->start,
						KERN_PROTECTION_FAILURE, 0, "argument check",
						"does not permit what is asked for");
		if (!request->copy && piece->special)
			return machvm__error_at(request->source, piece->start, KERN_NOT_SUPPORTED,
						0, "argument check",
						"is memory of the kernel's own");
	}
	return map->whole ? KERN_SUCCESS : machvm__range_unmapped(request->source, map->hole);
}

static kern_return_t refused(struct machvm__space *space, int64_t r, const char *step)
{
	if (space->broken)
		return machvm__error_space(space, space->broken);
	return machvm__error_system(r == -EACCES || r == -EPERM ? KERN_PROTECTION_FAILURE
								: KERN_RESOURCE_SHORTAGE,
				    (int)-r, step, "process %d cannot map this memory once more",
				    machvm__error_pid(space->target));
}

static kern_return_t protect(struct machvm__space *space, uint64_t at, uint64_t size,
			     unsigned access)
{
	int64_t r = machvm__space_protect(space, at, at + size, access);

	return r < 0 ? refused(space, r, "mprotect") : KERN_SUCCESS;
}

static kern_return_t put_again(struct machvm__space *space, const struct machvm__piece *piece,
			       uint64_t to)
{
	int64_t r = machvm__space_call(space, MACHVM__CALL_MREMAP, piece->start, 0,
				       piece->end - piece->start, MREMAP_MAYMOVE | MREMAP_FIXED, to,
				       0);

	if (r < 0)
		return refused(space, r, "mremap");
	/* It is like the first, which children may not get and which may be locked. */
	(void)machvm__space_advise(space, to, to + (piece->end - piece->start), MADV_DOFORK);
	(void)machvm__space_call(space, MACHVM__CALL_MUNLOCK, to, piece->end - piece->start, 0, 0,
				 0, 0);
	return KERN_SUCCESS;
}

static kern_return_t put_entry(struct machvm__space *space, const struct machvm__remap *request,
			       const struct machvm__piece *piece, uint64_t to)
{
	bool writable = (request->entry->protection & MACHVM__VMA_WRITE) != 0;
	int fd = machvm__entry_lend(space, request->entry->fd, writable);
	int64_t r;

	if (fd < 0)
		return machvm__error_system(KERN_DENIED, -fd, "lend",
					    "process %d may not open the memory of process %d",
					    machvm__error_pid(request->target),
					    machvm__error_pid(request->source));
	r = machvm__space_call(space, MACHVM__CALL_MMAP, to, piece->end - piece->start, PROT_NONE,
			       MAP_SHARED | MAP_FIXED | MAP_NORESERVE, (uint64_t)fd,
			       request->entry->offset + (piece->start - request->start));
	machvm__entry_take_back(space, fd);
	return r < 0 ? refused(space, r, "mmap") : KERN_SUCCESS;
}

/* Read, whatever its protection is: no permission of the source is needed for a remap. */
static kern_return_t put_copy(struct machvm__space *space, const struct machvm__remap *request,
			      const struct machvm__piece *piece, uint64_t to, char *buffer)
{
	uint64_t size = piece->end - piece->start;
	kern_return_t kr = protect(space, to, size, PROT_READ | PROT_WRITE);

	for (uint64_t at = 0; kr == KERN_SUCCESS && at < size; at += CHUNK) {
		size_t part = size - at < CHUNK ? (size_t)(size - at) : CHUNK, done = 0;
		int r = machvm__target_force(request->source, MACHVM__READ, piece->start + at,
					     buffer, part, &done);

		if (r)
			return machvm__error_force(request->source, piece->start + at + done, r);
		r = machvm__target_force(request->target, MACHVM__WRITE, to + at, buffer, part,
					 &done);
		if (r)
			kr = refused(space, r, "copy");
	}
	return kr;
}

static kern_return_t put(struct machvm__space *space, const struct machvm__remap *request,
			 const struct machvm__piece *piece, uint64_t to, char *buffer)
{
	kern_return_t kr;

	if (request->copy)
		kr = put_copy(space, request, piece, to, buffer);
	else if (request->entry)
		kr = put_entry(space, request, piece, to);
	else
		kr = put_again(space, piece, to);
	if (kr == KERN_SUCCESS)
		kr = protect(space, to, piece->end - piece->start,
			     machvm__remap_current(request, piece));
	return kr;
}

/* Ledger entries of what has been mapped: maxima, and what a child gets. */
static kern_return_t enter(struct machvm__space *space, const struct machvm__remap *request,
			   const struct machvm__map *map, uint64_t address)
{
	uint64_t size = request->placement.size;
	kern_return_t kr = KERN_SUCCESS;

	if (request->inheritance == VM_INHERIT_NONE)
		(void)machvm__space_advise(space, address, address + size, MADV_DONTFORK);
	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		struct machvm__attributes attributes = machvm__ledger_default;
		int r;

		attributes.maximum = (uint8_t)machvm__remap_maximum(request, piece);
		attributes.inheritance = (uint8_t)request->inheritance;
		r = machvm__placement_enter(request->target, address + piece->start - map->start,
					    piece->end - piece->start, &attributes);
		if (r)
			kr = machvm__error_look(request->target, r);
	}
	return kr;
}

static bool takes_a_place(const struct machvm__remap *request)
{
	return request->placement.overwrite && !request->placement.anywhere;
}

static kern_return_t fill(struct machvm__space *space, const struct machvm__remap *request,
			  const struct machvm__map *map, uint64_t *address)
{
	char *buffer = request->copy ? machvm__own_memory_map(CHUNK) : NULL;
	struct machvm__placement room = request->placement;
	kern_return_t kr = KERN_SUCCESS;
	bool placed;

	if (takes_a_place(request)) {
		room.anywhere = true;
		room.hinted = false;
		room.mask = 0;
	}
	if (request->copy && !buffer)
		kr = machvm__error_look(request->target, -ENOMEM);
	else
		kr = machvm__placement_map(space, &room, address);
	placed = kr == KERN_SUCCESS;
	for (size_t i = 0; kr == KERN_SUCCESS && i < map->count; i++)
		kr = put(space, request, &map->pieces[i],
			 *address + map->pieces[i].start - map->start, buffer);
	if (kr == KERN_SUCCESS && takes_a_place(request)) {
		kr = machvm__placement_move(space, map, *address, request->placement.address);
		if (kr == KERN_SUCCESS)
			*address = request->placement.address;
	}
	if (kr == KERN_SUCCESS)
		kr = enter(space, request, map, *address);
	if (placed && kr != KERN_SUCCESS)
		(void)machvm__space_unmap(space, *address, *address + request->placement.size);
	machvm__own_memory_unmap(buffer, CHUNK);
	return kr;
}

kern_return_t machvm__remap_pieces(const struct machvm__remap *request, struct machvm__map *map,
				   uint64_t *address)
{
	struct machvm__space space;
	kern_return_t kr = KERN_SUCCESS;
	int r = machvm__map_read(request->source, request->start, request->end, 0, map);

	if (r)
		return machvm__error_look(request->source, r);
	kr = machvm__remap_judge(request, map);
	if (kr != KERN_SUCCESS)
		return kr;
	/* A page of another size at an edge widens the range. */
	if (map->start != request->start || map->end != request->end)
		return machvm__error_at(request->source, request->start, KERN_NOT_SUPPORTED, 0,
					"argument check", "is part of a huge page");
	r = -ESTALE;
	machvm__space_lock(request->target);
	for (int i = 0; r == -ESTALE && i < MACHVM__RANGE_ATTEMPTS; i++)
		r = machvm__space_open(&space, request->target, 0);
	if (r == 0) {
		kr = fill(&space, request, map, address);
		r = machvm__space_close(&space);
	}
	if (r && kr == KERN_SUCCESS)
		kr = machvm__error_space(&space, r);
	machvm__space_unlock(request->target);
	return kr;
}
