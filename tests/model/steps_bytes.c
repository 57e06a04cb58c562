/* SPDX-License-Identifier: MIT */
/* Steps that move bytes, and the search. */
#include "calls.h"
#include "pattern.h"
#include "random.h"
#include "world.h"

#include <string.h>
#include <sys/mman.h>

/* The caller's buffer ends where nothing can be touched. */
static uint8_t *buffer_end(void)
{
	static uint8_t *end;

	if (!end) {
		uint8_t *map = mmap(NULL, WORLD_BYTES + PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (map == MAP_FAILED || mprotect(map + WORLD_BYTES, PAGE, PROT_NONE) != 0)
			fail_case("no buffer");
		end = map + WORLD_BYTES;
	}
	return end;
}

struct range {
	uint64_t address, size;
};

static struct range random_range(unsigned most_pages)
{
	struct range range;

	range.size = random_below(3) ? 1 + random_below(64)
				     : random_below(most_pages * (unsigned)PAGE);
	if (random_below(24) == 0) { /* beyond one end */
		range.address = world.base - 16 + random_below(2) * (WORLD_BYTES + 16);
		return range;
	}
	if (random_below(3) == 0)
		range.address = world_address(1 + random_below(WORLD_PAGES - 1)) - 4;
	else
		range.address = world.base + random_below((unsigned)WORLD_BYTES);
	if (range.size > world_end() - range.address)
		range.size = world_end() - range.address;
	return range;
}

static struct page *page_at(struct process *process, uint64_t address)
{
	if (address < world.base || address >= world_end())
		return NULL;
	return &process->page[(address - world.base) / PAGE];
}

enum access { TO_READ, TO_WRITE };

static kern_return_t judge_page(const struct page *page, enum access access, bool force)
{
	if (!page || !page->cell)
		return KERN_INVALID_ADDRESS;
	if (page->prot & (access == TO_READ ? VM_PROT_READ : VM_PROT_WRITE) ||
	    (force && !page->shared))
		return KERN_SUCCESS;
	return KERN_PROTECTION_FAILURE;
}

static kern_return_t judge(struct process *process, struct range range, enum access access,
			   bool force, uint64_t *bad)
{
	uint64_t end = range.address + range.size;

	for (uint64_t at = range.address; at < end; at = (at | (PAGE - 1)) + 1) {
		kern_return_t kr = judge_page(page_at(process, at), access, force);

		if (kr != KERN_SUCCESS) {
			*bad = at;
			return kr;
		}
	}
	return KERN_SUCCESS;
}

/* Between the model's pages and a buffer, in ascending order. */
static void move(struct process *process, struct range range, uint8_t *buffer, enum access access)
{
	for (uint64_t done = 0, part; done < range.size; done += part) {
		uint64_t at = range.address + done, offset = at % PAGE;
		uint8_t *there = page_at(process, at)->cell->bytes + offset;

		part = PAGE - offset < range.size - done ? PAGE - offset : range.size - done;
		if (access == TO_READ)
			memcpy(buffer + done, there, part);
		else
			memcpy(there, buffer + done, part);
	}
}

static void expect_outcome(kern_return_t got, kern_return_t want, uint64_t bad)
{
	if (!expect_answer(got, want))
		expect_detail(want, want == MACH_SEND_INVALID_MEMORY ? 0 : bad);
}

/* Sometimes a buffer that lacks its last byte, which is found first. */
static uint8_t *random_buffer(uint64_t size, kern_return_t *want)
{
	uint8_t *buffer = buffer_end() - size;

	if (size == 0 || random_below(24) != 0)
		return buffer;
	*want = MACH_SEND_INVALID_MEMORY;
	return buffer + 1;
}

void step_write(void)
{
	static const unsigned flags[] = {MACHVM_FORCE, MACHVM_STOP,
					 MACHVM_FORCE | MACHVM_TRANSACTION,
					 MACHVM_STOP | MACHVM_TRANSACTION};
	const struct call *call = &write_calls[random_below(write_call_count)];
	struct process *process = world_process();
	struct range range = random_range(8);
	bool flagged = random_below(5) == 0;
	unsigned flag = flagged ? flags[random_below(ARRAY_SIZE(flags))] : 0;
	uint64_t bad = 0;
	kern_return_t want = judge(process, range, TO_WRITE, (flag & MACHVM_FORCE) != 0, &bad), got;
	uint8_t *buffer = random_buffer(range.size, &want);

	pattern_fill(buffer_end() - range.size, range.address, range.size, random_word());
	step_note("%s flags %#x: process %d, page %lld + %llu, %llu bytes",
		  flagged ? "machvm_write" : call->name, flag, (int)(process - world.process),
		  (long long)(int64_t)(range.address - world.base) >> 12,
		  (unsigned long long)(range.address % PAGE), (unsigned long long)range.size);
	got = flagged ? machvm_write(world_port(process), range.address, buffer, range.size, flag)
		      : call->run(world_port(process), range.address, buffer, range.size);
	expect_outcome(got, want, bad);
	if (want == KERN_SUCCESS)
		move(process, range, buffer, TO_WRITE);
}

void step_read(void)
{
	static uint8_t copy[WORLD_BYTES];
	const struct call *call = &read_calls[random_below(read_call_count)];
	struct process *process = world_process();
	struct range range = random_range(8);
	bool flagged = random_below(5) == 0;
	unsigned flag = flagged ? random_below(2) ? MACHVM_FORCE : MACHVM_STOP : 0;
	uint64_t bad = 0;
	kern_return_t want = judge(process, range, TO_READ, (flag & MACHVM_FORCE) != 0, &bad), got;
	uint8_t *buffer = call->fresh_memory && !flagged ? buffer_end() - range.size
							 : random_buffer(range.size, &want);

	step_note("%s flags %#x: process %d, page %lld + %llu, %llu bytes",
		  flagged ? "machvm_read" : call->name, flag, (int)(process - world.process),
		  (long long)(int64_t)(range.address - world.base) >> 12,
		  (unsigned long long)(range.address % PAGE), (unsigned long long)range.size);
	memset(buffer_end() - range.size, 0x3c, range.size);
	got = flagged ? machvm_read(world_port(process), range.address, buffer, range.size, flag)
		      : call->run(world_port(process), range.address, buffer, range.size);
	expect_outcome(got, want, bad);
	memset(copy, 0x3c, range.size);
	if (want == KERN_SUCCESS)
		move(process, range, copy, TO_READ);
	expect_bytes(buffer_end() - range.size, copy, range.size);
}

void step_copy(void)
{
	static uint8_t bytes[WORLD_BYTES];
	const struct copy_call *call = &copy_calls[random_below(copy_call_count)];
	struct process *process = world_process();
	struct range from = random_range(8), to = random_range(8);
	uint64_t bad = 0;
	kern_return_t want;

	to.size = from.size;
	if (to.address >= world.base && to.address + to.size > world_end())
		to.address = world_end() - to.size;
	want = judge(process, from, TO_READ, false, &bad);
	if (want == KERN_SUCCESS)
		want = judge(process, to, TO_WRITE, false, &bad);
	step_note("%s: process %d, %#llx to %#llx, %llu bytes", call->name,
		  (int)(process - world.process), (unsigned long long)(from.address - world.base),
		  (unsigned long long)(to.address - world.base), (unsigned long long)from.size);
	expect_outcome(call->run(world_port(process), from.address, from.size, to.address), want,
		       bad);
	if (want != KERN_SUCCESS)
		return;
	move(process, from, bytes, TO_READ);
	move(process, to, bytes, TO_WRITE);
}

#define LIST_MOST 12u

struct list {
	struct process *process;
	struct machvm_range entry[LIST_MOST];
	struct range range[LIST_MOST];
	kern_return_t want[LIST_MOST];
	uint8_t bytes[LIST_MOST][2 * 4096], expect[LIST_MOST][2 * 4096];
	unsigned count, flags;
	enum access access;
	kern_return_t answer; /* of the whole call */
};

/*
 * One memory at two addresses: which entry comes last there is not promised, for
 * entries whose addresses do not overlap go in any order.
 */
static bool has_aliases(const struct process *process)
{
	for (unsigned i = 0; i < WORLD_PAGES; i++)
		for (unsigned j = 0; j < i; j++)
			if (process->page[i].cell && process->page[i].cell == process->page[j].cell)
				return true;
	return false;
}

static void fill_list(struct list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		list->range[i] = random_range(2);
		pattern_fill(list->bytes[i], list->range[i].address, list->range[i].size,
			     random_word());
		memcpy(list->expect[i], list->bytes[i], sizeof(list->bytes[i]));
		list->entry[i] = (struct machvm_range){list->range[i].address, list->bytes[i],
						       list->range[i].size, 0x1234};
	}
}

