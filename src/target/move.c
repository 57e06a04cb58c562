/* SPDX-License-Identifier: MIT */
/*
 * move.c - the ladder: process_vm_*, the memory descriptor, ptrace.
 *
 * A rung is chosen by trying it. ENOSYS is remembered for the process, EPERM
 * for the target and until it execs, a short count for nobody.
 */
#include "target.h"

#include <errno.h>

#include "own_memory.h"
#include "words.h"

_Atomic unsigned machvm__target_missing;

/* Up to this size the question whether the target lives is felt in the time of a copy. */
#define OFTEN ((size_t)64 << 10)

static size_t piece(size_t left)
{
	return left < MACHVM__COPY_MAX ? left : MACHVM__COPY_MAX;
}

/* One process_vm_* by one number. The count, with *stray of it perhaps another's; or -errno. */
static ssize_t copy_by(struct machvm__target *target, int tid, enum machvm__direction direction,
                       uint64_t raddr, void *local, size_t size, size_t *stray)
{
	ssize_t n;

	*stray = 0;
	if (!machvm__target_owns(target, tid))
		return -ESRCH;
	n = machvm__copy_process(direction, tid, raddr, local, size);
	if (n > 0 && !machvm__target_owns(target, tid))
		*stray = (size_t)n;
	return n;
}

/* The same from a dead leader's thread if need be. */
static ssize_t copy_once(struct machvm__target *target, enum machvm__direction direction,
                         uint64_t raddr, void *local, size_t size, size_t *stray)
{
	int tid = atomic_load_explicit(&target->tid, memory_order_relaxed);
	ssize_t n = -EPERM;

	*stray = 0;
	if (tid)
		n = copy_by(target, tid, direction, raddr, local, size, stray);
	if (__builtin_expect(n != -ESRCH, 1))
		return n;
	if (target->own)
		return machvm__copy_process(direction, machvm__process_self_thread(), raddr, local, size);
	if (machvm__target_rename(target) == 0)
		n = copy_by(target, atomic_load(&target->tid), direction, raddr, local, size, stray);
	return n;
}

/* Can one byte be read, of the target and of nobody else? */
static bool readable(struct machvm__target *target, uint64_t raddr, char *sink)
{
	size_t stray;

	return machvm__target_honours(target, MACHVM__READ, raddr, 1) &&
	       copy_once(target, MACHVM__READ, raddr, sink, 1, &stray) == 1 && !stray;
}

/*
 * A step between `between`, which nobody is denied, and memory of ours as the
 * CPU would touch it: the kernel's judgement of the caller's side of a copy.
 */
static ssize_t step_own(struct machvm__target *own, enum machvm__direction direction, char *between,
                        void *ours, size_t size)
{
	uint64_t there = (uint64_t)(uintptr_t)between;
	struct machvm__file memory;
	ssize_t n;

	if (machvm__target_honours(own, direction, there, size)) {
		n = machvm__copy_process(direction, machvm__process_self_thread(), there, ours, size);
		if (n != -ENOSYS && n != -EPERM)
			return n;
	}
	n = machvm__target_open(own, MACHVM__FILE_MEMORY, &memory);
	if (n)
		return n;
	n = machvm__copy_memory(direction, memory.fd, there, ours, size);
	machvm__target_close(&memory);
	return n;
}

/* Bytes until either side comes to a page's end: there a step is whole or not at all. */
static size_t own_part(uint64_t raddr, const void *local, size_t size, size_t most)
{
	size_t page = machvm__page_size();
	size_t there = page - (size_t)(raddr & (page - 1));
	size_t here = page - ((uintptr_t)local & (page - 1));
	size_t part = there < here ? there : here;

	part = part < most ? part : most;
	return part < size ? part : size;
}

/* By way of memory that is out of nobody's reach. The count, or -errno for the first bytes. */
static ssize_t bounce_own(struct machvm__target *own, enum machvm__direction direction,
                          uint64_t raddr, void *local, size_t size)
{
	char between[4096];
	size_t done = 0;

	while (done < size) {
		void *there = (void *)(uintptr_t)(raddr + done);
		void *here = machvm__copy_beyond(local, done);
		size_t part = own_part(raddr + done, here, size - done, sizeof between);
		ssize_t n = step_own(own, MACHVM__WRITE, between,
		                     direction == MACHVM__WRITE ? here : there, part);

		if (n == (ssize_t)part)
			n = step_own(own, MACHVM__READ, between,
			             direction == MACHVM__WRITE ? there : here, part);
		if (n != (ssize_t)part)
			return done ? (ssize_t)done : n < 0 ? n : -EFAULT;
		done += part;
	}
	return (ssize_t)done;
}

/*
 * Our own memory from the other side: what the kernel refuses to reach as a
 * target's page (memfd_secret) it reaches as the caller's. The permission is
 * looked up first, for the CPU would read what is only to be written.
 */
