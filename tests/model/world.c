/* SPDX-License-Identifier: MIT */
/* Cells, pages and processes of the model, and the comparison with what the processes find. */
#include "layout.h"
#include "random.h"
#include "report.h"
#include "world.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>

struct world world;

struct cell *cell_new(void)
{
	struct cell *cell = calloc(1, sizeof(*cell));

	if (!cell)
		fail_case("no memory for the model");
	cell->users = 1;
	return cell;
}

struct cell *cell_copy(const struct cell *cell)
{
	struct cell *copy = cell_new();

	memcpy(copy->bytes, cell->bytes, PAGE);
	return copy;
}

struct cell *cell_share(struct cell *cell)
{
	cell->users++;
	return cell;
}

void cell_drop(struct cell *cell)
{
	if (cell && --cell->users == 0)
		free(cell);
}

void page_clear(struct page *page)
{
	cell_drop(page->cell);
	*page = (struct page){0};
}

void page_make(struct page *page, struct cell *cell, bool shared, vm_prot_t prot, vm_prot_t max)
{
	cell_drop(page->cell);
	*page = (struct page){
		.cell = cell,
		.prot = (uint8_t)prot,
		.max = (uint8_t)max,
		.set = (uint8_t)max,
		.kernel_max = VM_PROT_ALL,
		.inherit = shared ? VM_INHERIT_SHARE : VM_INHERIT_COPY,
		.shared = shared,
	};
}

bool pages_free(const struct process *process, unsigned page, unsigned pages)
{
	for (unsigned i = page; i < page + pages; i++)
		if (process->page[i].cell)
			return false;
	return true;
}

bool pages_there(const struct process *process, unsigned page, unsigned pages)
{
	for (unsigned i = page; i < page + pages; i++)
		if (!process->page[i].cell)
			return false;
	return true;
}

bool pages_shared(const struct process *process, unsigned page, unsigned pages)
{
	for (unsigned i = page; i < page + pages; i++)
		if (process->page[i].shared)
			return true;
	return false;
}

uint64_t world_address(unsigned page)
{
	return world.base + page * PAGE;
}

uint64_t world_end(void)
{
	return world_address(WORLD_PAGES);
}

struct process *world_process(void)
{
	if (world.process[1].victim && random_below(3) == 0)
		return &world.process[1];
	return &world.process[0];
}

mach_port_t world_port(const struct process *process)
{
	if (process->received == MACH_PORT_NULL || random_below(3) != 0)
		return process->port;
	step_add(", by the received name");
	return process->received;
}

struct stretch world_stretch(unsigned most)
{
	unsigned pages = 1 + random_below(most), page = random_below(WORLD_PAGES - pages + 1);
	struct stretch stretch = {page, pages, world_address(page), pages * PAGE};

	/* Any part of the first page and of the last names all of it. */
	if (random_below(3) == 0) {
		unsigned before = random_below(PAGE / 2), behind = random_below(PAGE / 2);

		stretch.address += before;
		stretch.size -= before + behind;
	}
	return stretch;
}

static void forget_pages(struct process *process)
{
	for (unsigned i = 0; i < WORLD_PAGES; i++)
		page_clear(&process->page[i]);
}

static void adopt(struct process *process, struct victim *victim)
{
	*process = (struct process){.victim = victim, .port = victim_task(victim), .refs = 1};
}

/* What stood has nothing to be taken back any more. */
static void drop_suspensions(struct process *process)
{
	for (unsigned i = 0; i < process->tokens; i++)
		expect_answer(task_resume2(process->token[i]), MACH_SEND_INVALID_DEST);
	if (process->thread == MACH_PORT_NULL)
		return;
	expect_answer(thread_suspend(process->thread), KERN_TERMINATED);
	expect_answer(thread_resume(process->thread), KERN_TERMINATED);
	task_drop(process->thread);
}

