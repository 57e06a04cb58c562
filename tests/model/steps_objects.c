/* SPDX-License-Identifier: MIT */
/* Steps that map objects, and memory a second time. */
#include "random.h"
#include "world.h"

#include <mach/memory_object_types.h>
#include <string.h>

/* What FIXED answers where it wants to stand. */
static kern_return_t judge_place(const struct process *process, const struct stretch *stretch,
				 bool overwrite)
{
	return overwrite || pages_free(process, stretch->page, stretch->pages) ? KERN_SUCCESS
									       : KERN_NO_SPACE;
}

static int place_flags(bool overwrite)
{
	return VM_FLAGS_FIXED | (overwrite ? VM_FLAGS_OVERWRITE : 0);
}

static struct stretch whole_pages(unsigned most)
{
	struct stretch stretch = world_stretch(most);

	stretch.address = world_address(stretch.page);
	stretch.size = stretch.pages * PAGE;
	return stretch;
}

void step_map(void)
{
	struct process *process = world_process();
	struct stretch stretch = whole_pages(3);
	vm_prot_t current = (vm_prot_t)(random_below(8) | random_below(4)),
		  maximum = (vm_prot_t)(random_below(8) | 3);
	vm_inherit_t inherit = random_below(VM_INHERIT_LAST_VALID + 1);
	bool overwrite = random_below(3) == 0;
	mach_vm_address_t address = stretch.address;

	step_note(
		"vm_map of zeros: process %d, pages %u + %u, protection %d of %d, inheritance %u%s",
		(int)(process - world.process), stretch.page, stretch.pages, current, maximum,
		inherit, overwrite ? ", over" : "");
	if (!expect_answer(mach_vm_map(world_port(process), &address, stretch.size, 0,
				       place_flags(overwrite), MACH_PORT_NULL, 0, 0, current,
				       maximum, inherit),
			   judge_place(process, &stretch, overwrite)))
		return;
	for (unsigned i = stretch.page; i < stretch.page + stretch.pages; i++) {
		page_make(&process->page[i], cell_new(), inherit == VM_INHERIT_SHARE,
			  current & maximum, maximum);
		process->page[i].inherit = (uint8_t)inherit;
	}
}

/* ---- memory entries ---- */

static void forget_entry(struct memory_entry *entry)
{
	mach_vm_address_t address = world.base;

	task_drop(entry->port);
	/* A name that is dead names no object. */
	expect_answer(mach_vm_map(world.process[0].port, &address, PAGE, 0, VM_FLAGS_ANYWHERE,
				  entry->port, 0, 0, 1, 1, 1),
		      KERN_INVALID_ARGUMENT);
	for (unsigned i = 0; i < entry->pages; i++)
		cell_drop(entry->cell[i]);
	*entry = (struct memory_entry){0};
}

static void create_entry(struct memory_entry *entry)
{
	memory_object_size_t size = entry->pages * PAGE - random_below(PAGE);

	step_note("memory entry: %u new pages, protection %d", entry->pages, entry->grants);
	expect_answer(mach_make_memory_entry_64(world_port(&world.process[0]), &size, 0,
						entry->grants | MAP_MEM_NAMED_CREATE, &entry->port,
						MACH_PORT_NULL),
		      KERN_SUCCESS);
	expect_number(size, entry->pages * PAGE);
	for (unsigned i = 0; i < entry->pages; i++)
		entry->cell[i] = cell_new();
}

static kern_return_t judge_entry(const struct process *process, const struct stretch *stretch,
				 const struct memory_entry *entry)
{
	for (unsigned i = stretch->page; i < stretch->page + stretch->pages; i++) {
		const struct page *page = &process->page[i];

		if (!page->cell)
			return KERN_INVALID_ADDRESS;
		/* A snapshot is its holder's own: it takes no more than reading. */
		if (entry->snapshot ? !(page->prot & VM_PROT_READ)
				    : (entry->grants & ~page->max) != 0)
			return KERN_PROTECTION_FAILURE;
	}
	return KERN_SUCCESS;
}

