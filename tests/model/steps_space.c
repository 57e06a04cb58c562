/* SPDX-License-Identifier: MIT */
/* Steps that change what a process has mapped, and how. */
#include "pattern.h"
#include "random.h"
#include "world.h"

#include <mach/host_priv.h>
#include <mach/vm_attributes.h>
#include <mach/vm_behavior.h>
#include <mach/vm_purgable.h>
#include <mach/vm_sync.h>
#include <string.h>

static void note(const char *call, const struct process *process, const struct stretch *stretch,
		 int what)
{
	step_note("%s %#x: process %d, pages %u to %u", call, what, (int)(process - world.process),
		  stretch->page, stretch->page + stretch->pages - 1);
}

/* ---- protection ---- */

static kern_return_t judge_protect(const struct process *process, const struct stretch *stretch,
				   vm_prot_t prot)
{
	for (unsigned i = stretch->page; i < stretch->page + stretch->pages; i++) {
		const struct page *page = &process->page[i];
		vm_prot_t most = page->max | (prot & VM_PROT_COPY ? VM_PROT_WRITE : 0);

		if (!page->cell)
			return KERN_INVALID_ADDRESS;
		if (prot & VM_PROT_ALL & ~most)
			return KERN_PROTECTION_FAILURE;
	}
	return KERN_SUCCESS;
}

static void make_private(struct page *page)
{
	struct cell *copy;

	page->max |= VM_PROT_WRITE;
	page->set |= VM_PROT_WRITE;
	page->inherit = VM_INHERIT_COPY;
	if (!page->shared)
		return;
	copy = cell_copy(page->cell);
	cell_drop(page->cell);
	page->cell = copy;
	page->shared = false;
	page->behavior = WORLD_UNKNOWN;
	page->filed = false;
	page->kernel_max = VM_PROT_ALL;
	page->max = page->set;
}

void step_protect(void)
{
	struct process *process = world_process();
	struct stretch stretch = world_stretch(5);
	bool set_maximum = random_below(8) == 0;
	vm_prot_t prot = (vm_prot_t)random_below(8);
	kern_return_t want;

	/* Or all would soon be closed for good. */
	if (random_below(2))
		prot |= VM_PROT_READ | VM_PROT_WRITE;
	if (random_below(4) == 0)
		prot |= VM_PROT_COPY;
	want = judge_protect(process, &stretch, prot);
	note(set_maximum ? "vm_protect maximum" : "vm_protect", process, &stretch, prot);
	if (!expect_answer(mach_vm_protect(world_port(process), stretch.address, stretch.size,
					   set_maximum, prot),
			   want))
		return;
	for (unsigned i = stretch.page; i < stretch.page + stretch.pages; i++) {
		struct page *page = &process->page[i];

		if (prot & VM_PROT_COPY)
			make_private(page);
		if (set_maximum)
			page->max = page->set = prot & VM_PROT_ALL;
		page->prot = set_maximum ? page->prot & page->max : prot & VM_PROT_ALL;
	}
}

/* ---- allocation ---- */

/* The system chooses: what comes is zeros, can be used, and goes. */
static void allocate_anywhere(struct process *process)
{
	mach_vm_size_t size = (1 + random_below(3)) * PAGE;
	mach_vm_address_t address = 0x123;
	uint64_t zeros, sum;
	uint8_t bytes[3 * 4096] = {0};

	step_note("vm_allocate anywhere: process %d", (int)(process - world.process));
	expect_answer(mach_vm_allocate(world_port(process), &address, size, VM_FLAGS_ANYWHERE),
		      KERN_SUCCESS);
	if (address % PAGE != 0 || (address < world_end() && address + size > world.base))
		fail_case("memory was allocated at 0x%llx", (unsigned long long)address);
	if (!world_stands(process)) {
		zeros = pattern_sum(bytes, size, 0);
		expect_number(victim_ask(process->victim, "sum %llx %llx",
					 (unsigned long long)address, (unsigned long long)size),
			      zeros);
		pattern_fill(bytes, address, size, world.step);
		sum = pattern_sum(bytes, size, 0);
		expect_answer(machvm_write(world_port(process), address, bytes, size, 0),
			      KERN_SUCCESS);
		expect_number(victim_ask(process->victim, "sum %llx %llx",
					 (unsigned long long)address, (unsigned long long)size),
			      sum);
	}
	expect_answer(mach_vm_deallocate(world_port(process), address, size), KERN_SUCCESS);
	expect_answer(machvm_read(world_port(process), address, bytes, 1, 0), KERN_INVALID_ADDRESS);
}