static ssize_t copy_own(struct machvm__target *own, enum machvm__direction direction,
                        uint64_t raddr, void *local, size_t size)
{
	unsigned needed = direction == MACHVM__WRITE ? MACHVM__VMA_WRITE : MACHVM__VMA_READ;
	enum machvm__direction other = direction == MACHVM__WRITE ? MACHVM__READ : MACHVM__WRITE;
	struct machvm__vma vma;
	int r = machvm__target_region(own, raddr, &vma, NULL, 0);
	ssize_t n = -EFAULT;

	if (r || vma.start > raddr || !(vma.access & needed))
		return -EFAULT;
	if (size > vma.end - raddr)
		size = (size_t)(vma.end - raddr);
	if (machvm__target_honours(own, other, (uint64_t)(uintptr_t)local, size))
		n = machvm__copy_process(other, machvm__process_self_thread(),
		                         (uint64_t)(uintptr_t)local, (void *)(uintptr_t)raddr, size);
	/* Secret on both sides, or refused. */
	return n > 0 ? n : bounce_own(own, direction, raddr, local, size);
}

static int refuse(struct machvm__target *target, enum machvm__direction direction, int error)
{
	if (error == -ENOSYS)
		atomic_fetch_or(&machvm__target_missing, 1u << direction);
	else
		atomic_fetch_or(&target->refused, 1u << direction);
	return -EOPNOTSUPP;
}

/* As much as one step moves: the count, with *stray of it perhaps another's; or -errno. */
static ssize_t move_piece(struct machvm__target *target, enum machvm__direction direction,
                          uint64_t raddr, void *local, size_t size, size_t *stray)
{
	ssize_t n = -EOPNOTSUPP;

	*stray = 0;
	if (machvm__target_honours(target, direction, raddr, size)) {
		n = copy_once(target, direction, raddr, local, size, stray);
		if (n == -ENOSYS || n == -EPERM)
			n = refuse(target, direction, (int)n);
	}
	if (target->own && (n == -EFAULT || n == -EOPNOTSUPP))
		n = copy_own(target, direction, raddr, local, size);
	return n ? n : -EFAULT;
}

static int move_pieces(struct machvm__target *target, enum machvm__direction direction,
                       uint64_t raddr, void *local, size_t size, size_t *done,
                       const struct machvm__file *image)
{
	while (*done < size) {
		size_t stray;
		ssize_t n = move_piece(target, direction, raddr + *done,
		                       machvm__copy_beyond(local, *done), piece(size - *done), &stray);

		if (n < 0)
			return (int)n;
		*done += (size_t)n;
		if (stray)
			return -ESRCH;
		/* The next piece takes the number again: it must find the same program. */
		if (image && !machvm__target_image_lives(image))
			return -ECANCELED;
	}
	return 0;
}

int machvm__target_move(struct machvm__target *target, enum machvm__direction direction,
                        uint64_t raddr, void *local, size_t size, size_t *done)
{
	struct machvm__file image;
	int r = size <= OFTEN && !target->own
	                ? machvm__deathwatch_check_often(&target->watch, target->numbers.tgid)
	                : machvm__target_alive(target);

	*done = 0;
	if (r)
		return r;
	if (size <= MACHVM__COPY_MAX) {
		r = move_pieces(target, direction, raddr, local, size, done, NULL);
	} else {
		r = machvm__target_open(target, MACHVM__FILE_MAPS, &image);
		if (r)
			return r;
		r = move_pieces(target, direction, raddr, local, size, done, &image);
		machvm__target_close(&image);
	}
	/* Was it the target all the while? Its number is its own while it lives. */
	return machvm__target_alive(target) ? -ESRCH : r;
}

/* The last rung, and what is said where we may not trace either. */
static int trace(struct machvm__target *target, enum machvm__direction direction, uint64_t raddr,
                 void *local, size_t size, size_t *done, int refusal)
{
	size_t moved;
	int r = machvm__words_move(target, direction, raddr + *done,
	                           machvm__copy_beyond(local, *done), size - *done, &moved);

	*done += moved;
	return r == -EPERM ? refusal : r;
}

static int force_through(struct machvm__target *target, struct machvm__file *memory,
                         enum machvm__direction direction, uint64_t raddr, void *local, size_t size,
                         size_t *done)
{
	unsigned programs = 0;

	while (*done < size) {
		ssize_t n = machvm__copy_memory(direction, memory->fd, raddr + *done,
		                                machvm__copy_beyond(local, *done), piece(size - *done));
		int r;

		if (n > 0) {
			*done += (size_t)n;
			continue;
		}
		if (n < 0)
			return n == -EIO ? -EFAULT : (int)n;
		/* The address space has ended: the program exec'ed, or it is gone. */
		r = machvm__process_alive(target->handle, target->kind);
		if (r && !target->own)
			return r;
		if (*done)
			return -ECANCELED;
		r = machvm__target_follow(target, MACHVM__FILE_MEMORY, memory, &programs);
		if (r)
			return r;
	}
	return 0;
}