static void drop_ports(struct process *process)
{
	drop_suspensions(process);
	if (process->refs > 0)
		expect_code(mach_port_mod_refs(mach_task_self(), process->port,
					       MACH_PORT_RIGHT_SEND, -(int)process->refs),
			    KERN_SUCCESS);
	if (process->received != MACH_PORT_NULL)
		task_drop(process->received);
	if (process->weak != MACH_PORT_NULL)
		task_drop(process->weak);
}

/* Every routine says that it is gone. */
static void expect_gone(const struct process *process)
{
	mach_vm_address_t address = world.base;
	task_suspension_token_t token;
	mach_port_type_t type = 0;
	char byte = 0;
	int state = 0;

	expect_answer(machvm_write(process->port, world.base, &byte, 1, 0), MACH_SEND_INVALID_DEST);
	expect_answer(machvm_read(process->port, world.base, &byte, 1, 0), MACH_SEND_INVALID_DEST);
	expect_answer(mach_vm_copy(process->port, world.base, 1, world.base),
		      MACH_SEND_INVALID_DEST);
	expect_answer(mach_vm_protect(process->port, world.base, PAGE, 0, 3),
		      MACH_SEND_INVALID_DEST);
	expect_answer(mach_vm_allocate(process->port, &address, PAGE, VM_FLAGS_ANYWHERE),
		      MACH_SEND_INVALID_DEST);
	expect_answer(mach_vm_deallocate(process->port, world.base, PAGE), MACH_SEND_INVALID_DEST);
	expect_answer(
		mach_vm_purgable_control(process->port, world.base, VM_PURGABLE_GET_STATE, &state),
		MACH_SEND_INVALID_DEST);
	expect_answer(task_suspend(process->port), MACH_SEND_INVALID_DEST);
	expect_answer(task_suspend2(process->port, &token), MACH_SEND_INVALID_DEST);
	expect_answer(task_resume(process->port), MACH_SEND_INVALID_DEST);
	expect_code(mach_port_type(mach_task_self(), process->port, &type), KERN_SUCCESS);
	expect_number(type, MACH_PORT_TYPE_DEAD_NAME);
}

/* Not ours to wait for: its descriptor tells. */
static void wait_for_end(pid_t pid)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	if (end.fd < 0 && errno == ESRCH)
		return;
	while (poll(&end, 1, -1) != 1)
		if (errno != EINTR)
			fail_case("poll: %s", strerror(errno));
	close(end.fd);
}

static void end(struct process *process)
{
	pid_t pid = process->victim->pid;
	bool child = process->victim->child;

	victim_kill(process->victim);
	if (!child)
		wait_for_end(pid);
	if (process->refs > 0)
		expect_gone(process);
	drop_ports(process);
	forget_pages(process);
	*process = (struct process){0};
}

void world_end_child(void)
{
	if (world.process[1].victim)
		end(&world.process[1]);
}

static void begin(void)
{
	world.has_forked = false;
	adopt(&world.process[0], victim_spawn(world.word));
}

void world_begin_again(void)
{
	world_end_child();
	end(&world.process[0]);
	begin();
}

void world_open(enum word word)
{
	world.word = word;
	world.base = word == WORD_32 ? 0x20000000u : 0x100000000000u;
	begin();
}

void world_close(void)
{
	for (unsigned i = 0; i < WORLD_ENTRIES; i++) {
		struct memory_entry *entry = &world.entry[i];

		if (entry->port == MACH_PORT_NULL)
			continue;
		task_drop(entry->port);
		for (unsigned page = 0; page < entry->pages; page++)
			cell_drop(entry->cell[page]);
	}
	world_end_child();
	end(&world.process[0]);
}

void world_begin_anew(void)
{
	world_close();
	memset(world.entry, 0, sizeof(world.entry));
	begin();
}

