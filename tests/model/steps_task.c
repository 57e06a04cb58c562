/* SPDX-License-Identifier: MIT */
/* Steps that look, on ports, and what processes do themselves. */
#include "random.h"
#include "regions.h"
#include "travel.h"
#include "world.h"

#include <mach/vm_behavior.h>
#include <mach/vm_page_query.h>
#include <string.h>

static int number(const struct process *process)
{
	return (int)(process - world.process);
}

/* ---- looking ---- */

static void expect_page(const struct page *page, const struct region *region)
{
	bool live = (region->has & HAS_LIVE_RULES) != 0;

	if (!page->cell)
		fail_case("a region reaches over a hole");
	if (region->has & HAS_PROTECTION)
		expect_number(region->protection, page->prot);
	if (region->has & HAS_SHARED)
		expect_number(region->shared, page->shared);
	if (!(region->has & HAS_RULES))
		return;
	/* These tell what the kernel has, and the plain form by rule (doc/mach-differences.md). */
	expect_number(region->inheritance, live && page->inherit == VM_INHERIT_NONE
						   ? VM_INHERIT_NONE
					   : page->shared ? VM_INHERIT_SHARE
							  : VM_INHERIT_COPY);
	if (page->behavior != WORLD_UNKNOWN)
		expect_number(region->behavior, live && page->behavior != VM_BEHAVIOR_RSEQNTL
							? page->behavior
							: VM_BEHAVIOR_DEFAULT);
	expect_number(region->wired, 0);
}

void step_region(void)
{
	const struct region_call *call = &region_calls[random_below(region_call_count)];
	struct process *process = world_process();
	unsigned asked = random_below(WORLD_PAGES), first = asked;
	vm_prot_t most = VM_PROT_ALL; /* that all of the region permits */
	struct region region;

	step_note("%s: process %d, page %u", call->name, number(process), asked);
	expect_answer(region_ask(call, world_port(process),
				 world_address(asked) + random_below(PAGE), &region),
		      KERN_SUCCESS);
	while (first < WORLD_PAGES && !process->page[first].cell)
		first++;
	if (first == WORLD_PAGES) {
		if (region.address < world_end())
			fail_case("a region begins in a hole, at page %llu",
				  (unsigned long long)(region.address - world.base) / PAGE);
		return;
	}
	if (first > asked ? region.address != world_address(first)
			  : region.address > world_address(first) ||
				    region.address + region.size <= world_address(first))
		fail_case("the region is at page %lld",
			  (long long)(int64_t)(region.address - world.base) >> 12);
	if (region.address < world.base || region.address + region.size > world_end())
		fail_case("a region is larger than all that there is");
	for (uint64_t at = region.address; at < region.address + region.size; at += PAGE) {
		const struct page *page = &process->page[(at - world.base) / PAGE];

		expect_page(page, &region);
		most &= page->max;
	}
	if (region.has & HAS_RULES)
		expect_number(region.maximum, most);
}

struct walk {
	char seen[WORLD_PAGES + 1];
	uint64_t end;
};

static int take_region(const struct machvm_region *region, void *context)
{
	struct walk *walk = context;

	if (region->address < walk->end)
		fail_case("a walk goes back");
	walk->end = region->address + region->size;
	for (uint64_t at = region->address; at < walk->end; at += PAGE)
		if (at >= world.base && at < world_end())
			walk->seen[(at - world.base) / PAGE] =
				(char)((region->shared ? 'a' : '0') + region->protection);
	return 0;
}

void step_walk(void)
{
	struct process *process = world_process();
	struct walk walk = {.end = 0};

	memset(walk.seen, '.', WORLD_PAGES);
	step_note("machvm_region_walk: process %d", number(process));
	if (random_below(2))
		expect_answer(machvm_region_walk(world_port(process), world.base, world_end(),
						 take_region, &walk),
			      KERN_SUCCESS);
	else
		expect_answer(machvm_region_walk(world_port(process), 0, ~0ull, take_region, &walk),
			      KERN_SUCCESS);
	for (unsigned i = 0; i < WORLD_PAGES; i++) {
		const struct page *page = &process->page[i];

		expect_number(walk.seen[i],
			      !page->cell ? '.' : (page->shared ? 'a' : '0') + page->prot);
	}
}

void step_page(void)
{
	struct process *process = world_process();
	integer_t all[WORLD_PAGES], one = 77, references = 77;
	mach_vm_size_t count = WORLD_PAGES;
	unsigned chosen = random_below(WORLD_PAGES);

	step_note("page queries: process %d, page %u", number(process), chosen);
	expect_answer(mach_vm_page_range_query(world_port(process), world.base, WORLD_BYTES,
					       (mach_vm_address_t)(uintptr_t)all, &count),
		      KERN_SUCCESS);
	expect_number(count, WORLD_PAGES);
	expect_answer(
		mach_vm_page_query(world_port(process), world_address(chosen), &one, &references),
		KERN_SUCCESS);
	expect_number(one, all[chosen]);
	for (unsigned i = 0; i < WORLD_PAGES; i++)
		if (!process->page[i].cell)
			expect_number(all[i], 0);
	if (!process->page[chosen].cell)
		expect_number(references, 0);
}

