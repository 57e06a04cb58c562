/* SPDX-License-Identifier: MIT */
/*
 * From region to region over a whole address space: every region once, as its
 * owner lists them, and in time that grows with their number and not with its
 * square - which is told by the bytes that the process reads, not by a clock.
 */
#include "ground.h"
#include "refuse.h"
#include "regions.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct listed {
	uint64_t start, end, offset;
	char access[5];
};

/* The victim's own list, without the page that is no part of its address space. */
static unsigned list_regions(struct victim *victim, struct listed *list, unsigned most)
{
	uint64_t size = victim_ask(victim, "maps");
	char *text = calloc(1, size + 1), *rest = text, *line;
	unsigned count = 0;

	memcpy(text, victim->mailbox, size);
	while ((line = strsep(&rest, "\n")) != NULL && count < most) {
		unsigned long long start, end, offset;

		if (strstr(line, "[vsyscall]") != NULL ||
		    sscanf(line, "%llx-%llx %4s %llx", &start, &end, list[count].access, &offset) != 4)
			continue;
		list[count].start = start;
		list[count].end = end;
		list[count++].offset = offset;
	}
	free(text);
	return count;
}

static vm_prot_t protection_of(const char *access)
{
	return (access[0] == 'r' ? VM_PROT_READ : 0) | (access[1] == 'w' ? VM_PROT_WRITE : 0) |
	       (access[2] == 'x' ? VM_PROT_EXECUTE : 0);
}

static void expect_walk(const struct region_call *call, mach_port_t task, const struct listed *list,
			unsigned count)
{
	uint64_t address = 0;
	struct region region;

	for (unsigned i = 0; i < count; i++) {
		trying("%s, region %u", call->name, i);
		expect_code(region_ask(call, task, address, &region), KERN_SUCCESS);
		expect_number(region.address, list[i].start);
		expect_number(region.size, list[i].end - list[i].start);
		if (region.has & HAS_PROTECTION)
			expect_number(region.protection, protection_of(list[i].access));
		if (region.has & HAS_SHARED)
			expect_number(region.shared, list[i].access[3] == 's');
		if (region.has & HAS_RULES)
			expect_number(region.offset, list[i].offset);
		address = region.address + region.size;
	}
	expect_code(region_ask(call, task, address, &region), KERN_INVALID_ADDRESS);
}

static void walk_finds_what_the_owner_lists(void **state)
{
	static struct listed list[512];

	for (enum word word = WORD_64; word < word_count(); word++) {
		struct victim *victim = victim_spawn(word);
		mach_port_t task = victim_task(victim);
		unsigned count;

		/* Enough of them that the text takes several pieces. */
		victim_ask(victim, "stripes 20000000 100");
		count = list_regions(victim, list, ARRAY_SIZE(list));
		assert_true(count > 256 && count < ARRAY_SIZE(list));
		for (unsigned i = 0; i < region_call_count; i++)
			expect_walk(&region_calls[i], task, list, count);
		victim_kill(victim);
	}
}

struct visit {
	const struct listed *list;
	unsigned count;
	bool same;
};

static int compare_visit(const struct machvm_region *region, void *context)
{
	struct visit *visit = context;
	const struct listed *listed = &visit->list[visit->count++];

	visit->same &= region->address == listed->start &&
		       region->address + region->size == listed->end &&
		       region->protection == protection_of(listed->access) &&
		       region->shared == (listed->access[3] == 's') &&
		       region->offset == listed->offset;
	return 0;
}

static void region_walk_visits_what_the_owner_lists(void **state)
{
	static struct listed list[1024];

	for (enum word word = WORD_64; word < word_count(); word++) {
		struct victim *victim = victim_spawn(word);
		mach_port_t task = victim_task(victim);
		struct visit visit = {.list = list, .same = true};
		unsigned count;

		victim_ask(victim, "stripes 20000000 200");
		count = list_regions(victim, list, ARRAY_SIZE(list) - 1);
		expect_code(machvm_region_walk(task, 0, UINT64_MAX, compare_visit, &visit),
			    KERN_SUCCESS);
		assert_true(visit.same);
		expect_number(visit.count, count);
		victim_kill(victim);
	}
}