/* Of a range: the memory itself, which is shared from then on, or a snapshot. */
static void take_entry(struct memory_entry *entry)
{
	struct process *process = world_process();
	struct stretch stretch = whole_pages(3);
	memory_object_size_t size;
	kern_return_t want;

	entry->snapshot = random_below(2) != 0;
	/* What has moved already may be several objects, and can be opened by the privileged only.
	 */
	if (!entry->snapshot && pages_shared(process, stretch.page, stretch.pages)) {
		if (!harness_is_root())
			return;
		stretch.pages = 1;
	}
	size = stretch.pages * PAGE;
	want = judge_entry(process, &stretch, entry);
	step_note("memory entry: %s of process %d, pages %u + %u, protection %d",
		  entry->snapshot ? "snapshot" : "memory", (int)(process - world.process),
		  stretch.page, stretch.pages, entry->grants);
	if (!expect_answer(
		    mach_make_memory_entry_64(
			    world_port(process), &size, world_address(stretch.page),
			    entry->grants | (entry->snapshot ? MAP_MEM_VM_COPY : MAP_MEM_VM_SHARE),
			    &entry->port, MACH_PORT_NULL),
		    want))
		return;
	entry->pages = stretch.pages;
	for (unsigned i = 0; i < stretch.pages; i++) {
		struct page *page = &process->page[stretch.page + i];

		entry->cell[i] = entry->snapshot ? cell_copy(page->cell) : cell_share(page->cell);
		if (!entry->snapshot && !page->shared) {
			page->shared = true;
			page->filed = false;
			if (page->inherit == VM_INHERIT_COPY)
				page->inherit = WORLD_UNKNOWN;
		}
	}
}

void step_entry(void)
{
	struct memory_entry *entry = &world.entry[random_below(WORLD_ENTRIES)];

	if (entry->port != MACH_PORT_NULL) {
		step_note("memory entry is given back");
		forget_entry(entry);
		return;
	}
	*entry = (struct memory_entry){
		.pages = 1 + random_below(3),
		.grants = (vm_prot_t)(VM_PROT_READ | random_below(8)),
	};
	if (random_below(2))
		create_entry(entry);
	else
		take_entry(entry);
	if (entry->port == MACH_PORT_NULL)
		*entry = (struct memory_entry){0};
}

static kern_return_t judge_map(const struct memory_entry *entry, unsigned first, unsigned pages,
			       vm_prot_t asked)
{
	if (!entry->snapshot && asked & ~entry->grants)
		return KERN_INVALID_RIGHT;
	return first + pages > entry->pages ? KERN_INVALID_ARGUMENT : KERN_SUCCESS;
}

void step_map_entry(void)
{
	const struct memory_entry *entry = &world.entry[random_below(WORLD_ENTRIES)];
	struct process *process = world_process();
	struct stretch stretch = whole_pages(2);
	unsigned first = random_below(2);
	vm_prot_t maximum = random_below(3) ? entry->grants : (vm_prot_t)random_below(8),
		  current = (vm_prot_t)random_below(8) & maximum;
	bool copy = random_below(2) != 0, overwrite = random_below(3) == 0, private;
	vm_inherit_t inherit = random_below(2) ? VM_INHERIT_SHARE : VM_INHERIT_NONE;
	mach_vm_address_t address = stretch.address;
	kern_return_t want;

	if (entry->port == MACH_PORT_NULL)
		return;
	private = copy || entry->snapshot;
	if (private)
		inherit = random_below(VM_INHERIT_LAST_VALID + 1);
	want = judge_map(entry, first, stretch.pages, maximum);
	if (want == KERN_SUCCESS)
		want = judge_place(process, &stretch, overwrite);
	step_note("vm_map of an entry of %u pages from %u on: process %d, pages %u + %u, copy %d, "
		  "protection %d of %d, inheritance %u%s",
		  entry->pages, first, (int)(process - world.process), stretch.page, stretch.pages,
		  copy, current, maximum, inherit, overwrite ? ", over" : "");
	if (!expect_answer(mach_vm_map(world_port(process), &address, stretch.size, 0,
				       place_flags(overwrite), entry->port, first * PAGE, copy,
				       current, maximum, inherit),
			   want))
		return;
	for (unsigned i = 0; i < stretch.pages; i++) {
		struct page *page = &process->page[stretch.page + i];
		struct cell *cell = entry->cell[first + i];

		/* Before the page that it may take the place of goes. */
		page_make(page, private ? cell_copy(cell) : cell_share(cell),
			  !private || inherit == VM_INHERIT_SHARE, current, maximum);
		page->inherit = (uint8_t)inherit;
		page->filed = private && inherit != VM_INHERIT_SHARE;
		if (!private && !(entry->grants & VM_PROT_WRITE))
			page->kernel_max &= ~VM_PROT_WRITE;
	}
}

