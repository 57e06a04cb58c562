/* SPDX-License-Identifier: MIT */
/*
 * protect.c - vm_protect in both spellings.
 *
 * Everything is judged before the first mprotect. The kernel applies a call
 * region by region and stops where one refuses (a sealed region, a policy), so
 * what was done until then is taken back. Where several regions change and some
 * access goes away, all threads stand still in between: none sees half of it.
 */
#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_inherit.h>
#include <mach/vm_map.h>
#include <mach/vm_prot.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "map.h"
#include "replace.h"
#include "range.h"

struct request {
	struct machvm__target *target;
	uint64_t start, end;
	unsigned access; /* MACHVM__VMA_*, which are the bits of vm_prot_t and of PROT_* */
	bool set_maximum;
	bool copy;
};

/* What a piece may become: a private copy may be written whatever it is made from. */
static unsigned limit(const struct request *request, const struct machvm__piece *piece)
{
	return request->copy ? piece->maximum | MACHVM__VMA_WRITE : piece->maximum;
}

static unsigned wanted(const struct request *request, const struct machvm__piece *piece)
{
	return request->set_maximum ? piece->vma.access & request->access : request->access;
}

static unsigned current(const struct machvm__piece *piece)
{
	return piece->vma.access & ~(unsigned)MACHVM__VMA_SHARED;
}

static bool changes(const struct request *request, const struct machvm__piece *piece)
{
	return wanted(request, piece) != current(piece);
}

static const char *words(unsigned access, char text[4])
{
	text[0] = access & MACHVM__VMA_READ ? 'r' : '-';
	text[1] = access & MACHVM__VMA_WRITE ? 'w' : '-';
	text[2] = access & MACHVM__VMA_EXECUTE ? 'x' : '-';
	text[3] = '\0';
	return text;
}

static kern_return_t unmapped(const struct request *request, uint64_t hole)
{
	return machvm__error_at(request->target, hole, KERN_INVALID_ADDRESS, 0, "region lookup",
				"is not allocated");
}

/* In ascending order: what is beyond the maximum, then the hole that ends the list. */
static kern_return_t judge(const struct request *request, const struct machvm__map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		char asked[4], most[4];

		if (request->access & ~limit(request, piece))
			return machvm__error_at(
				request->target, piece->start, KERN_PROTECTION_FAILURE, 0,
				"maximum protection", "permits %s at most, and %s was asked for%s",
				words(limit(request, piece), most), words(request->access, asked),
				request->access & ~limit(request, piece) & MACHVM__VMA_WRITE
					? "; VM_PROT_COPY makes a private copy that can be written"
					: "");
		if (request->copy && (piece->special || piece->stack) &&
		    piece->vma.access & MACHVM__VMA_SHARED)
			return machvm__error_at(request->target, piece->start, KERN_NOT_SUPPORTED, 0,
						"private copy", "is memory of the kernel's own");
	}
	return map->whole ? KERN_SUCCESS : unmapped(request, map->hole);
}

static bool needs_all_threads(const struct request *request, const struct machvm__map *map)
{
	size_t count = 0;
	bool lowered = false;

	for (size_t i = 0; i < map->count; i++) {
		count += changes(request, &map->pieces[i]);
		lowered |= (current(&map->pieces[i]) & ~wanted(request, &map->pieces[i])) != 0;
	}
	return (count > 1 && lowered) || (request->copy && machvm__replace_has_shared(map));
}

/* A private copy is memory like any other: a child gets it, whatever was set before. */
static bool is_passed_on(const struct request *request, const struct machvm__piece *piece)
{
	return request->copy && piece->attributes.inheritance == VM_INHERIT_NONE &&
	       !machvm__replace_is_shared(piece);
}

static bool needs_calls(const struct request *request, const struct machvm__map *map)
{
	for (size_t i = 0; i < map->count; i++)
		if (changes(request, &map->pieces[i]) || is_passed_on(request, &map->pieces[i]))
			return true;
	return request->copy && machvm__replace_has_shared(map);
}

/* Shared pieces get theirs as part of the private copies that replace them. */
static bool is_replaced(const struct request *request, const struct machvm__piece *piece)
{
	return request->copy && machvm__replace_is_shared(piece);
}

/* The pieces from `first` on that one call can change. */
static size_t run_end(const struct request *request, const struct machvm__map *map, size_t first)
{
	size_t i = first + 1;

	while (i < map->count && !is_replaced(request, &map->pieces[i]) &&
	       wanted(request, &map->pieces[i]) == wanted(request, &map->pieces[first]))
		i++;
	return i;
}

/* Does the piece have its former access? A sealed region, for one, never lost it. */
static bool still(const struct machvm__space *space, const struct machvm__piece *piece)
{
	struct machvm__vma vma;

	for (uint64_t at = piece->start; at < piece->end; at = vma.end)
		if (space->broken || machvm__target_region(space->target, at, &vma, NULL, 0) ||
		    vma.start > at || vma.access != piece->vma.access)
			return false;
	return true;
}