/* Bytes that this process has read so far, from files of any kind. */
static uint64_t bytes_read(void)
{
	unsigned long long bytes = 0;
	char text[256];
	int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "rchar: %llu", &bytes) != 1)
		fail_case("cannot read /proc/self/io");
	close(fd);
	return bytes;
}

#define STRIPES_AT 0x100000000000

/*
 * A walk whose every call began anew would read 49 bytes of maps, or 700 of
 * smaps, for each region below: half the square of their number. What it may need
 * is the text a few times over, and something for its beginning; without pidfds
 * also two looks at the state of the process for each call.
 */
static void expect_linear(const struct region_call *call, mach_port_t task, unsigned count,
			  uint64_t bytes_each)
{
	uint64_t before = bytes_read(), address = STRIPES_AT, used;
	uint64_t proof = refused("pidfd") ? 2 * 512 : 0;
	struct region region;

	trying("%s", call->name);
	for (unsigned i = 0; i < count; i++) {
		expect_code(region_ask(call, task, address, &region), KERN_SUCCESS);
		if (region.address != STRIPES_AT + i * PAGE || region.size != PAGE)
			fail_case("region %u is at %#llx", i, (unsigned long long)region.address);
		if (region.has & HAS_PROTECTION &&
		    region.protection != (i % 2 ? VM_PROT_NONE : VM_PROT_READ))
			fail_case("region %u has protection %d", i, region.protection);
		if (region.has & HAS_COUNTS && region.resident != !(i % 2))
			fail_case("region %u has %u pages", i, region.resident);
		address += region.size;
	}
	used = bytes_read() - before;
	if (used > count * (6 * bytes_each + proof) + (2 << 20))
		fail_case("%llu bytes read for %u regions", (unsigned long long)used, count);
}

static void walk_over_many_regions_is_linear(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	unsigned less = harness_is_valgrind() ? 4 : 1;

	victim_ask(victim, "stripes %llx 2000", (unsigned long long)STRIPES_AT);
	for (unsigned i = 0; i < region_call_count; i++) {
		bool counted = !(region_calls[i].has & HAS_SHARED);

		/* Each flavor once; all spellings go the same way. */
		if (strncmp(region_calls[i].name, "mach_", 5) != 0)
			continue;
		if (counted)
			expect_linear(&region_calls[i], task, 2500 / less, 700);
		else
			expect_linear(&region_calls[i], task, 8000 / less, 49);
	}
}

/* Skipping regions, going back, and two walks in turns: each call gets its own answer. */
static void calls_in_any_order_get_their_own_answers(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint64_t seed = 88172645463325252u;
	struct region region;

	victim_ask(victim, "stripes %llx 800", (unsigned long long)STRIPES_AT);
	for (unsigned turn = 0; turn < (harness_is_valgrind() ? 200 : 1000); turn++) {
		const struct region_call *call = &region_calls[turn / 3 % region_call_count];
		uint64_t page;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		/* Sometimes onwards, sometimes anywhere. */
		page = seed % 4 ? (turn * 3 + seed % 3) % 0x800 : seed / 4 % 0x800;
		trying("%s of page %llu", call->name, (unsigned long long)page);
		expect_code(region_ask(call, task, STRIPES_AT + page * PAGE + seed % PAGE, &region),
			    KERN_SUCCESS);
		expect_number(region.address, STRIPES_AT + page * PAGE);
		if (region.has & HAS_PROTECTION)
			expect_number(region.protection, page % 2 ? VM_PROT_NONE : VM_PROT_READ);
	}
}

/* Deep in a walk, too, an answer is never older than the call. */
static void change_ahead_of_a_walk_is_seen(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);

	for (unsigned i = 0; i < region_call_count; i++) {
		const struct region_call *call = &region_calls[i];
		uint64_t address = STRIPES_AT;
		struct region region;

		trying("%s", call->name);
		victim_ask(victim, "stripes %llx 400", (unsigned long long)STRIPES_AT);
		for (unsigned page = 0; page < 0x300; page++, address += PAGE)
			expect_code(region_ask(call, task, address, &region), KERN_SUCCESS);
		for (unsigned round = 0; round < 8; round++) {
			/* The next one changes its protection, the one behind it goes, and one comes. */
			victim_ask(victim, "protect %llx 1000 5", (unsigned long long)address);
			expect_code(region_ask(call, task, address, &region), KERN_SUCCESS);
			expect_number(region.address, address);
			if (region.has & HAS_PROTECTION)
				expect_number(region.protection, VM_PROT_READ | VM_PROT_EXECUTE);
			address += PAGE;
			victim_ask(victim, "unmap %llx 2000", (unsigned long long)address);
			expect_code(region_ask(call, task, address, &region), KERN_SUCCESS);
			expect_number(region.address, address + 2 * PAGE);
			victim_ask(victim, "lay wo %llx 1 7", (unsigned long long)address + PAGE);
			expect_code(region_ask(call, task, address, &region), KERN_SUCCESS);
			expect_number(region.address, address + PAGE);
			expect_number(region.size, PAGE);
			if (region.has & HAS_COUNTS)
				expect_number(region.resident, 1);
			address += 2 * PAGE;
		}
	}
}

