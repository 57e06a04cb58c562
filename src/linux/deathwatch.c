/* SPDX-License-Identifier: MIT */
/* deathwatch.c - perf events, the epoll instance, and asking a handle. */
#include "deathwatch.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "descriptor.h"
#include "fork_notice.h"
#include "pages.h"
#include "uapi.h"

_Static_assert(offsetof(struct perf_event_mmap_page, data_head) == MACHVM__PERF_HEAD,
               "data_head is where the inline check looks");

/* An event costs a descriptor, two pages and 15 us: for those who come back. */
#define PERF_AFTER 64

/*
 * Guards the epoll instance: who is in it, and marking the dead. A process that
 * was forked while another thread held it finds it free: see instance().
 */
static struct {
	pthread_mutex_t lock;
	_Atomic int fd;
	_Atomic uint32_t epoch;
} crowd = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* In a child: whoever held the lock is a thread of our parent. */
static void renew(void)
{
	crowd.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

void machvm__deathwatch_init(struct machvm__deathwatch *watch, int handle, enum machvm__handle kind)
{
	machvm__fork_notice_add(renew);
	*watch = (struct machvm__deathwatch){.handle = handle, .kind = kind, .perf_fd = -1};
}

static void drop_perf(struct machvm__deathwatch *watch)
{
	const void *page = atomic_exchange(&watch->perf_page, NULL);

	/* The mapping is VM_DONTCOPY: in a child there is nothing to unmap. */
	if (page && atomic_load(&watch->perf_epoch) == atomic_load(&machvm__epoch))
		munmap((void *)(uintptr_t)page, 2 * machvm__page_size());
	machvm__descriptor_close(watch->perf_fd);
	watch->perf_fd = -1;
}

void machvm__deathwatch_fini(struct machvm__deathwatch *watch)
{
	pthread_mutex_lock(&crowd.lock);
	if (atomic_load(&watch->epoll_epoch) == atomic_load(&machvm__epoch) &&
	    atomic_load(&crowd.fd) >= 0)
		epoll_ctl(atomic_load(&crowd.fd), EPOLL_CTL_DEL, watch->handle, NULL);
	drop_perf(watch);
	pthread_mutex_unlock(&crowd.lock);
}

/* The epoll instance of this process, not of the one we were forked from. Under the lock. */
static int instance(void)
{
	uint32_t epoch = atomic_load(&machvm__epoch);

	if (atomic_load(&crowd.fd) >= 0 && atomic_load(&crowd.epoch) == epoch)
		return atomic_load(&crowd.fd);
	/* The inherited descriptor shows our parent's instance; ours is another. */
	if (atomic_load(&crowd.fd) >= 0)
		machvm__descriptor_close(atomic_load(&crowd.fd));
	int fd = epoll_create1(EPOLL_CLOEXEC);
	atomic_store(&crowd.fd, fd < 0 ? -1 : fd);
	atomic_store(&crowd.epoch, epoch);
	return fd < 0 ? -errno : fd;
}

static bool join_crowd(struct machvm__deathwatch *watch)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
	uint32_t epoch = atomic_load(&machvm__epoch);
	bool joined = false;
	int fd;

	if (watch->kind != MACHVM__HANDLE_PIDFD)
		return false;
	pthread_mutex_lock(&crowd.lock);
	if (atomic_load(&watch->perf_page) && atomic_load(&watch->perf_epoch) != epoch) {
		/* Inherited by fork: the event serves our parent, and its page is not mapped here. */
		drop_perf(watch);
		atomic_store(&watch->asked, 0);
	}
	fd = instance();
	if (fd >= 0 && (epoll_ctl(fd, EPOLL_CTL_ADD, watch->handle, &event) == 0 || errno == EEXIST)) {
		atomic_store(&watch->epoll_epoch, epoch);
		joined = true;
	}
	pthread_mutex_unlock(&crowd.lock);
	return joined;
}

/*
 * Somebody in the crowd died: mark them, then take them out. In this order, for
 * whoever finds the instance quiet afterwards must find the mark as well.
 */
static void bury(void)
{
	struct epoll_event event;

	pthread_mutex_lock(&crowd.lock);
	while (atomic_load(&crowd.fd) >= 0 && atomic_load(&crowd.epoch) == atomic_load(&machvm__epoch) &&
	       epoll_wait(atomic_load(&crowd.fd), &event, 1, 0) == 1) {
		struct machvm__deathwatch *watch = event.data.ptr;

		atomic_store(&watch->dead, true);
		epoll_ctl(atomic_load(&crowd.fd), EPOLL_CTL_DEL, watch->handle, NULL);
	}
	pthread_mutex_unlock(&crowd.lock);
}