/* ---- memory mapped again ---- */

struct remap {
	struct process *from, *to;
	struct stretch source, dest;
	bool copy, overwrite;
	vm_inherit_t inherit;
};

/* Sharing is left out where the answer depends on what objects there happen to be. */
static bool is_told(const struct remap *remap)
{
	if (remap->copy || remap->from == remap->to)
		return true;
	return remap->source.pages == 1 && remap->from->page[remap->source.page].max != 0 &&
	       (harness_is_root() || !pages_shared(remap->from, remap->source.page, 1));
}

static kern_return_t judge_remap(const struct remap *remap)
{
	if (!pages_there(remap->from, remap->source.page, remap->source.pages))
		return KERN_INVALID_ADDRESS;
	return judge_place(remap->to, &remap->dest, remap->overwrite);
}

/* Sharing moves the source. */
static void move_source(const struct remap *remap)
{
	for (unsigned i = 0; i < remap->source.pages; i++) {
		struct page *page = &remap->from->page[remap->source.page + i];

		if (page->shared)
			continue;
		page->shared = true;
		page->filed = false;
		if (page->inherit == VM_INHERIT_COPY)
			page->inherit = WORLD_UNKNOWN;
	}
}

static void apply_remap(const struct remap *remap, vm_prot_t current, vm_prot_t maximum)
{
	struct page old[WORLD_PAGES];
	vm_prot_t now = VM_PROT_ALL, most = VM_PROT_ALL;

	for (unsigned i = 0; i < remap->source.pages; i++) {
		old[i] = remap->from->page[remap->source.page + i];
		old[i].cell = remap->copy ? cell_copy(old[i].cell) : cell_share(old[i].cell);
		/* The kernel's maximum is that of an object, and a snapshot has one of its own. */
		if (remap->copy)
			old[i].max = old[i].set;
		now &= old[i].prot;
		most &= old[i].max;
	}
	expect_number(current, now);
	expect_number(maximum, most);
	for (unsigned i = 0; i < remap->source.pages; i++) {
		struct page *page = &remap->to->page[remap->dest.page + i];

		page_make(page, old[i].cell, !remap->copy || remap->inherit == VM_INHERIT_SHARE,
			  old[i].prot, old[i].max);
		page->inherit = (uint8_t)remap->inherit;
		if (!remap->copy)
			page->behavior = WORLD_UNKNOWN;
		if (!remap->copy && remap->from == remap->to)
			page->kernel_max = old[i].kernel_max;
		else if (!remap->copy && !(old[i].max & VM_PROT_WRITE))
			page->kernel_max &= ~VM_PROT_WRITE;
	}
}

void step_remap(void)
{
	struct remap remap = {.from = world_process(),
			      .to = world_process(),
			      .source = whole_pages(3),
			      .dest = whole_pages(3),
			      .copy = random_below(2) != 0,
			      .overwrite = random_below(3) == 0};
	mach_vm_address_t address;
	vm_prot_t current = 99, maximum = 99;
	kern_return_t want;

	if (remap.dest.pages < remap.source.pages)
		remap.source.pages = remap.dest.pages;
	remap.dest.pages = remap.source.pages;
	if (!is_told(&remap))
		return;
	remap.inherit = remap.copy        ? random_below(VM_INHERIT_LAST_VALID + 1)
			: random_below(2) ? VM_INHERIT_SHARE
					  : VM_INHERIT_NONE;
	address = world_address(remap.dest.page);
	want = judge_remap(&remap);
	step_note("vm_remap: process %d, pages %u + %u to process %d, page %u, copy %d, "
		  "inheritance %u%s",
		  (int)(remap.from - world.process), remap.source.page, remap.source.pages,
		  (int)(remap.to - world.process), remap.dest.page, remap.copy, remap.inherit,
		  remap.overwrite ? ", over" : "");
	expect_answer(mach_vm_remap(world_port(remap.to), &address, remap.source.pages * PAGE, 0,
				    place_flags(remap.overwrite), world_port(remap.from),
				    world_address(remap.source.page), remap.copy, &current,
				    &maximum, remap.inherit),
		      want);
	if (want != KERN_SUCCESS)
		return;
	if (!remap.copy)
		move_source(&remap);
	apply_remap(&remap, current, maximum);
}
