/* SPDX-License-Identifier: MIT */
/*
 * view.c - address space is taken first, as one region without access; the objects are put
 * over it, region by region. Which object it is that a descriptor leads to is known by
 * mapping it: the kernel must say the same of our mapping as of the target's region.
 */
#include "view.h"

#include <errno.h>
#include <string.h>

#include "descriptor.h"
#include "error.h"
#include "object.h"
#include "own_memory.h"
#include "pages.h"
#include "source.h"
#include "survey.h"

/* To begin with: the kernel may put huge pages behind what is aligned as its object is. */
#define ALIGNMENT ((uint64_t)2 << 20)

/* A region of the target, and as much of it as the window shows. */
struct part {
	const struct machvm__smaps *region;
	uint64_t page; /* the size of its pages */
	uint64_t start, end;
};

/* ---- the room ---- */

static char *place_of(const struct machvm__view *view, uint64_t raddr)
{
	return view->room + (raddr - view->low);
}

static kern_return_t shortage(int error)
{
	return machvm__error_system(KERN_RESOURCE_SHORTAGE, error, "mmap",
				    "no memory, mapping or address space is left here (%s)",
				    strerrordesc_np(error));
}

/* Leaves `room` null when there is none. */
static void take_room(struct machvm__view *view)
{
	uint64_t mask = view->alignment - 1, size;
	char *taken;

	view->room = NULL;
	view->first = view->last = 0;
	view->low = view->start & ~mask;
	view->high = (view->end + mask) & ~mask;
	size = view->high - view->low;
	if (view->high < view->end || size > SIZE_MAX - view->alignment)
		return;
	taken = machvm__object_room((size_t)(size + view->alignment));
	if (!taken)
		return;
	view->room = (char *)(((uintptr_t)taken + (uintptr_t)mask) & ~(uintptr_t)mask);
	machvm__own_memory_unmap(taken, (size_t)(view->room - taken));
	machvm__own_memory_unmap(view->room + size,
				 (size_t)view->alignment - (size_t)(view->room - taken));
}

static void give_back(struct machvm__view *view, uint64_t from, uint64_t to)
{
	machvm__own_memory_unmap(place_of(view, from), (size_t)(to - from));
}

/* ---- which object it is ---- */

static bool is_segment(const char *name)
{
	return strncmp(name, "/SYSV", 5) == 0;
}

/*
 * Numbers of segments and those of other memory are given out by two hands, on one device:
 * the names tell them apart.
 */
bool machvm__view_same(const struct machvm__vma *a, const char *a_name, uint64_t a_at,
		       const struct machvm__vma *b, const char *b_name, uint64_t b_at)
{
	return a->access & b->access & MACHVM__VMA_SHARED && a->inode == b->inode &&
	       a->device_major == b->device_major && a->device_minor == b->device_minor &&
	       a->offset + (a_at - a->start) == b->offset + (b_at - b->start) &&
	       is_segment(a_name) == is_segment(b_name);
}

static bool shows(const void *mapping, const struct part *part)
{
	uint64_t at = (uintptr_t)mapping;
	struct machvm__vma mine;
	char name[64] = "";

	return machvm__target_region(machvm__target_own(), at, &mine, name, sizeof name) == 0 &&
	       mine.start <= at &&
	       machvm__view_same(&mine, name, at, &part->region->vma, part->region->name,
				 part->start);
}

/*
 * Memory that never was a file's: nobody has a descriptor of it, so nobody makes it
 * shorter. It is on the same device as a shared anonymous page of our own is.
 */
static bool is_nameless(const struct part *part)
{
	const char *name = part->region->name;
	struct machvm__vma mine;
	void *page;
	bool same;

	if (strcmp(name, "/dev/zero (deleted)") != 0 && !is_segment(name))
		return false;
	page = machvm__object_shared_page();
	if (!page)
		return false;
	same = machvm__target_region(machvm__target_own(), (uintptr_t)page, &mine, NULL, 0) == 0 &&
	       mine.device_major == part->region->vma.device_major &&
	       mine.device_minor == part->region->vma.device_minor;
	machvm__own_memory_unmap(page, machvm__page_size());
	return same;
}

/* ---- mapping one part ---- */

kern_return_t machvm__view_refuse(const struct machvm__view *view, uint64_t raddr,
				  kern_return_t code, int error, const char *why)
{
	return machvm__error_at(view->target, raddr > view->address ? raddr : view->address, code,
				error, "window", "%s", why);
}

static kern_return_t unsupported(const struct machvm__view *view, const struct part *part,
				 int error, const char *why)
{
	return machvm__view_refuse(view, part->start, KERN_NOT_SUPPORTED, error, why);
}

/*
 * What has another name never is: that need not be opened to be found out. A huge page can be
 * taken out of the middle of a file, seal or not, and there may be none to take its place.
 */