/* The lowest bad address decides for all; each by itself, and the first answers. */
static void judge_list(struct list *list)
{
	uint64_t lowest = UINT64_MAX, bad = 0;

	list->answer = KERN_SUCCESS;
	for (unsigned i = 0; i < list->count; i++) {
		kern_return_t kr = judge(list->process, list->range[i], list->access,
					 (list->flags & MACHVM_FORCE) != 0, &bad);

		list->want[i] = kr;
		if (kr == KERN_SUCCESS)
			continue;
		if (list->flags & MACHVM_EACH ? list->answer == KERN_SUCCESS : bad < lowest)
			list->answer = kr;
		lowest = bad < lowest ? bad : lowest;
	}
}

static void apply_list(struct list *list)
{
	bool each = (list->flags & MACHVM_EACH) != 0;

	for (unsigned i = 0; i < list->count; i++) {
		expect_number(list->entry[i].result, each ? list->want[i] : 0x1234);
		if (each ? list->want[i] != KERN_SUCCESS : list->answer != KERN_SUCCESS)
			continue;
		move(list->process, list->range[i],
		     list->access == TO_READ ? list->expect[i] : list->bytes[i], list->access);
	}
	for (unsigned i = 0; i < list->count; i++)
		expect_bytes(list->bytes[i], list->expect[i], sizeof(list->bytes[i]));
}

