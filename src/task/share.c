/* SPDX-License-Identifier: MIT */
/* share.c - what cannot be moved, and moving the rest. */
#include "share.h"

#include <errno.h>
#include <sys/mman.h>

#include "descriptor.h"
#include "error.h"
#include "io_uring.h"
#include "object.h"
#include "pages.h"
#include "replace.h"
#include "source.h"
#include "tracer.h"

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#endif
#ifndef MFD_ALLOW_SEALING
#define MFD_ALLOW_SEALING 2u
#endif
#ifndef MFD_EXEC /* Linux 6.3, which else warns, or refuses where vm.memfd_noexec says so */
#define MFD_EXEC 0x10u
#endif

#define MEMORY_FLAGS (MFD_CLOEXEC | MFD_ALLOW_SEALING)

static bool is_private(const struct machvm__piece *piece)
{
	return !(piece->vma.access & MACHVM__VMA_SHARED) && !piece->special;
}

bool machvm__share_needed(const struct machvm__map *map)
{
	for (size_t i = 0; i < map->count; i++)
		if (is_private(&map->pieces[i]))
			return true;
	return false;
}

static kern_return_t unmovable(struct machvm__target *target, uint64_t at, const char *why)
{
	return machvm__error_at(target, at, KERN_NOT_SUPPORTED, 0, "argument check",
				"cannot be moved to shared memory: it %s", why);
}

static kern_return_t judge_piece(struct machvm__target *target, const struct machvm__piece *piece)
{
	struct machvm__doubtful found;

	if (piece->stack || piece->flags & MACHVM__VM_GROWS_DOWN)
		return unmovable(target, piece->start, "is a stack that grows");
	if (piece->flags & MACHVM__VM_HUGETLB || piece->vma.page_size > machvm__page_size())
		return unmovable(target, piece->start, "has huge pages");
	if (piece->flags & (MACHVM__VM_UFFD_MISSING | MACHVM__VM_UFFD_WP))
		return unmovable(target, piece->start, "is registered with a userfaultfd");
	if (piece->flags & (MACHVM__VM_IO | MACHVM__VM_PFNMAP))
		return unmovable(target, piece->start, "is memory of a device");
	if (piece->flags & MACHVM__VM_SEALED)
		return machvm__error_at(target, piece->start, KERN_PROTECTION_FAILURE, 0,
					"argument check", "is in a sealed region");
	if (machvm__target_doubt(target, piece->start, piece->end, false, &found) > 0 &&
	    found.doubt == MACHVM__DOUBT_GUARD)
		return unmovable(target, found.start, "is a guard page");
	return KERN_SUCCESS;
}

kern_return_t machvm__share_judge(struct machvm__target *target, const struct machvm__map *map)
{
	uint64_t pinned;

	for (size_t i = 0; i < map->count; i++) {
		kern_return_t kr = KERN_SUCCESS;

		if (is_private(&map->pieces[i]))
			kr = judge_piece(target, &map->pieces[i]);
		if (kr != KERN_SUCCESS)
			return kr;
	}
	if (machvm__io_uring_pins(target->own ? 0 : machvm__error_pid(target), map->start, map->end,
				  &pinned))
		return unmovable(target, pinned, "is registered with io_uring");
	/* Who stops our own threads? A store between the copy and the move would be lost. */
	if (target->own && !machvm__tracer_alone())
		return unmovable(target, map->start,
				 "belongs to this very process, whose other threads go on writing");
	return KERN_SUCCESS;
}

static int64_t make_memory(struct machvm__space *space, uint64_t size)
{
	static const char name[] = "machvm";
	uint64_t at;
	int64_t fd, r = machvm__space_push(space, name, sizeof name, &at);

	if (r)
		return r;
	fd = machvm__space_call(space, MACHVM__CALL_MEMFD_CREATE, at, MEMORY_FLAGS | MFD_EXEC, 0, 0, 0,
				0);
	if (fd == -EINVAL)
		fd = machvm__space_call(space, MACHVM__CALL_MEMFD_CREATE, at, MEMORY_FLAGS, 0, 0, 0, 0);
	if (fd < 0)
		return fd;
	r = machvm__space_call(space, MACHVM__CALL_FTRUNCATE, (uint64_t)fd, size, 0, 0, 0, 0);
	if (r < 0)
		(void)machvm__space_call(space, MACHVM__CALL_CLOSE, (uint64_t)fd, 0, 0, 0, 0, 0);
	return r < 0 ? r : fd;
}

