/* SPDX-License-Identifier: MIT */
/* light.c - finding an area in which the memory descriptor may serve. */
#include "light.h"

#include "force_policy.h"
#include "target.h"

/*
 * The first look costs descriptors and, once in a process, a trial of the kernel's policy: for
 * those who come back. Later ones cost a look at the map, so they become rarer, and
 * who goes to and fro between regions pays next to nothing for them.
 */
#define FIRST_PATIENCE 1024
#define LEAST_PATIENCE 64
#define MOST_PATIENCE  (1 << 16)

/*
 * What goes this way at most. The kernel copies it twice, and from some size on that may cost
 * more than is spared: whole pages are weighed. So are a few bytes, for there are machines
 * where nothing is spared; where they pay, a half of a page always did.
 */
#define FEW  8
#define HALF ((size_t)2 << 10)

void machvm__light_init(struct machvm__light *light, bool closed)
{
	atomic_store(&light->area, closed ? 0 : MACHVM__LIGHT_NOWHERE);
	atomic_store(&light->strange, 0);
	atomic_store(&light->patience, FIRST_PATIENCE);
	atomic_store(&light->most, 0);
}

/* Is there a held descriptor on the memory that the target has now? */
static bool serves(struct machvm__target *target, uint64_t raddr)
{
	struct machvm__file memory;
	char byte;
	ssize_t n;

	if (machvm__target_open(target, MACHVM__FILE_MEMORY, &memory))
		return false;
	n = machvm__copy_memory(MACHVM__READ, memory.fd, raddr, &byte, 1);
	/* The program has executed another one since. */
	if (n == 0 && machvm__target_reopen(target, MACHVM__FILE_MEMORY, &memory) == 0)
		n = machvm__copy_memory(MACHVM__READ, memory.fd, raddr, &byte, 1);
	bool held = memory.held;
	machvm__target_close(&memory);
	return n == 1 && held;
}

/* Memory that has no other way in than its pages: anonymous, or of a file and no device. */
static bool ordinary(struct machvm__target *target, uint64_t raddr, struct machvm__vma *vma)
{
	struct machvm__smaps region;

	if (machvm__target_region(target, raddr, vma, NULL, 0) || vma->start > raddr)
		return false;
	if (!vma->inode && !vma->device_major && !vma->device_minor)
		return true;
	if (machvm__target_counted_region(target, raddr, &region) ||
	    region.flags & (MACHVM__VM_IO | MACHVM__VM_PFNMAP))
		return false;
	*vma = region.vma;
	return vma->start <= raddr;
}

/*
 * How many bytes, found out once in a process; 0 where it never pays. A received target is not
 * reached by its number: it has no other way.
 */
static size_t weigh(struct machvm__target *target, uint64_t raddr)
{
	static _Atomic size_t most = SIZE_MAX;
	int fd = atomic_load(&target->files[MACHVM__FILE_MEMORY]);
	int tid = atomic_load(&target->tid);
	size_t answer = atomic_load(&most);

	if (target->received)
		return MACHVM__COPY_WEIGHED;
	if (answer != SIZE_MAX)
		return answer;
	if (!machvm__target_honours(target, MACHVM__READ, raddr, 1))
		return HALF;
	raddr &= ~(uint64_t)(MACHVM__COPY_WEIGHED - 1);
	answer = 0;
	if (machvm__copy_memory_pays(fd, tid, raddr, MACHVM__COPY_WEIGHED))
		answer = MACHVM__COPY_WEIGHED;
	else if (machvm__copy_memory_pays(fd, tid, raddr, FEW))
		answer = HALF;
	atomic_store(&most, answer);
	return answer;
}

/* The area there, none, or 0 for good. */
static uint64_t find_area(struct machvm__target *target, uint64_t raddr)
{
	const uint64_t longest = MACHVM__LIGHT_NOWHERE - 1;
	struct machvm__vma vma;
	uint64_t first, count;
	size_t most;

	/* A read of a page that may only be looked at through force would fail here. */
	if (!ordinary(target, raddr, &vma) || !serves(target, raddr))
		return MACHVM__LIGHT_NOWHERE;
	first = vma.start >> MACHVM__LIGHT_UNIT;
	count = (vma.end - vma.start) >> MACHVM__LIGHT_UNIT;
	if (first >> (64 - MACHVM__LIGHT_COUNT))
		return MACHVM__LIGHT_NOWHERE;
	most = weigh(target, raddr);
	if (!most)
		return 0;
	atomic_store_explicit(&target->light.most, most, memory_order_relaxed);
	return first << MACHVM__LIGHT_COUNT | (count < longest ? count : longest);
}

/* A call outside the area. */
static void stray(struct machvm__target *target, uint64_t raddr)
{
	struct machvm__light *light = &target->light;
	unsigned patience = atomic_load_explicit(&light->patience, memory_order_relaxed);
	unsigned strange = atomic_fetch_add_explicit(&light->strange, 1, memory_order_relaxed) + 1;

	if (strange < patience)
		return;
	atomic_store_explicit(&light->strange, 0, memory_order_relaxed);
	if (!machvm__force_policy_never()) {
		atomic_store_explicit(&light->area, 0, memory_order_relaxed);
		return;
	}
	atomic_store_explicit(&light->area, find_area(target, raddr), memory_order_relaxed);
	if (patience == FIRST_PATIENCE)
		patience = LEAST_PATIENCE / 2;
	if (patience < MOST_PATIENCE)
		atomic_store_explicit(&light->patience, patience * 2, memory_order_relaxed);
}

/*
 * What a descriptor names cannot become another process's, and so one look whether the process
 * lives is enough: its memory may outlive it in a process that shares it.
 */
bool machvm__light_move(struct machvm__target *target, enum machvm__direction direction,
			uint64_t raddr, void *local, size_t size)
{
	uint64_t area = atomic_load_explicit(&target->light.area, memory_order_relaxed);
	ssize_t n;

	if (!machvm__light_holds(area, raddr)) {
		stray(target, raddr);
		return false;
	}
	if (size > atomic_load_explicit(&target->light.most, memory_order_relaxed))
		return false;
	/* A ring is made with the copy calls, which are not for a right that was received. */
	if (target->received ? machvm__target_alive(target)
			     : machvm__deathwatch_check_often(&target->watch, target->numbers.tgid))
		return false;
	n = machvm__copy_memory_once(
		direction,
		atomic_load_explicit(&target->files[MACHVM__FILE_MEMORY], memory_order_relaxed),
		raddr, local, size);
	if (n == (ssize_t)size)
		return true;
	/* Another program, or another map: whatever it is, the other way finds out. */
	machvm__light_drop(&target->light);
	return false;
}