static int ask_crowd(struct machvm__deathwatch *watch)
{
	struct epoll_event event;
	int n;

	if (atomic_load(&watch->epoll_epoch) != atomic_load(&machvm__epoch) && !join_crowd(watch))
		return machvm__process_alive(watch->handle, watch->kind);
	do
		n = epoll_wait(atomic_load_explicit(&crowd.fd, memory_order_relaxed), &event, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return machvm__process_alive(watch->handle, watch->kind);
	if (n > 0)
		bury();
	return atomic_load(&watch->dead) ? -ESRCH : 0;
}

/* Watches the leader from now on; without one the crowd goes on answering. */
static void open_perf(struct machvm__deathwatch *watch, int tgid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof attr,
		.config = PERF_COUNT_SW_DUMMY,
		.task = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	void *page;
	int fd;

	if (tgid <= 0 || machvm__descriptor_limit() < 256)
		return;
	fd = (int)syscall(SYS_perf_event_open, &attr, tgid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return;
	/* Descriptors are the program's: for those who come late the crowd goes on answering. */
	if ((uint64_t)fd >= machvm__descriptor_limit() * 3 / 4) {
		close(fd);
		return;
	}
	/* Read-only: the ring overwrites itself, so the head always moves. */
	page = mmap(NULL, 2 * machvm__page_size(), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		close(fd);
		return;
	}
	pthread_mutex_lock(&crowd.lock);
	drop_perf(watch);
	watch->perf_fd = fd;
	atomic_store(&watch->perf_epoch, atomic_load(&machvm__epoch));
	/*
	 * The number may have changed hands before the event was opened: it counts
	 * only if the process lives now. And it may be exiting, its record written and
	 * its pidfd not awake yet: so what counts as quiet is an empty ring, not the
	 * head as it is found.
	 */
	atomic_store(&watch->perf_head, 0);
	if (machvm__process_alive(watch->handle, watch->kind) == 0)
		atomic_store_explicit(&watch->perf_page, page, memory_order_release);
	else
		munmap(page, 2 * machvm__page_size());
	pthread_mutex_unlock(&crowd.lock);
}

/*
 * Are the records in [from, to) all forks? An exit is written before the pidfd
 * wakes, and nothing after it: once the event has told of one it has no more to
 * tell, whatever the pidfd still says.
 */
static bool only_forks(const void *page, uint64_t from, uint64_t to)
{
	const char *ring = (const char *)page + machvm__page_size();
	uint64_t size = machvm__page_size();

	if (to - from > size)
		return false;
	while (from < to) {
		/* Records are aligned to eight bytes, so a header never wraps. */
		const volatile struct perf_event_header *record =
			(const volatile void *)(ring + (from & (size - 1)));

		if (record->type != PERF_RECORD_FORK || record->size < sizeof *record)
			return false;
		from += record->size;
	}
	return true;
}

/*
 * The head moved: the leader forked, exited, or gave up its number to a thread
 * that called exec, which is an exit as well.
 */
static int ask_after_record(struct machvm__deathwatch *watch, const void *page)
{
	uint64_t before = atomic_load(&watch->perf_head);
	uint64_t head = ((const volatile struct perf_event_mmap_page *)page)->data_head;
	int r;

	atomic_thread_fence(memory_order_acquire);
	r = machvm__process_alive(watch->handle, watch->kind);
	if (r)
		return r;
	if (before == head)
		return 0;
	if (only_forks(page, before, head)) {
		/* Another thread may have seen more by now; its head is as good. */
		atomic_compare_exchange_strong(&watch->perf_head, &before, head);
	} else {
		/* The page stays mapped until the end: another thread may be reading it. */
		atomic_store(&watch->perf_lost, true);
		atomic_store(&watch->perf_head, UINT64_MAX);
	}
	return 0;
}

int machvm__deathwatch_ask(struct machvm__deathwatch *watch, int tgid)
{
	const void *page = atomic_load(&watch->perf_page);
	int r;

	if (atomic_load(&watch->dead))
		return -ESRCH;
	if (page && !atomic_load(&watch->perf_lost) &&
	    atomic_load(&watch->perf_epoch) == atomic_load(&machvm__epoch)) {
		r = ask_after_record(watch, page);
	} else {
		r = ask_crowd(watch);
		if (r == 0 && atomic_fetch_add(&watch->asked, 1) + 1 == PERF_AFTER)
			open_perf(watch, tgid);
	}
	if (r)
		atomic_store(&watch->dead, true);
	return r;
}
