/* SPDX-License-Identifier: MIT */
/* batch.c - from pieces to the two vectors of process_vm_*. */
#include "batch.h"

#include <errno.h>

/* IOV_MAX; the kernel refuses more. */
#define VECTORS 1024

struct vectors {
	struct iovec local[VECTORS], remote[VECTORS];
	size_t locals, remotes;
	size_t bytes;
};

/* Does it go on where the last one ends? Two vectors in one spare the kernel a look at a page. */
static bool goes_on(const struct iovec *last, const void *next)
{
	return (char *)last->iov_base + last->iov_len == next;
}

static bool append(struct iovec *vectors, size_t *count, void *start, size_t size)
{
	if (*count && goes_on(&vectors[*count - 1], start)) {
		vectors[*count - 1].iov_len += size;
		return true;
	}
	if (*count == VECTORS)
		return false;
	vectors[(*count)++] = (struct iovec){start, size};
	return true;
}

/*
 * As many pieces as one call can take: how many. The two sides are merged each
 * by itself; the kernel counts bytes, not vectors.
 */
static size_t gather(struct vectors *vectors, const struct machvm__piece *pieces, size_t count)
{
	size_t taken = 0;

	vectors->locals = vectors->remotes = vectors->bytes = 0;
	for (; taken < count; taken++) {
		const struct machvm__piece *piece = &pieces[taken];

		if (vectors->bytes && piece->size > MACHVM__COPY_MAX - vectors->bytes)
			break;
		if (vectors->locals == VECTORS || vectors->remotes == VECTORS)
			break;
		append(vectors->local, &vectors->locals, piece->local, piece->size);
		append(vectors->remote, &vectors->remotes, (void *)(uintptr_t)piece->raddr,
		       piece->size);
		vectors->bytes += piece->size;
	}
	return taken;
}

/*
 * By the process's own number, which is proved by its life; a thread's, in a dead
 * leader's place, would have to be asked about at each call (move.c does).
 */
static ssize_t call(struct machvm__target *target, enum machvm__direction direction,
                    const struct vectors *vectors)
{
	return machvm__copy_process_list(direction, target->numbers.tgid, vectors->local,
	                                 vectors->locals, vectors->remote, vectors->remotes);
}

/* May the pieces be named in a vector here (a caller of 32 bits), and by this call? */
static bool reachable(struct machvm__target *target, enum machvm__direction direction,
                      const struct machvm__piece *pieces, size_t count)
{
	int tid = atomic_load_explicit(&target->tid, memory_order_relaxed);

	if (!tid || tid != target->numbers.tgid)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!machvm__target_honours(target, direction, pieces[i].raddr, pieces[i].size) ||
		    pieces[i].size > MACHVM__COPY_MAX)
			return false;
	return true;
}

int machvm__batch_move(struct machvm__target *target, enum machvm__direction direction,
                       const struct machvm__piece *pieces, size_t count, size_t *done)
{
	struct vectors vectors;
	int r = machvm__target_alive(target);

	*done = 0;
	if (r == 0 && !reachable(target, direction, pieces, count))
		r = -EOPNOTSUPP;
	while (r == 0 && count) {
		size_t taken = gather(&vectors, pieces, count);
		ssize_t n = call(target, direction, &vectors);

		if (n > 0)
			*done += (size_t)n;
		if (n != (ssize_t)vectors.bytes)
			r = n < 0 ? (int)n : -EFAULT;
		pieces += taken;
		count -= taken;
	}
	/* Was it the target all the while? Its number is its own while it lives. */
	return machvm__target_alive(target) ? -ESRCH : r;
}