void world_fork(void)
{
	struct process *parent = &world.process[0], *child = &world.process[1];
	pid_t pid = (pid_t)victim_ask(parent->victim, "fork");

	world.has_forked = true;
	adopt(child, victim_adopt(parent->victim, pid));
	for (unsigned i = 0; i < WORLD_PAGES; i++) {
		const struct page *from = &parent->page[i];
		struct page *to = &child->page[i];

		if (!from->cell || from->inherit == VM_INHERIT_NONE)
			continue;
		page_make(to, from->shared ? cell_share(from->cell) : cell_copy(from->cell),
			  from->shared, from->prot, from->kernel_max);
		to->kernel_max = from->kernel_max;
		to->set = VM_PROT_ALL;
		to->filed = from->filed;
		to->purgable = from->purgable;
		to->behavior = WORLD_UNKNOWN;
	}
}

/* What was received was a right to the program that is gone; so is what came of it. */
static void expect_received_gone(struct process *process)
{
	char byte;

	if (process->received != MACH_PORT_NULL) {
		expect_answer(machvm_read(process->received, world.base, &byte, 1, 0),
			      MACH_SEND_INVALID_DEST);
		task_drop(process->received);
		process->received = MACH_PORT_NULL;
	}
	if (process->thread != MACH_PORT_NULL && process->thread_received) {
		expect_answer(thread_suspend(process->thread), KERN_TERMINATED);
		task_drop(process->thread);
		process->thread = MACH_PORT_NULL;
	}
}

void world_exec(struct process *process)
{
	victim_ask(process->victim, "exec");
	forget_pages(process);
	expect_received_gone(process);
}

bool world_expect_answer(const char *file, int line, const char *call, kern_return_t got,
			 kern_return_t want)
{
	/* Who does not come to a stop in time has been changed by nobody, but a step is many calls.
	 */
	if (got == KERN_OPERATION_TIMED_OUT && got != want) {
		world.late++;
		longjmp(world.out, 1);
	}
	harness_expect_code(file, line, call, got, want);
	if (want == KERN_SUCCESS)
		world.done++;
	else
		world.refused++;
	return want == KERN_SUCCESS;
}

static void check_layout(const struct process *process)
{
	const struct ground ground = {
		.name = "victim", .victim = process->victim, .base = world.base};
	char want[WORLD_PAGES + 1] = "", got[WORLD_PAGES + 1];

	for (unsigned i = 0; i < WORLD_PAGES; i++) {
		const struct page *page = &process->page[i];

		want[i] = !page->cell ? '.' : (char)((page->shared ? 'a' : '0') + page->prot);
	}
	layout_read(&ground, world.base, WORLD_PAGES, got);
	if (strcmp(got, want) != 0)
		fail_case("process %u has pages %s, expected %s",
			  (unsigned)(process - world.process), got, want);
}

static void check_bytes(const struct process *process)
{
	const uint8_t *report = process->victim->mailbox;

	victim_ask(process->victim, "dump %llx %zx", (unsigned long long)world.base,
		   (size_t)WORLD_BYTES);
	for (unsigned i = 0; i < WORLD_PAGES; i++) {
		const struct page *page = &process->page[i];
		const uint8_t *found = report + REPORT_PAGES + i * PAGE;
		size_t at = 0;

		if ((report[i] != REPORT_NOTHING) != (page->cell != NULL))
			fail_case("page %u of process %u is %s", i,
				  (unsigned)(process - world.process),
				  page->cell ? "not there" : "there");
		if (!page->cell || memcmp(found, page->cell->bytes, PAGE) == 0)
			continue;
		while (found[at] == page->cell->bytes[at])
			at++;
		fail_case("byte %zu of page %u of process %u is %#x, expected %#x", at, i,
			  (unsigned)(process - world.process), found[at], page->cell->bytes[at]);
	}
}

bool world_stands(const struct process *process)
{
	return process->suspended || process->tokens || process->thread_suspended;
}

void world_check(void)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct process *process = &world.process[i];

		if (!process->victim || world_stands(process))
			continue;
		check_layout(process);
		check_bytes(process);
		world.checks++;
	}
}
