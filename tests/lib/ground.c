/* SPDX-License-Identifier: MIT */
/* Pages whose kind and contents are known, and the comparison with what their owner finds. */
#include "ground.h"
#include "pages.h"
#include "pattern.h"
#include "report.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define OK   KERN_SUCCESS
#define PROT KERN_PROTECTION_FAILURE
#define ADDR KERN_INVALID_ADDRESS
#define MEM  KERN_MEMORY_ERROR
#define NOAC KERN_NO_ACCESS

const struct page_kind page_kinds[] = {
	/* name           read  write forced read, write */
	{"rw",            OK,   OK,   OK,   OK,   KIND_CONTENTS},
	{"ro",            OK,   PROT, OK,   OK,   KIND_CONTENTS},
	{"wo",            PROT, OK,   OK,   OK,   KIND_CONTENTS | KIND_UNREADABLE},
	{"xo",            PROT, PROT, OK,   OK,   KIND_CONTENTS | KIND_UNREADABLE},
	{"rx",            OK,   PROT, OK,   OK,   KIND_CONTENTS},
	{"none",          PROT, PROT, OK,   OK,   KIND_CONTENTS},
	{"hole",          ADDR, ADDR, ADDR, ADDR, 0},
	{"fresh",         OK,   OK,   OK,   OK,   KIND_CONTENTS | KIND_ZERO},
	{"devzero",       OK,   OK,   OK,   OK,   KIND_CONTENTS},
	{"guard",         PROT, PROT, PROT, PROT, KIND_RARE},
	{"file-rw",       OK,   OK,   OK,   OK,   KIND_CONTENTS},
	{"file-ro",       OK,   PROT, OK,   OK,   KIND_CONTENTS},
	{"file-rx",       OK,   PROT, OK,   OK,   KIND_CONTENTS},
	{"shared-rw",     OK,   OK,   OK,   OK,   KIND_CONTENTS},
	{"shared-ro",     OK,   PROT, OK,   PROT, KIND_CONTENTS},
	{"shared-drop",   OK,   PROT, OK,   PROT, KIND_CONTENTS},
	{"eof-private",   MEM,  MEM,  MEM,  MEM,  0},
	{"eof-shared",    MEM,  MEM,  MEM,  MEM,  0},
	{"eof-memfd",     MEM,  MEM,  MEM,  MEM,  0},
	{"secret",        NOAC, NOAC, NOAC, NOAC, KIND_CONTENTS | KIND_OWN | KIND_RARE},
	{"cow",           OK,   OK,   OK,   OK,   KIND_CONTENTS | KIND_LASTS},
	{"sealed-rw",     OK,   OK,   OK,   OK,   KIND_CONTENTS | KIND_RARE | KIND_LASTS},
	{"sealed-ro",     OK,   PROT, OK,   OK,   KIND_CONTENTS | KIND_RARE | KIND_LASTS},
	{"missing",       MEM,  MEM,  MEM,  MEM,  KIND_RARE | KIND_WAITS},
	{"protected",     OK,   MEM,  OK,   MEM,  KIND_CONTENTS | KIND_RARE | KIND_WAITS},
	{"poison",        MEM,  MEM,  MEM,  MEM,  KIND_RARE},
};
const unsigned page_kind_count = ARRAY_SIZE(page_kinds);

/* Far from where the kernel puts what is mapped without an address: a hole stays a hole. */
#define BASE_64    0x100000000000u
#define BASE_32    0x20000000u

const struct page_kind *page_kind(const char *name)
{
	for (unsigned i = 0; i < page_kind_count; i++)
		if (strcmp(page_kinds[i].name, name) == 0)
			return &page_kinds[i];
	fail_case("no such kind of page: %s", name);
}

const char *place_name(enum place place)
{
	static const char *const names[] = {"own task", "victim", "32-bit victim"};

	return names[place];
}

static void start(struct ground *ground, unsigned pages)
{
	static uint64_t seeds;

	memset(ground, 0, sizeof(*ground));
	if (pages > GROUND_PAGES)
		fail_case("a ground of %u pages is too large", pages);
	ground->pages = pages;
	/* Two grounds never have the same contents. */
	ground->seed = ++seeds << 32;
	for (unsigned i = 0; i < pages; i++)
		ground->kind[i] = page_kind("hole");
}