/* ---- ports ---- */

static void expect_references(const struct process *process)
{
	mach_port_urefs_t refs = 77;

	if (!expect_answer(mach_port_get_refs(mach_task_self(), process->port, MACH_PORT_RIGHT_SEND,
					      &refs),
			   process->refs ? KERN_SUCCESS : KERN_INVALID_NAME))
		return;
	expect_number(refs, process->refs);
	expect_answer(
		mach_port_get_refs(mach_task_self(), process->port, MACH_PORT_RIGHT_RECEIVE, &refs),
		KERN_SUCCESS);
	expect_number(refs, 0);
}

/* The same name again, or after the last reference was given back another. */
static void open_again(struct process *process)
{
	mach_port_t port = MACH_PORT_NULL;

	expect_answer(task_for_pid(mach_task_self(), process->victim->pid, &port), KERN_SUCCESS);
	if (process->refs > 0)
		expect_number(port, process->port);
	else if (port == process->port)
		fail_case("a name came back at once");
	process->port = port;
	process->refs++;
}

static void change_references(struct process *process, int by)
{
	int left = (int)process->refs + by;

	if (expect_answer(
		    mach_port_mod_refs(mach_task_self(), process->port, MACH_PORT_RIGHT_SEND, by),
		    left < 0 ? KERN_INVALID_VALUE : KERN_SUCCESS))
		process->refs = (unsigned)left;
}

void step_port(void)
{
	struct process *process = world_process();
	unsigned what = random_below(4);
	int by = (int)random_below(9) - 4;
	char byte = 0;

	step_note("ports: process %d with %u references, %s %d", number(process), process->refs,
		  what == 0   ? "open"
		  : what == 1 ? "give back"
			      : "change by",
		  by);
	if (what == 0)
		open_again(process);
	else if (what == 1 &&
		 expect_answer(mach_port_deallocate(mach_task_self(), process->port), KERN_SUCCESS))
		process->refs--;
	else if (what > 1)
		change_references(process, by);
	expect_references(process);
	if (process->refs > 0)
		return;
	expect_answer(machvm_write(process->port, world.base, &byte, 1, 0), MACH_SEND_INVALID_DEST);
	expect_answer(task_resume(process->port), MACH_SEND_INVALID_DEST);
	open_again(process);
}

void step_travel(void)
{
	struct process *process = world_process();

	if (!travel_possible())
		return;
	step_note("the right to process %d travels", number(process));
	if (process->received != MACH_PORT_NULL) {
		expect_answer(mach_port_deallocate(mach_task_self(), process->received),
			      KERN_SUCCESS);
		process->received = MACH_PORT_NULL;
	} else {
		process->received = travel_received(process->port, MACHVM_RIGHT_CONTROL);
	}
}

/* Who may read may not change anything. */
void step_weak(void)
{
	struct process *process = world_process();
	mach_port_t weak = process->weak;
	mach_vm_address_t address = world.base;
	uint8_t byte = 0x99;

	if (weak == MACH_PORT_NULL)
		expect_answer(task_read_for_pid(mach_task_self(), process->victim->pid, &weak),
			      KERN_SUCCESS);
	process->weak = weak;
	step_note("a read right to process %d", number(process));
	expect_answer(machvm_write(weak, address, &byte, 1, 0), KERN_INVALID_ARGUMENT);
	expect_answer(mach_vm_copy(weak, address, 1, address), KERN_INVALID_ARGUMENT);
	expect_answer(mach_vm_protect(weak, address, PAGE, 0, 7), KERN_INVALID_ARGUMENT);
	expect_answer(mach_vm_allocate(weak, &address, PAGE, VM_FLAGS_OVERWRITE),
		      KERN_INVALID_ARGUMENT);
	expect_answer(mach_vm_deallocate(weak, address, PAGE), KERN_INVALID_ARGUMENT);
	expect_answer(mach_vm_inherit(weak, address, PAGE, VM_INHERIT_SHARE),
		      KERN_INVALID_ARGUMENT);
	expect_answer(mach_vm_wire(mach_host_self(), weak, address, PAGE, 1), KERN_INVALID_TASK);
}

/* ---- what processes do ---- */

void step_process(void)
{
	struct process *process = world_process();
	unsigned what = random_below(8);

	if (what == 0 && !world_stands(process) && process == &world.process[1]) {
		step_note("the child ends");
		world_end_child();
	} else if (what == 1) {
		step_note("the victim ends%s", world_stands(&world.process[0]) ? ", suspended" : "");
		world_begin_again();
	} else if (what < 4 && !world_stands(process)) {
		step_note("process %d executes", number(process));
		world_exec(process);
	} else if (!world.has_forked && !world_stands(&world.process[0])) {
		step_note("the victim forks");
		world_fork();
	}
}