void step_allocate(void)
{
	struct process *process = world_process();
	struct stretch stretch = world_stretch(4);
	bool overwrite = random_below(3) == 0;
	mach_vm_address_t address = stretch.address;
	kern_return_t want = overwrite || pages_free(process, stretch.page, stretch.pages)
				     ? KERN_SUCCESS
				     : KERN_NO_SPACE;

	if (random_below(10) == 0) {
		allocate_anywhere(process);
		return;
	}
	/* Unlike others, this one rounds the size by itself. */
	address = world_address(stretch.page) + random_below(PAGE);
	note("vm_allocate", process, &stretch, overwrite);
	if (!expect_answer(mach_vm_allocate(world_port(process), &address,
					    stretch.pages * PAGE - random_below(PAGE),
					    VM_FLAGS_FIXED | (overwrite ? VM_FLAGS_OVERWRITE : 0)),
			   want))
		return;
	expect_number(address, world_address(stretch.page));
	for (unsigned i = stretch.page; i < stretch.page + stretch.pages; i++)
		page_make(&process->page[i], cell_new(), false, VM_PROT_DEFAULT, VM_PROT_ALL);
}

void step_deallocate(void)
{
	struct process *process = world_process();
	struct stretch stretch = world_stretch(3);

	note("vm_deallocate", process, &stretch, 0);
	expect_answer(mach_vm_deallocate(world_port(process), stretch.address, stretch.size),
		      KERN_SUCCESS);
	for (unsigned i = stretch.page; i < stretch.page + stretch.pages; i++)
		page_clear(&process->page[i]);
}

/* ---- what a child gets ---- */

void step_inherit(void)
{
	struct process *process = world_process();
	struct stretch stretch = world_stretch(4);
	vm_inherit_t inherit = random_below(VM_INHERIT_LAST_VALID + 2);
	kern_return_t want = KERN_SUCCESS;

	if (inherit > VM_INHERIT_LAST_VALID ||
	    (inherit == VM_INHERIT_COPY && pages_shared(process, stretch.page, stretch.pages)))
		want = KERN_INVALID_ARGUMENT;
	note("vm_inherit", process, &stretch, (int)inherit);
	if (!expect_answer(
		    mach_vm_inherit(world_port(process), stretch.address, stretch.size, inherit),
		    want))
		return;
	for (unsigned i = stretch.page; i < stretch.page + stretch.pages; i++) {
		struct page *page = &process->page[i];

		if (!page->cell)
			continue;
		page->inherit = (uint8_t)inherit;
		if (inherit == VM_INHERIT_SHARE && !page->shared) {
			page->shared = true;
			page->filed = false;
		}
	}
}

/* ---- advice ---- */

static kern_return_t judge_behavior(const struct page *page, vm_behavior_t behavior)
{
	if (!page->cell)
		return KERN_INVALID_ADDRESS;
	switch (behavior) {
	case VM_BEHAVIOR_ZERO:
		if (!(page->prot & VM_PROT_WRITE) || page->prot & VM_PROT_EXECUTE)
			return KERN_PROTECTION_FAILURE;
		return page->filed ? KERN_NO_ACCESS : KERN_SUCCESS;
	case VM_BEHAVIOR_REUSE:
	case VM_BEHAVIOR_CAN_REUSE:
		return page->shared || page->filed ? KERN_INVALID_ADDRESS : KERN_SUCCESS;
	default:
		return KERN_SUCCESS;
	}
}

void step_behavior(void)
{
	static const vm_behavior_t behaviors[] = {
		VM_BEHAVIOR_DEFAULT, VM_BEHAVIOR_RANDOM,   VM_BEHAVIOR_SEQUENTIAL,
		VM_BEHAVIOR_RSEQNTL, VM_BEHAVIOR_WILLNEED, VM_BEHAVIOR_DONTNEED,
		VM_BEHAVIOR_PAGEOUT, VM_BEHAVIOR_ZERO,     VM_BEHAVIOR_ZERO,
		VM_BEHAVIOR_REUSE,   VM_BEHAVIOR_CAN_REUSE};
	struct process *process = world_process();
	struct stretch stretch = world_stretch(3);
	vm_behavior_t behavior = behaviors[random_below(ARRAY_SIZE(behaviors))];
	kern_return_t want = KERN_SUCCESS;

	for (unsigned i = stretch.page; want == KERN_SUCCESS && i < stretch.page + stretch.pages;
	     i++)
		want = judge_behavior(&process->page[i], behavior);
	note("vm_behavior_set", process, &stretch, behavior);
	if (!expect_answer(mach_vm_behavior_set(world_port(process), stretch.address, stretch.size,
						behavior),
			   want))
		return;
	for (unsigned i = stretch.page; i < stretch.page + stretch.pages; i++) {
		struct page *page = &process->page[i];

		if (behavior <= VM_BEHAVIOR_RSEQNTL)
			page->behavior = (uint8_t)behavior;
		else if (behavior == VM_BEHAVIOR_ZERO)
			memset(page->cell->bytes, 0, PAGE);
	}
}