static bool may_be_steady(const struct part *part)
{
	return part->page == machvm__page_size() &&
	       (strncmp(part->region->name, "/memfd:", 7) == 0 || is_nameless(part));
}

static kern_return_t unsteady(const struct machvm__view *view, const struct part *part)
{
	return unsupported(
		view, part, 0,
		"is of a file that can be made shorter at any time, or of huge pages, and "
		"a load or store where it has no page would kill this process; "
		"MACHVM_WINDOW_FAULTS takes that upon itself");
}

static kern_return_t judge_object(const struct machvm__view *view, const struct part *part,
				  const struct machvm__object_facts *facts)
{
	uint64_t mask = machvm__page_size() - 1, size = (facts->size + mask) & ~mask;
	uint64_t offset = part->region->vma.offset + (part->start - part->region->vma.start);

	if (!view->faults && !facts->steady && !is_nameless(part))
		return unsteady(view, part);
	if (offset >= size || part->end - part->start > size - offset)
		return machvm__view_refuse(
			view, offset >= size ? part->start : part->start + (size - offset),
			KERN_MEMORY_ERROR, 0, "is beyond the end of its file");
	return KERN_SUCCESS;
}

/* A descriptor, or for a part of a segment -1. 0, or -errno when nothing can be mapped by it. */
static int map_object(const struct part *part, uint64_t size, bool writable, int fd, void *at,
		      void **where)
{
	const struct machvm__vma *vma = &part->region->vma;
	uint64_t offset = vma->offset + (part->start - vma->start);

	return fd < 0 ? machvm__object_attach(at, (size_t)size, writable, (int)vma->inode, offset,
					      where)
		      : machvm__object_map(at, (size_t)size, writable, fd, offset, where);
}

/*
 * Maps a part by that descriptor, if it is of the object. First elsewhere, for a mapping
 * that is refused may leave a hole where it should have been. *fits when there is an
 * answer: KERN_SUCCESS or a code on record; else *error is why not.
 */
static kern_return_t map_by(struct machvm__view *view, const struct part *part, int fd, bool *fits,
			    int *error)
{
	struct machvm__object_facts facts = {.regular = true, .size = UINT64_MAX >> 1};
	kern_return_t kr;
	void *where;
	int r = fd < 0 ? 0 : machvm__object_look(fd, &facts);

	if (r == 0 && !facts.regular)
		r = -ENODEV;
	if (r == 0)
		r = map_object(part, part->page, view->writable, fd, NULL, &where);
	if (r == 0) {
		*fits = shows(where, part);
		machvm__own_memory_unmap(where, (size_t)part->page);
	}
	if (!*fits) {
		*error = r ? -r : *error;
		return KERN_SUCCESS;
	}
	kr = judge_object(view, part, &facts);
	if (kr != KERN_SUCCESS)
		return kr;
	r = map_object(part, part->end - part->start, view->writable, fd,
		       place_of(view, part->start), &where);
	if (r)
		return shortage(-r);
	/* A segment is known by its number alone, which may have another owner by now. */
	if (fd < 0 && !shows(where, part))
		return unsupported(view, part, 0, "is a segment that is just being replaced");
	return KERN_SUCCESS;
}

/* Nothing that could be had is the object, or could be mapped. */
static kern_return_t not_had(const struct machvm__view *view, const struct part *part, int error,
			     int refused)
{
	if (error == ENOMEM || refused == -ENOMEM || refused == -EMFILE || refused == -ENFILE)
		return shortage(error == ENOMEM ? error : -refused);
	if (error == EPERM)
		return machvm__view_refuse(view, part->start, KERN_PROTECTION_FAILURE, error,
					   "is sealed against new mappings that can write");
	if (refused == -EACCES || refused == -EPERM)
		return machvm__error_system(
			KERN_DENIED, -refused, "window",
			"the system does not give out descriptors of process %d",
			machvm__error_pid(view->target));
	return unsupported(
		view, part, error,
		"is shared memory that the process has no descriptor of that would do; to "
		"open it without one takes CAP_CHECKPOINT_RESTORE");
}

static kern_return_t map_part(struct machvm__view *view, const struct part *part)
{
	struct machvm__source source;
	kern_return_t kr = KERN_SUCCESS;
	bool fits = false;
	int fd, error = 0;

	if (view->memory >= 0)
		kr = map_by(view, part, view->memory, &fits, &error);
	machvm__source_init(&source, view->target, &part->region->vma, view->writable);
	while (!fits && (fd = machvm__source_next(&source)) >= 0) {
		kr = map_by(view, part, fd, &fits, &error);
		machvm__descriptor_close(fd);
	}
	machvm__source_fini(&source);
	if (!fits && is_segment(part->region->name) && machvm__source_same_ipc(view->target))
		kr = map_by(view, part, -1, &fits, &error);
	return fits ? kr : not_had(view, part, error, source.refused);
}

