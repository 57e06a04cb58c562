/* SPDX-License-Identifier: MIT */
/*
 * map.c - the maximum protection of a region is the kernel's own: by rule for
 * ordinary private memory (everything), from smaps for the rest, which costs a
 * walk over the whole address space and is done only where the rule ends.
 */
#include "map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "error.h"
#include "own_memory.h"
#include "pages.h"

#define ALL_ACCESS ((unsigned)(MACHVM__VMA_READ | MACHVM__VMA_WRITE | MACHVM__VMA_EXECUTE))

static int append(struct machvm__map *map, const struct machvm__piece *piece)
{
	if (map->count == map->room) {
		size_t room = map->room ? map->room * 2 : 8;
		struct machvm__piece *pieces = realloc(map->pieces, room * sizeof *pieces);

		if (!pieces)
			return -ENOMEM;
		map->pieces = pieces;
		map->room = room;
	}
	map->pieces[map->count++] = *piece;
	return 0;
}

/* A name in brackets that is not a program's: [vdso], [vvar], [vsyscall]. */
static bool is_special(const char *name)
{
	return name[0] == '[' && strcmp(name, "[heap]") != 0 &&
	       strncmp(name, "[stack", 6) != 0 && strncmp(name, "[anon", 5) != 0;
}

/* One region, as one piece for each run of attributes. */
static int add_region(struct machvm__target *target, struct machvm__map *map,
		      const struct machvm__vma *vma, const char *name, uint64_t start, uint64_t end)
{
	struct machvm__piece piece = {
		.vma = *vma,
		.special = is_special(name),
		.stack = strncmp(name, "[stack", 6) == 0,
	};
	int r = 0;

	for (uint64_t at = start; r == 0 && at < end; at = piece.end) {
		piece.start = at;
		piece.attributes = machvm__ledger_at(target, vma, at, &piece.end);
		if (piece.end > end)
			piece.end = end;
		piece.maximum = ALL_ACCESS;
		r = append(map, &piece);
	}
	return r;
}

static uint64_t page_of(const struct machvm__vma *vma)
{
	return vma->page_size ? vma->page_size : machvm__page_size();
}

static int collect(struct machvm__target *target, unsigned options, struct machvm__map *map)
{
	struct machvm__vma vma;
	uint64_t at = map->start;
	char name[64];
	int r = 0;

	while (r == 0 && at < map->end) {
		uint64_t start, end, page;

		r = machvm__target_region(target, at, &vma, name, sizeof name);
		if (r == -ENOENT || (r == 0 && vma.start >= map->end)) {
			r = 0;
			vma.start = map->end;
		}
		if (r == 0 && vma.start > at && map->whole) {
			map->whole = false;
			map->hole = at;
			if (!(options & MACHVM__MAP_SKIP))
				break;
		}
		if (r || vma.start >= map->end)
			break;
		page = page_of(&vma);
		start = (vma.start > at ? vma.start : at) & ~(page - 1);
		end = vma.end < map->end ? vma.end : (map->end + page - 1) & ~(page - 1);
		if (start < map->start)
			map->start = start;
		if (end > map->end)
			map->end = end;
		r = add_region(target, map, &vma, name, start, end);
		at = vma.end;
	}
	return r;
}

static bool needs_detail(const struct machvm__piece *piece, unsigned options)
{
	if (options & MACHVM__MAP_DETAIL)
		return true;
	if (piece->special || piece->vma.access & MACHVM__VMA_SHARED)
		return true;
	/* A file on a noexec mount cannot be executed, and only smaps tells. */
	return options & MACHVM__MAP_EXECUTE && piece->vma.inode &&
	       !(piece->vma.access & MACHVM__VMA_EXECUTE);
}

static void take_detail(struct machvm__piece *piece, const struct machvm__smaps *found)
{
	piece->flags = found->flags;
	piece->detailed = true;
	piece->maximum = (found->flags & MACHVM__VM_MAY_READ ? MACHVM__VMA_READ : 0u) |
			 (found->flags & MACHVM__VM_MAY_WRITE ? MACHVM__VMA_WRITE : 0u) |
			 (found->flags & MACHVM__VM_MAY_EXECUTE ? MACHVM__VMA_EXECUTE : 0u);
	if (!piece->vma.page_size)
		piece->vma.page_size = (uint32_t)found->kernel_page_size;
}

/* One pass over smaps and the pieces, both ascending. */
static int read_details(struct machvm__target *target, struct machvm__map *map)
{
	enum { TEXT = 1 << 16 };
	char *buffer = machvm__own_memory_map(TEXT);
	struct machvm__text text = {.fd = -1};
	struct machvm__smaps found;
	size_t i = 0;
	int r;

	r = buffer ? machvm__target_open_list(target, "smaps", &text, buffer, TEXT) : -ENOMEM;
	if (r) {
		machvm__own_memory_unmap(buffer, TEXT);
		return r;
	}
	while (r == 0 && i < map->count && (r = machvm__smaps_next(&text, &found)) > 0) {
		r = 0;
		for (; i < map->count && map->pieces[i].start < found.vma.end; i++)
			if (map->pieces[i].start >= found.vma.start)
				take_detail(&map->pieces[i], &found);
	}
	machvm__own_memory_unmap(buffer, TEXT);
	machvm__descriptor_close(text.fd);
	return r;
}

int machvm__map_read(struct machvm__target *target, uint64_t start, uint64_t end, unsigned options,
		     struct machvm__map *map)
{
	bool detail = false;
	int r;

	*map = (struct machvm__map){.start = start, .end = end, .whole = true};
	r = collect(target, options, map);
	for (size_t i = 0; r == 0 && i < map->count && !detail; i++)
		detail = needs_detail(&map->pieces[i], options);
	if (detail)
		r = read_details(target, map);
	for (size_t i = 0; i < map->count; i++)
		map->pieces[i].maximum &= map->pieces[i].attributes.maximum;
	return r;
}

void machvm__map_free(struct machvm__map *map)
{
	free(map->pieces);
	map->pieces = NULL;
	map->count = map->room = 0;
}

static void take(struct machvm__attributes *to, const struct machvm__attributes *from,
		 unsigned fields)
{
	if (fields & MACHVM__LEDGER_MAXIMUM)
		to->maximum = from->maximum;
	if (fields & MACHVM__LEDGER_INHERITANCE)
		to->inheritance = from->inheritance;
	if (fields & MACHVM__LEDGER_TAG)
		to->tag = from->tag;
	if (fields & MACHVM__LEDGER_PURGABLE)
		to->purgable = from->purgable;
	if (fields & MACHVM__LEDGER_PERMANENT)
		to->permanent = from->permanent;
	if (fields & MACHVM__LEDGER_WIRED)
		to->wired = from->wired;
}

kern_return_t machvm__map_enter(struct machvm__target *target, const struct machvm__map *map,
				  unsigned fields, const struct machvm__attributes *value)
{
	struct machvm__ledger_piece *pieces = calloc(map->count + 1, sizeof *pieces);
	struct machvm__ledger_change change;
	int r = pieces ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < map->count; i++) {
		pieces[i] = (struct machvm__ledger_piece){map->pieces[i].start, map->pieces[i].end,
							  map->pieces[i].vma,
							  map->pieces[i].attributes};
		take(&pieces[i].attributes, value, fields);
	}
	if (r == 0)
		r = machvm__ledger_prepare(target, map->start, map->end, pieces, map->count,
					   &change);
	if (r == 0)
		machvm__ledger_commit(&change);
	free(pieces);
	return r ? machvm__error_look(target, r) : KERN_SUCCESS;
}