/* Holds pages and lets them go again: the model has no limit on locked memory. */
void step_wire(void)
{
	struct process *process = world_process();
	struct stretch stretch = world_stretch(3);
	vm_prot_t access = (vm_prot_t)(1 + random_below(3));
	kern_return_t want = KERN_SUCCESS;

	for (unsigned i = stretch.page; want == KERN_SUCCESS && i < stretch.page + stretch.pages;
	     i++)
		if (!process->page[i].cell)
			want = KERN_INVALID_ADDRESS;
		else if (access & ~process->page[i].prot)
			want = KERN_PROTECTION_FAILURE;
	note("vm_wire", process, &stretch, access);
	if (expect_answer(mach_vm_wire(mach_host_self(), world_port(process), stretch.address,
				       stretch.size, access),
			  want))
		expect_answer(mach_vm_wire(mach_host_self(), world_port(process), stretch.address,
					   stretch.size, VM_PROT_NONE),
			      KERN_SUCCESS);
}

void step_advice(void)
{
	struct process *process = world_process();
	struct stretch stretch = world_stretch(5);
	bool whole = pages_there(process, stretch.page, stretch.pages);
	vm_machine_attribute_val_t value = MATTR_VAL_CACHE_FLUSH;

	note("vm_msync and vm_machine_attribute", process, &stretch, 0);
	expect_answer(mach_vm_msync(world_port(process), stretch.address, stretch.size,
				    VM_SYNC_SYNCHRONOUS | VM_SYNC_CONTIGUOUS),
		      whole ? KERN_SUCCESS : KERN_INVALID_ADDRESS);
	expect_answer(mach_vm_msync(world_port(process), stretch.address, stretch.size,
				    VM_SYNC_ASYNCHRONOUS),
		      KERN_SUCCESS);
	expect_answer(mach_vm_machine_attribute(world_port(process), stretch.address, stretch.size,
						MATTR_CACHE, &value),
		      whole ? KERN_SUCCESS : KERN_FAILURE);
}

/* ---- purgeable memory ---- */

static int control(struct process *process, unsigned page, vm_purgable_t what, int state)
{
	expect_answer(
		mach_vm_purgable_control(world_port(process), world_address(page), what, &state),
		KERN_SUCCESS);
	return state;
}

static void fill_purgable(struct process *process, unsigned page, unsigned pages)
{
	for (unsigned i = page; i < page + pages; i++) {
		pattern_fill(process->page[i].cell->bytes, world_address(i), PAGE, world.step);
		expect_answer(machvm_write(world_port(process), world_address(i),
					   process->page[i].cell->bytes, PAGE, 0),
			      KERN_SUCCESS);
	}
}

/* New purgeable memory goes through its states. */
static void live_through(struct process *process, unsigned page, unsigned pages)
{
	mach_vm_address_t address = world_address(page);

	expect_answer(mach_vm_allocate(world_port(process), &address, pages * PAGE,
				       VM_FLAGS_FIXED | VM_FLAGS_PURGABLE),
		      KERN_SUCCESS);
	for (unsigned i = page; i < page + pages; i++) {
		page_make(&process->page[i], cell_new(), false, VM_PROT_DEFAULT, VM_PROT_ALL);
		process->page[i].purgable = true;
	}
	fill_purgable(process, page, pages);
	expect_number(control(process, page, VM_PURGABLE_GET_STATE, 0), VM_PURGABLE_NONVOLATILE);
	expect_number(control(process, page, VM_PURGABLE_SET_STATE, VM_PURGABLE_VOLATILE),
		      VM_PURGABLE_NONVOLATILE);
	world_check();
	if (random_below(2))
		control(process, page, VM_PURGABLE_PURGE_ALL, 0);
	else
		control(process, page, VM_PURGABLE_SET_STATE, VM_PURGABLE_EMPTY);
	for (unsigned i = page; i < page + pages; i++)
		memset(process->page[i].cell->bytes, 0, PAGE);
	world_check();
	expect_number(control(process, page, VM_PURGABLE_SET_STATE, VM_PURGABLE_NONVOLATILE),
		      VM_PURGABLE_EMPTY);
	fill_purgable(process, page, pages);
}

void step_purgable(void)
{
	struct process *process = world_process();
	struct stretch stretch = world_stretch(3);
	const struct page *page = &process->page[stretch.page];
	int state = 0;

	note("vm_purgable_control", process, &stretch, 0);
	if (pages_free(process, stretch.page, stretch.pages))
		live_through(process, stretch.page, stretch.pages);
	else if (!page->purgable)
		expect_answer(mach_vm_purgable_control(world_port(process),
						       world_address(stretch.page),
						       VM_PURGABLE_GET_STATE, &state),
			      page->cell ? KERN_INVALID_ARGUMENT : KERN_INVALID_ADDRESS);
}