/* ---- what the target has there ---- */

static kern_return_t judge_pages(const struct machvm__view *view, const struct part *part)
{
	enum machvm__direction access = view->writable ? MACHVM__WRITE : MACHVM__READ;
	struct machvm__doubtful found = {.end = part->start};
	uint64_t at = part->start > view->address ? part->start : view->address;
	struct machvm__fault why = {0}; /* a look changes nothing */

	/* One byte tells secret memory and devices; absent pages of the rest stay absent. */
	if (!machvm__survey(view->target, access, at, 1, MACHVM__SURVEY_NOWAIT, &why))
		return machvm__error_fault(view->target, &why);
	while (machvm__target_doubt(view->target, found.end, part->end, 0, &found) > 0)
		if (found.doubt == MACHVM__DOUBT_GUARD)
			return machvm__view_refuse(view, found.start, KERN_PROTECTION_FAILURE, 0,
						   "is a guard page");
	return KERN_SUCCESS;
}

static kern_return_t judge_part(const struct machvm__view *view, const struct part *part)
{
	const struct machvm__smaps *region = part->region;
	kern_return_t kr;

	if (machvm__view_needs(view) & ~region->vma.access)
		return machvm__view_refuse(view, part->start, KERN_PROTECTION_FAILURE, 0,
					   view->writable ? "is not readable and writable there"
							  : "is not readable there");
	if (!(region->vma.access & MACHVM__VMA_SHARED))
		return view->skip
			       ? KERN_SUCCESS
			       : unsupported(view, part, 0,
					     "is private memory; MACHVM_WINDOW_MOVE would move it "
					     "to where it can be shared");
	if (region->flags & (MACHVM__VM_IO | MACHVM__VM_PFNMAP))
		return machvm__view_refuse(view, part->start, KERN_NO_ACCESS, 0,
					   "is memory of a device");
	if (region->flags & (MACHVM__VM_UFFD_MISSING | MACHVM__VM_UFFD_WP))
		return unsupported(view, part, 0,
				   "is registered with a userfaultfd, which would "
				   "not learn of what is done through a window");
	kr = judge_pages(view, part);
	return kr == KERN_SUCCESS && !view->faults && !may_be_steady(part) ? unsteady(view, part)
									   : kr;
}

/* The next part from `at` on; *again when the room has to be aligned anew. */
static kern_return_t show_part(struct machvm__view *view, uint64_t *at, bool *again)
{
	struct machvm__smaps region;
	struct part part = {.region = &region, .page = machvm__page_size()};
	int r = machvm__target_counted_region(view->target, *at, &region);
	kern_return_t kr;

	if (r == -ENOENT || (r == 0 && region.vma.start > *at))
		return machvm__view_refuse(view, *at, KERN_INVALID_ADDRESS, 0, "is not allocated");
	if (r)
		return machvm__error_look(view->target, r);
	if (region.kernel_page_size > part.page)
		part.page = region.kernel_page_size;
	*again = part.page > view->alignment;
	if (*again) {
		view->alignment = part.page;
		return KERN_SUCCESS;
	}
	part.start = *at & ~(part.page - 1);
	part.end = (view->end + part.page - 1) & ~(part.page - 1);
	if (region.vma.end < view->end)
		part.end = region.vma.end;
	*at = region.vma.end;
	kr = judge_part(view, &part);
	if (kr != KERN_SUCCESS || !view->room || !(region.vma.access & MACHVM__VMA_SHARED))
		return kr;
	if (!view->last)
		view->first = part.start;
	view->last = part.end;
	return map_part(view, &part);
}

/* Without room only the reason is wanted: some page of the range may be a better one. */
static kern_return_t attempt(struct machvm__view *view, bool *again)
{
	kern_return_t kr = KERN_SUCCESS;

	*again = false;
	take_room(view);
	for (uint64_t at = view->start; kr == KERN_SUCCESS && !*again && at < view->end;)
		kr = show_part(view, &at, again);
	if (kr == KERN_SUCCESS && machvm__target_alive(view->target))
		kr = machvm__error_gone(view->target, "window");
	if (kr == KERN_SUCCESS && !*again && !view->room)
		kr = shortage(ENOMEM);
	if (kr != KERN_SUCCESS || *again)
		machvm__view_close(view);
	return kr;
}

kern_return_t machvm__view_open(struct machvm__view *view)
{
	kern_return_t kr;
	bool again;

	view->alignment = ALIGNMENT;
	do
		kr = attempt(view, &again);
	while (kr == KERN_SUCCESS && again);
	return kr;
}

void machvm__view_close(struct machvm__view *view)
{
	if (view->room)
		give_back(view, view->low, view->high);
	view->room = NULL;
}

void *machvm__view_keep(struct machvm__view *view)
{
	give_back(view, view->low, view->first);
	give_back(view, view->last, view->high);
	return place_of(view, view->address);
}