/* Gives the pieces before `count` the access that they had. */
static bool take_back(const struct request *request, struct machvm__space *space,
		      const struct machvm__map *map, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];

		if (!is_replaced(request, piece) &&
		    machvm__space_protect(space, piece->start, piece->end, current(piece)) < 0 &&
		    !still(space, piece))
			return false;
	}
	return true;
}

static kern_return_t put_back_refused(struct machvm__space *space, const struct machvm__map *map)
{
	if (space->broken)
		return machvm__error_space(space, space->broken);
	return machvm__error_at(space->target, map->start, KERN_ABORTED, 0, "put back",
				"and what follows changed in the middle of the call, and not all of "
				"it has its former protection again");
}

static kern_return_t refused(const struct request *request, const struct machvm__map *map,
			     size_t first, int error)
{
	uint64_t at = map->pieces[first].start;
	struct machvm__vma vma;

	switch (error) {
	case EPERM:
		return machvm__error_at(request->target, at, KERN_PROTECTION_FAILURE, error,
					"mprotect", "and what follows holds a sealed region");
	case EACCES:
		return machvm__error_at(request->target, at, KERN_PROTECTION_FAILURE, error,
					"mprotect", "may not become that: a policy of the system "
					"(write and execute, a noexec mount) forbids it");
	case ENOMEM:
		for (size_t i = first; i < map->count; i++)
			if (machvm__target_region(request->target, map->pieces[i].start, &vma, NULL, 0) ||
			    vma.start > map->pieces[i].start)
				return unmapped(request, map->pieces[i].start);
		return machvm__error_at(request->target, at, KERN_RESOURCE_SHORTAGE, error,
					"mprotect", "cannot be split off: no memory, or the limit "
					"vm.max_map_count is reached");
	default:
		return machvm__error_at(request->target, at, KERN_FAILURE, error, "mprotect",
					"cannot be changed");
	}
}

static kern_return_t apply(const struct request *request, struct machvm__space *space,
			   const struct machvm__map *map)
{
	for (size_t i = 0, next; i < map->count; i = next) {
		int64_t r;

		next = i + 1;
		if (is_replaced(request, &map->pieces[i]))
			continue;
		next = run_end(request, map, i);
		r = machvm__space_protect(space, map->pieces[i].start, map->pieces[next - 1].end,
					  wanted(request, &map->pieces[i]));
		if (r == 0)
			continue;
		if (space->broken)
			return machvm__error_space(space, space->broken);
		if (!take_back(request, space, map, next))
			return put_back_refused(space, map);
		return refused(request, map, i, (int)-r);
	}
	return KERN_SUCCESS;
}

/* The ledger as it is to be afterwards. */
static int prepare(const struct request *request, const struct machvm__map *map,
		   struct machvm__ledger_change *change)
{
	struct machvm__ledger_piece *pieces;
	int r;

	*change = (struct machvm__ledger_change){0};
	if (!request->set_maximum && !(request->copy && machvm__ledger_exists(request->target)))
		return 0;
	pieces = calloc(map->count, sizeof *pieces);
	if (!pieces)
		return -ENOMEM;
	for (size_t i = 0; i < map->count; i++) {
		const struct machvm__piece *piece = &map->pieces[i];
		struct machvm__attributes attributes = piece->attributes;

		if (request->copy) {
			attributes.maximum |= MACHVM__VMA_WRITE;
			attributes.inheritance = machvm__ledger_default.inheritance;
		}
		if (request->set_maximum)
			attributes.maximum = (uint8_t)request->access;
		pieces[i] = (struct machvm__ledger_piece){piece->start, piece->end, piece->vma,
							  attributes};
		if (request->copy)
			machvm__replace_identity(&pieces[i].vma);
	}
	r = machvm__ledger_prepare(request->target, map->start, map->end, pieces, map->count, change);
	free(pieces);
	return r;
}

/* For the private copies: their access, and the other pieces while nothing has moved. */
struct copying {
	const struct request *request;
	bool *applied;
};

static unsigned copy_access(const struct machvm__piece *piece, const void *context)
{
	const struct copying *copying = context;

	return wanted(copying->request, piece);
}

static kern_return_t copies_ready(struct machvm__space *space, const struct machvm__map *map,
				  const void *context)
{
	const struct copying *copying = context;
	kern_return_t kr = apply(copying->request, space, map);

	*copying->applied = kr == KERN_SUCCESS;
	return kr;
}

static kern_return_t apply_with_copies(const struct request *request, struct machvm__space *space,
				       const struct machvm__map *map)
{
	bool applied = false;
	const struct copying copying = {request, &applied};
	const struct machvm__replacement how = {
		.access = copy_access, .ready = copies_ready, .context = &copying};
	kern_return_t kr = machvm__replace_shared(space, map, &how);

	if (kr != KERN_SUCCESS && applied && !take_back(request, space, map, map->count))
		return put_back_refused(space, map);
	return kr;
}