void ground_open_local(struct ground *ground, unsigned pages)
{
	/* Sanitizers and valgrind keep parts of the address space to themselves. */
	static const uintptr_t bases[] = {
#if UINTPTR_MAX > UINT32_MAX
		0x200000000000u, 0x0a0000000000u, 0x005000000000u,
#endif
		0x40000000u, 0x60000000u};
	static uintptr_t taken;
	size_t gap = (GROUND_PAGES + 2) * PAGE;

	start(ground, pages);
	ground->name = "own memory";
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		void *at = (void *)(bases[i] + taken);
		void *got = mmap(at, gap, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (got == at) {
			munmap(at, gap);
			ground->base = (uintptr_t)at + PAGE;
			taken = (taken + gap) & 0xfffffff;
			return;
		}
		if (got != MAP_FAILED)
			munmap(got, gap);
	}
	fail_case("no room for a ground in the test's own memory");
}

void ground_open_in(struct ground *ground, struct victim *victim, uint64_t base, unsigned pages)
{
	start(ground, pages);
	ground->name = victim->word == WORD_32 ? "32-bit victim" : "victim";
	ground->victim = victim;
	ground->base = base;
}

enum place place_count(void)
{
	return word_count() > WORD_32 ? PLACE_COUNT : PLACE_VICTIM_32;
}

void ground_open(struct ground *ground, enum place place, unsigned pages)
{
	if (place == PLACE_OWN) {
		ground_open_local(ground, pages);
		ground->task = mach_task_self();
		return;
	}
	if (place == PLACE_VICTIM_32)
		ground_open_in(ground, victim_spawn(WORD_32), BASE_32, pages);
	else
		ground_open_in(ground, victim_spawn(WORD_64), BASE_64, pages);
	ground->task = victim_task(ground->victim);
}

void ground_close(struct ground *ground)
{
	if (ground->victim != NULL) {
		if (ground->task != MACH_PORT_NULL)
			task_drop(ground->task);
		victim_kill(ground->victim);
	} else {
		munmap((void *)(uintptr_t)ground->base, ground->pages * PAGE);
	}
}

static void each_from(enum place first, struct ground *ground, void (*run)(void))
{
	for (enum place place = first; place < place_count(); place++) {
		trying("%s", place_name(place));
		ground_open(ground, place, GROUND_PAGES);
		run();
		ground_close(ground);
	}
}

void ground_each_place(struct ground *ground, void (*run)(void))
{
	each_from(PLACE_OWN, ground, run);
}

void ground_each_victim(struct ground *ground, void (*run)(void))
{
	each_from(PLACE_VICTIM, ground, run);
}

static int lay(struct ground *ground, unsigned page, unsigned count, const char *kind)
{
	uint64_t address = ground->base + page * PAGE;

	ground->seed++;
	if (ground->victim != NULL)
		return victim_try(ground->victim, "lay %s %llx %x %llx", kind,
				  (unsigned long long)address, count,
				  (unsigned long long)ground->seed);
	return pages_lay(kind, (void *)(uintptr_t)address, count * PAGE, ground->seed);
}

static void expect_contents(struct ground *ground, unsigned page, const struct page_kind *kind)
{
	uint8_t *expect = ground->expect + page * PAGE;

	ground->kind[page] = kind;
	if (kind->flags & KIND_CONTENTS && !(kind->flags & KIND_ZERO))
		pattern_fill(expect, ground->base + page * PAGE, PAGE, ground->seed);
	else
		memset(expect, 0, PAGE);
}

bool ground_lay(struct ground *ground, unsigned page, unsigned count, const char *name)
{
	const struct page_kind *kind = page_kind(name);
	int r = lay(ground, page, count, name);

	if (r != 0 && !(kind->flags & KIND_RARE))
		fail_case("%s: cannot lay %s: %s", ground->name, name, strerror(-r));
	/* A refused kind may have taken away what was there. */
	if (r != 0) {
		kind = page_kind("hole");
		lay(ground, page, count, kind->name);
	}
	for (unsigned i = page; i < page + count; i++)
		expect_contents(ground, i, kind);
	return r == 0;
}

void ground_lay_half(struct ground *ground, unsigned page, unsigned count, const char *name)
{
	bool private = strcmp(name, "half-private") == 0;
	unsigned half = page + count / 2;
	int r = lay(ground, page, count, name);

	if (r != 0)
		fail_case("%s: cannot lay %s: %s", ground->name, name, strerror(-r));
	for (unsigned i = page; i < half; i++)
		expect_contents(ground, i, page_kind(private ? "file-rw" : "shared-rw"));
	for (unsigned i = half; i < page + count; i++)
		expect_contents(ground, i, page_kind(private ? "eof-private" : "eof-shared"));
	memset(ground->expect + half * PAGE - PAGES_TAIL, 0, PAGES_TAIL);
}

bool ground_lay_like(struct ground *ground, unsigned page, unsigned count, const char *name,
		     const char *like)
{
	int r = lay(ground, page, count, name);

	for (unsigned i = page; r == 0 && i < page + count; i++)
		expect_contents(ground, i, page_kind(like));
	return r == 0;
}