/* Is it the protection that stands in the way? Nobody is stopped for anything else. */
static bool shut(struct machvm__target *target, enum machvm__direction direction, uint64_t raddr)
{
	unsigned needed = direction == MACHVM__WRITE ? MACHVM__VMA_WRITE : MACHVM__VMA_READ;
	struct machvm__vma vma;

	return machvm__target_region(target, raddr, &vma, NULL, 0) == 0 && vma.start <= raddr &&
	       !(vma.access & needed);
}

/* Of our own, what the CPU lets us read although the protection does not say so (PROT_WRITE alone). */
static int load_own(struct machvm__target *own, enum machvm__direction direction, uint64_t raddr,
                    void *local, size_t size, size_t *done)
{
	ssize_t n = -EFAULT;

	if (direction == MACHVM__READ && raddr <= UINTPTR_MAX)
		n = step_own(own, MACHVM__WRITE, machvm__copy_beyond(local, *done),
		             (void *)(uintptr_t)(raddr + *done), size - *done);
	if (n > 0)
		*done += (size_t)n;
	return *done == size ? 0 : -EFAULT;
}

int machvm__target_force(struct machvm__target *target, enum machvm__direction direction,
                         uint64_t raddr, void *local, size_t size, size_t *done)
{
	struct machvm__file memory;
	int r;

	*done = 0;
	r = machvm__target_open(target, MACHVM__FILE_MEMORY, &memory);
	if (r == -ESRCH)
		return r;
	if (r)
		return trace(target, direction, raddr, local, size, done,
		             r == -EPERM || r == -EOPNOTSUPP ? -EACCES : r);
	r = force_through(target, &memory, direction, raddr, local, size, done);
	machvm__target_close(&memory);
	if (r == -ENOSYS || r == -EPERM)
		return trace(target, direction, raddr, local, size, done, -EACCES);
	/* Where the kernel forbids descriptors to force, ptrace still may: a debugger's last way. */
	if (r == -EFAULT && !machvm__own_memory_forces() && shut(target, direction, raddr + *done))
		r = target->own ? load_own(target, direction, raddr, local, size, done)
		                : trace(target, direction, raddr, local, size, done, -EKEYREJECTED);
	return r;
}

int machvm__target_may_force(struct machvm__target *target, enum machvm__direction direction)
{
	int r = target->own || machvm__own_memory_forces() ? 0 : machvm__words_try(target, direction);

	return r == -EPERM ? -EKEYREJECTED : r;
}

bool machvm__target_touch(struct machvm__target *target, uint64_t raddr)
{
	uint64_t page = raddr & ~(uint64_t)(machvm__page_size() - 1);
	uint64_t word;
	char sink;

	if (machvm__target_honours(target, MACHVM__READ, raddr, 1))
		return readable(target, raddr, &sink);
	return machvm__target_pages(target, page, 1, &word) == 1 &&
	       (word & (MACHVM__PAGE_PRESENT | MACHVM__PAGE_SWAPPED));
}

/* One byte, with the protections honoured or, where they allow no reading, without. */
static int probe_page(struct machvm__target *target, uint64_t at, char *sink)
{
	bool honours = machvm__target_honours(target, MACHVM__READ, at, 1);
	size_t done;
	int r;

	if (readable(target, at, sink))
		return 0;
	r = machvm__target_force(target, MACHVM__READ, at, sink, 1, &done);
	return r && honours && r != -ESRCH && r != -EKEYREJECTED ? -EFAULT : r;
}

/* Our own pages, as we would touch them ourselves. */
static int probe_own(uint64_t start, uint64_t end, uint64_t *bad)
{
	if (machvm__own_memory_gather((void *)(uintptr_t)start, (size_t)(end - start)) == 0)
		return 0;
	for (*bad = start; *bad < end; *bad += machvm__page_size())
		if (machvm__own_memory_gather((void *)(uintptr_t)*bad, 1))
			return -EFAULT;
	return 0;
}

int machvm__target_probe(struct machvm__target *target, uint64_t start, uint64_t end, uint64_t *bad)
{
	enum { MOST = 256 };
	struct iovec pages[MOST];
	char sink[MOST];
	size_t page = machvm__page_size();

	if (target->own)
		return probe_own(start, end, bad);
	while (start < end) {
		int tid = atomic_load(&target->tid);
		struct iovec into = {sink, 0};
		uint64_t first = start;

		for (; into.iov_len < MOST && start < end; start += page)
			pages[into.iov_len++] = (struct iovec){(void *)(uintptr_t)start, 1};
		if (machvm__target_honours(target, MACHVM__READ, first, (size_t)(start - first)) &&
		    machvm__copy_process_list(MACHVM__READ, tid, &into, 1, pages, into.iov_len) ==
		            (ssize_t)into.iov_len &&
		    machvm__target_owns(target, tid))
			continue;
		for (uint64_t at = first; at < start; at += page) {
			int r = probe_page(target, at, sink);

			if (r) {
				*bad = at;
				return r;
			}
		}
	}
	return 0;
}