/* Whether children get the pieces that they were not to get. */
static int64_t pass_on(const struct request *request, struct machvm__space *space,
		       const struct machvm__map *map, int advice)
{
	int64_t r = 0;

	for (size_t i = 0; r == 0 && i < map->count; i++)
		if (is_passed_on(request, &map->pieces[i]))
			r = machvm__space_advise(space, map->pieces[i].start, map->pieces[i].end,
						 advice);
	return r;
}

static kern_return_t change_all(const struct request *request, struct machvm__space *space,
				const struct machvm__map *map)
{
	int64_t r = pass_on(request, space, map, MADV_DOFORK);
	kern_return_t kr;

	if (r < 0)
		kr = space->broken ? machvm__error_space(space, space->broken)
				   : refused(request, map, 0, ENOMEM);
	else if (request->copy && machvm__replace_has_shared(map))
		kr = apply_with_copies(request, space, map);
	else
		kr = apply(request, space, map);
	if (kr != KERN_SUCCESS && !space->broken)
		(void)pass_on(request, space, map, MADV_DONTFORK);
	return kr;
}

static kern_return_t change_pages(const struct request *request, struct machvm__space *space,
				  const struct machvm__map *map, bool calls)
{
	struct machvm__ledger_change change;
	kern_return_t kr = KERN_SUCCESS;
	int r = prepare(request, map, &change);

	if (r)
		return machvm__error_look(request->target, r);
	if (calls)
		kr = change_all(request, space, map);
	if (kr == KERN_SUCCESS)
		machvm__ledger_commit(&change);
	else
		machvm__ledger_drop(&change);
	return kr;
}

static kern_return_t look(const struct request *request, struct machvm__map *map)
{
	unsigned options = request->access & MACHVM__VMA_EXECUTE ? MACHVM__MAP_EXECUTE : 0;
	int r = machvm__map_read(request->target, request->start, request->end, options, map);

	return r ? machvm__error_look(request->target, r) : judge(request, map);
}

/* What was judged while the threads ran may have changed until they stood. */
static kern_return_t look_again(const struct request *request, struct machvm__map *map)
{
	machvm__map_free(map);
	return look(request, map);
}

static kern_return_t attempt(const struct request *request, bool *again)
{
	struct machvm__space space = {.target = request->target};
	struct machvm__map map;
	kern_return_t kr = look(request, &map);
	bool calls = kr == KERN_SUCCESS && needs_calls(request, &map);
	bool all = calls && needs_all_threads(request, &map);
	int r = calls ? machvm__space_open(&space, request->target, all ? MACHVM__SPACE_ALL : 0) : 0;

	*again = r == -ESTALE;
	if (r)
		kr = machvm__error_space(&space, r);
	if (kr == KERN_SUCCESS && all && space.session)
		kr = look_again(request, &map);
	if (kr == KERN_SUCCESS)
		kr = change_pages(request, &space, &map, calls);
	if (calls && r == 0 && machvm__space_close(&space) && kr == KERN_SUCCESS &&
	    machvm__target_alive(request->target))
		kr = machvm__error_space(&space, -ESRCH);
	machvm__map_free(&map);
	return kr;
}

static kern_return_t protect(const struct request *request)
{
	kern_return_t kr = KERN_SUCCESS;
	bool again = true;

	machvm__space_lock(request->target);
	for (int i = 0; again && i < MACHVM__RANGE_ATTEMPTS; i++)
		kr = attempt(request, &again);
	machvm__space_unlock(request->target);
	return kr;
}

kern_return_t mach_vm_protect(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
			      boolean_t set_maximum, vm_prot_t new_protection)
{
	struct machvm__hold hold = {0};
	struct request request;
	kern_return_t kr = machvm__range_hold(target_task, MACHVM_RIGHT_CONTROL, &hold);

	if (kr != KERN_SUCCESS)
		return kr;
	request = (struct request){
		.target = hold.target,
		.access = (unsigned)new_protection & VM_PROT_ALL,
		.set_maximum = set_maximum != 0,
		.copy = (new_protection & VM_PROT_COPY) != 0,
	};
	if (size == 0)
		kr = KERN_SUCCESS;
	else if (!machvm__range_pages(address, size, &request.start, &request.end))
		kr = machvm__range_wraps(KERN_INVALID_ADDRESS);
	else if (new_protection & ~(VM_PROT_ALL | VM_PROT_COPY))
		kr = machvm__error(KERN_INVALID_ARGUMENT, "argument check",
				   "0x%x holds bits that are no protection",
				   (unsigned)new_protection);
	else
		kr = protect(&request);
	machvm__task_release(&hold);
	return kr;
}

kern_return_t vm_protect(vm_map_t target_task, vm_address_t address, vm_size_t size,
			 boolean_t set_maximum, vm_prot_t new_protection)
{
	return mach_vm_protect(target_task, address, size, set_maximum, new_protection);
}