void *ground_pointer(const struct ground *ground, uint64_t address)
{
	if (ground->victim != NULL)
		fail_case("memory of a victim has no pointer");
	return (void *)(uintptr_t)address;
}

uint8_t *ground_expect(struct ground *ground, uint64_t address)
{
	return ground->expect + (address - ground->base);
}

static kern_return_t judge_page(const struct ground *ground, unsigned page, enum access access,
				bool force)
{
	const struct page_kind *kind = ground->kind[page];

	if (ground->victim == NULL && kind->flags & KIND_OWN)
		return KERN_SUCCESS;
	/* Where descriptors cannot force, a tracer can; but nobody traces himself. */
	if (force && ground->victim == NULL && !harness_forces())
		force = false;
	if (access == ACCESS_READ)
		return force ? kind->forced_read : kind->read;
	return force ? kind->forced_write : kind->write;
}

kern_return_t ground_judge(const struct ground *ground, enum access access, bool force,
			   uint64_t address, uint64_t size, uint64_t *bad)
{
	uint64_t at, end = address + size;

	for (at = address; at < end; at = (at | (PAGE - 1)) + 1) {
		uint64_t page = (at - ground->base) / PAGE;
		kern_return_t code = KERN_INVALID_ADDRESS;

		if (at >= ground->base && page < ground->pages)
			code = judge_page(ground, (unsigned)page, access, force);
		if (code != KERN_SUCCESS) {
			*bad = at;
			return code;
		}
	}
	*bad = 0;
	return KERN_SUCCESS;
}

static void verify_page(const char *file, int line, struct ground *ground, unsigned page,
			const uint8_t *found)
{
	const uint8_t *expect = ground->expect + page * PAGE;
	size_t first, wrong = 0;

	if (memcmp(found, expect, PAGE) == 0)
		return;
	for (first = 0; found[first] == expect[first]; first++)
		;
	for (size_t i = first; i < PAGE; i++)
		wrong += found[i] != expect[i];
	harness_fail(file, line,
		     "%s: %zu bytes of page %u (%s) are wrong, first the one at %#llx (page + %zu): "
		     "%#x, expected %#x",
		     ground->name, wrong, page, ground->kind[page]->name,
		     (unsigned long long)(ground->base + page * PAGE + first), first, found[first],
		     expect[first]);
}

/* Own pages that may be loaded are loaded; for the others permission is taken for a moment. */
static void verify_own(const char *file, int line, struct ground *ground)
{
	for (unsigned i = 0; i < ground->pages; i++) {
		const struct page_kind *kind = ground->kind[i];
		uint8_t *page = (uint8_t *)(uintptr_t)ground->base + i * PAGE;
		bool closed = strcmp(kind->name, "none") == 0 || strcmp(kind->name, "xo") == 0;

		if (!(kind->flags & KIND_CONTENTS))
			continue;
		if (closed)
			mprotect(page, PAGE, PROT_READ);
		verify_page(file, line, ground, i, page);
		if (closed)
			mprotect(page, PAGE, kind->name[0] == 'x' ? PROT_EXEC : PROT_NONE);
	}
}

/* Pages that their owner itself would wait for are left out of the report. */
static bool can_report(const struct page_kind *kind)
{
	return kind->flags & KIND_CONTENTS || !(kind->flags & KIND_WAITS);
}

static void verify_run(const char *file, int line, struct ground *ground, unsigned page,
		       unsigned count)
{
	const uint8_t *report = ground->victim->mailbox;
	uint64_t address = ground->base + page * PAGE;

	victim_ask(ground->victim, "dump %llx %zx", (unsigned long long)address, count * PAGE);
	for (unsigned i = 0; i < count; i++) {
		const struct page_kind *kind = ground->kind[page + i];
		bool there = report[i] != REPORT_NOTHING;

		if (there != !!(kind->flags & KIND_CONTENTS))
			harness_fail(file, line, "%s: page %u (%s) is %s", ground->name, page + i,
				     kind->name, there ? "there" : "not there");
		verify_page(file, line, ground, page + i, report + REPORT_PAGES + i * PAGE);
	}
}

void harness_ground_verify(const char *file, int line, struct ground *ground)
{
	unsigned page = 0;

	if (ground->victim == NULL) {
		verify_own(file, line, ground);
		return;
	}
	while (page < ground->pages) {
		unsigned count = 0;

		while (page + count < ground->pages && can_report(ground->kind[page + count]))
			count++;
		if (count > 0)
			verify_run(file, line, ground, page, count);
		page += count + 1;
	}
}