void step_list(void)
{
	static const unsigned flags[] = {0,
					 MACHVM_EACH,
					 MACHVM_TRANSACTION,
					 MACHVM_FORCE,
					 MACHVM_EACH | MACHVM_NOWAIT,
					 MACHVM_EACH | MACHVM_FORCE};
	static struct list list;
	kern_return_t got;

	list.process = world_process();
	list.access = random_below(2) ? TO_READ : TO_WRITE;
	list.flags = flags[random_below(ARRAY_SIZE(flags))];
	list.count = random_below(LIST_MOST + 1);
	if (list.access == TO_WRITE && has_aliases(list.process))
		return;
	fill_list(&list);
	judge_list(&list);
	step_note("machvm_%s_list flags %#x: process %d, %u entries",
		  list.access == TO_READ ? "read" : "write", list.flags,
		  (int)(list.process - world.process), list.count);
	got = list.access == TO_READ ? machvm_read_list(world_port(list.process), list.entry,
							list.count, list.flags)
				     : machvm_write_list(world_port(list.process), list.entry,
							 list.count, list.flags);
	expect_answer(got, list.answer);
	apply_list(&list);
}

struct found {
	struct process *process;
	uint8_t needle[8];
	uint64_t next; /* where the model goes on */
	unsigned alignment, count;
	bool force;
};

static bool matches_at(struct found *found, uint64_t at)
{
	struct range range = {at, sizeof(found->needle)};
	uint8_t bytes[sizeof(found->needle)];
	uint64_t bad;

	if (judge(found->process, range, TO_READ, found->force, &bad) != KERN_SUCCESS)
		return false;
	move(found->process, range, bytes, TO_READ);
	return memcmp(bytes, found->needle, sizeof(bytes)) == 0;
}

static uint64_t next_match(struct found *found, uint64_t at)
{
	while (at + sizeof(found->needle) <= world_end() && !matches_at(found, at))
		at += found->alignment;
	return at + sizeof(found->needle) <= world_end() ? at : 0;
}

static int take_match(void *context, mach_vm_address_t address)
{
	struct found *found = context;

	expect_number(address, found->next);
	found->next = next_match(found, address + found->alignment);
	found->count++;
	return 0;
}

void step_find(void)
{
	struct found found = {.process = world_process(),
			      .alignment = random_below(2) ? 1 : 8,
			      .force = random_below(2) != 0};
	const struct page *page = &found.process->page[random_below(WORLD_PAGES)];
	struct machvm_range whole = {.address = world.base, .size = WORLD_BYTES};
	struct machvm_find find = {.bytes = found.needle,
				   .size = sizeof(found.needle),
				   .alignment = found.alignment,
				   .ranges = &whole,
				   .range_count = 1,
				   .flags = found.force ? MACHVM_FORCE : 0,
				   .match = take_match,
				   .context = &found};

	if (!page->cell)
		return;
	memcpy(found.needle, page->cell->bytes + random_below(PAGE - 8), 8);
	/* Zeros would be found a hundred thousand times. */
	if (found.needle[0] == 0)
		return;
	step_note("machvm_find flags %#x in process %d", find.flags,
		  (int)(found.process - world.process));
	found.next = next_match(&found, world.base);
	expect_answer(machvm_find(world_port(found.process), &find), KERN_SUCCESS);
	expect_number(found.next, 0);
}