struct walker {
	pthread_t thread;
	mach_port_t task;
	unsigned call;
	unsigned wrong;
};

static void *walk_alone(void *argument)
{
	struct walker *walker = argument;
	const struct region_call *call = &region_calls[walker->call];
	uint64_t address = STRIPES_AT;

	for (unsigned i = 0; i < 0x600; i++) {
		mach_msg_type_number_t count = call->count;
		uint64_t size;
		int info[64];

		if (call->ask(walker->task, &address, &size, info, &count) != KERN_SUCCESS ||
		    address != STRIPES_AT + i * PAGE || size != PAGE) {
			walker->wrong++;
			break;
		}
		address += size;
	}
	return NULL;
}

static void threads_that_walk_one_task_do_not_meet(void **state)
{
	static const unsigned calls[] = {0, 0, 6, 18, 18, 12};
	struct walker walkers[ARRAY_SIZE(calls)] = {{0}};
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);

	victim_ask(victim, "stripes %llx 600", (unsigned long long)STRIPES_AT);
	for (unsigned i = 0; i < ARRAY_SIZE(walkers); i++) {
		walkers[i].task = task;
		walkers[i].call = calls[i];
		assert_int_equal(pthread_create(&walkers[i].thread, NULL, walk_alone, &walkers[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(walkers); i++)
		pthread_join(walkers[i].thread, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(walkers); i++)
		expect_number(walkers[i].wrong, 0);
}

/* From one stripe to another; false when one of them is not as it was laid. */
static bool walk_stripes(const struct region_call *call, mach_port_t task, unsigned from, unsigned to)
{
	uint64_t address = STRIPES_AT + from * PAGE, size;
	int info[64];

	for (unsigned i = from; i < to; i++) {
		mach_msg_type_number_t count = call->count;

		if (call->ask(task, &address, &size, info, &count) != KERN_SUCCESS ||
		    address != STRIPES_AT + i * PAGE || size != PAGE)
			return false;
		address += size;
	}
	return true;
}

/* A child shares the position of every descriptor, and must not be felt by its parent. */
static void child_in_the_middle_of_a_walk_walks_by_itself(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);

	victim_ask(victim, "stripes %llx 800", (unsigned long long)STRIPES_AT);
	for (unsigned i = 0; i < region_call_count; i++) {
		const struct region_call *call = &region_calls[i];
		int status;
		pid_t child;

		if (strncmp(call->name, "mach_", 5) != 0)
			continue;
		trying("%s", call->name);
		assert_true(walk_stripes(call, task, 0, 0x500));
		/* Every other time without the handlers that fork(3) runs. */
		child = i % 2 ? fork() : (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
		if (child == 0)
			_exit(walk_stripes(call, task, 0x500, 0x700) &&
					      walk_stripes(call, task, 0, 0x600)
				      ? 0
				      : 1);
		assert_true(walk_stripes(call, task, 0x500, 0x600));
		assert_int_equal(waitpid(child, &status, 0), child);
		expect_number(status, 0);
		assert_true(walk_stripes(call, task, 0x600, 0x800));
	}
}

static const struct CMUnitTest tests[] = {
	TEST(walk_finds_what_the_owner_lists),
	TEST(region_walk_visits_what_the_owner_lists),
	TEST(walk_over_many_regions_is_linear),
	TEST(calls_in_any_order_get_their_own_answers),
	TEST(change_ahead_of_a_walk_is_seen),
	TEST(threads_that_walk_one_task_do_not_meet),
	TEST(child_in_the_middle_of_a_walk_walks_by_itself),
};

HARNESS_MAIN(tests)