/* Our own descriptor on it. Sealed: nobody makes it shorter under whoever maps it. */
static int borrow(struct machvm__space *space, int fd)
{
	int ours = machvm__source_borrow(space->target, fd);
	int r = ours < 0 ? ours : machvm__object_seal(ours);

	if (r == 0)
		return ours;
	machvm__descriptor_close(ours);
	return r;
}

/* Attributes stay; what they are attached to is the memfd now. */
static kern_return_t enter(struct machvm__space *space, const struct machvm__map *map,
			   unsigned fields, const struct machvm__attributes *value)
{
	struct machvm__map now = {.start = map->start, .end = map->end};
	kern_return_t kr = KERN_SUCCESS;

	now.pieces = map->pieces;
	now.count = map->count;
	for (size_t i = 0; kr == KERN_SUCCESS && i < now.count; i++) {
		struct machvm__piece *piece = &now.pieces[i];
		int r = machvm__target_region(space->target, piece->start, &piece->vma, NULL, 0);

		if (r)
			kr = machvm__error_look(space->target, r);
	}
	return kr == KERN_SUCCESS ? machvm__map_enter(space->target, &now, fields, value) : kr;
}

/* The new regions begin without what the target was told about the old ones. */
static void advise_again(struct machvm__space *space, const struct machvm__piece *piece)
{
	if (piece->flags & MACHVM__VM_RANDOM)
		(void)machvm__space_advise(space, piece->start, piece->end, MADV_RANDOM);
	else if (piece->flags & MACHVM__VM_SEQUENTIAL)
		(void)machvm__space_advise(space, piece->start, piece->end, MADV_SEQUENTIAL);
}

static void let_children_have_it(struct machvm__space *space, const struct machvm__map *map,
				 unsigned fields)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		bool kept = piece->flags & MACHVM__VM_DONTCOPY && !(fields & MACHVM__LEDGER_INHERITANCE);

		if (!piece->special)
			(void)machvm__space_advise(space, piece->start, piece->end,
						   kept ? MADV_DONTFORK : MADV_DOFORK);
		if (is_private(piece))
			advise_again(space, piece);
	}
}

kern_return_t machvm__share_move(struct machvm__space *space, const struct machvm__map *map,
				 unsigned fields, const struct machvm__attributes *value,
				 int *memory)
{
	struct machvm__replacement how = {
		.wanted = is_private, .flags = MAP_SHARED | MAP_NORESERVE, .fd = -1};
	int64_t fd = make_memory(space, map->end - map->start);
	kern_return_t kr = KERN_SUCCESS;
	int ours = -1;

	if (fd < 0)
		return space->broken ? machvm__error_space(space, space->broken)
				     : machvm__error_system(KERN_RESOURCE_SHORTAGE, (int)-fd,
							    "memfd_create",
							    "process %d gets no memory object",
							    machvm__error_pid(space->target));
	how.fd = (int)fd;
	if (memory) {
		ours = borrow(space, how.fd);
		if (ours < 0)
			kr = machvm__error_look(space->target, ours);
	}
	if (kr == KERN_SUCCESS)
		kr = machvm__replace_pieces(space, map, &how);
	if (kr == KERN_SUCCESS) {
		let_children_have_it(space, map, fields);
		kr = enter(space, map, fields, value);
	}
	(void)machvm__space_call(space, MACHVM__CALL_CLOSE, (uint64_t)fd, 0, 0, 0, 0, 0);
	if (kr != KERN_SUCCESS && ours >= 0) {
		machvm__descriptor_close(ours);
		ours = -1;
	}
	if (memory)
		*memory = ours;
	return kr;
}
