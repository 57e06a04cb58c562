/* SPDX-License-Identifier: MIT */
/* death_ring.c - AIO contexts, made, used, used again. */
#include "death_ring.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "fork_notice.h"
#include "uapi.h"

/* Of the 65,536 requests that all processes together may have in hand (fs.aio-max-nr). */
#define RINGS 1024

/* The head of what io_setup(2) maps: what user space may rely on, see libaio. */
struct ring_page {
	uint32_t id;
	uint32_t size;
	uint32_t head;
	_Atomic uint32_t tail;
	uint32_t magic;
	uint32_t compatible_features;
	uint32_t incompatible_features;
	uint32_t header_length;
};
#define RING_MAGIC 0xa10a10a1u

struct machvm__death_ring {
	enum { READY, ARMED, ENDING } state;
	aio_context_t context; /* the address of the page, too */
	struct iocb request;
	uint32_t quiet;
};
static struct machvm__death_ring rings[RINGS];
static int made; /* they stand first; a made one stays */

/* The kernel has no AIO, or a filter forbids it: once refused, for good. */
static bool refused;

/* In a child: contexts belong to an address space, and the pages were not inherited. */
static void renew(void)
{
	memset(rings, 0, (size_t)made * sizeof *rings);
	made = 0;
}

static struct ring_page *page_of(const struct machvm__death_ring *ring)
{
	return (struct ring_page *)(uintptr_t)ring->context;
}

const _Atomic uint32_t *machvm__death_ring_word(const struct machvm__death_ring *ring)
{
	return &page_of(ring)->tail;
}

uint32_t machvm__death_ring_quiet(const struct machvm__death_ring *ring)
{
	return ring->quiet;
}

/*
 * Makes the context of an empty place. Its page is not for children, who would
 * hold on to it, and not to be written by accident: the kernel has its own way.
 */
static bool make(struct machvm__death_ring *ring)
{
	aio_context_t context = 0;
	struct ring_page *page;
	size_t length;

	if (syscall(SYS_io_setup, 1, &context)) {
		refused = errno != EAGAIN && errno != ENOMEM;
		return false;
	}
	page = (struct ring_page *)(uintptr_t)context;
	length = page->header_length + page->size * sizeof(struct io_event);
	if (page->magic != RING_MAGIC || page->incompatible_features ||
	    madvise(page, length, MADV_DONTFORK) || mprotect(page, length, PROT_READ)) {
		refused = true;
		syscall(SYS_io_destroy, context);
		return false;
	}
	*ring = (struct machvm__death_ring){.state = READY, .context = context};
	return true;
}

/* Has the request that was taken back come to its end? Then its event makes room. */
static bool settled(struct machvm__death_ring *ring)
{
	struct timespec at_once = {0};
	struct io_event event;

	if (ring->state == ENDING && atomic_load(&page_of(ring)->tail) != ring->quiet &&
	    syscall(SYS_io_getevents, ring->context, 0, 1, &event, &at_once) == 1)
		ring->state = READY;
	return ring->state == READY;
}

/* One that has been used before, else a new one. */
static struct machvm__death_ring *find(void)
{
	for (int i = 0; i < made; i++)
		if (settled(&rings[i]))
			return &rings[i];
	if (made == RINGS || !make(&rings[made]))
		return NULL;
	return &rings[made++];
}

/* Does the wake-up say what for? */
static bool wakes_with_reason(int pidfd)
{
	struct statfs fs;

	return fstatfs(pidfd, &fs) == 0 && (uint32_t)fs.f_type == MACHVM__PIDFS_MAGIC;
}

struct machvm__death_ring *machvm__death_ring_arm(int pidfd)
{
	struct machvm__death_ring *ring;
	struct iocb *requests[1];

	machvm__fork_notice_add(renew);
	ring = refused || !wakes_with_reason(pidfd) ? NULL : find();
	if (!ring)
		return NULL;
	ring->request = (struct iocb){
		.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)pidfd, .aio_buf = POLLIN};
	ring->quiet = atomic_load(&page_of(ring)->tail);
	requests[0] = &ring->request;
	if (syscall(SYS_io_submit, ring->context, 1, requests) != 1) {
		refused = errno != EAGAIN && errno != ENOMEM && errno != EBADF;
		return NULL;
	}
	ring->state = ARMED;
	return ring;
}

void machvm__death_ring_disarm(struct machvm__death_ring *ring)
{
	struct io_event event;

	/* A worker completes it some time later; a process that has died has done so already. */
	syscall(SYS_io_cancel, ring->context, &ring->request, &event);
	ring->state = ENDING;
}
