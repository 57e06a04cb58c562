/* SPDX-License-Identifier: MIT */
/* deathwatch.c - who gets a ring, the epoll instance, and asking a handle. */
#include "deathwatch.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "copy.h"
#include "death_ring.h"
#include "descriptor.h"
#include "fork_notice.h"

/*
 * The first ring is tens of milliseconds when we exit, and each is 30 us now: for
 * those who come back, and for others sooner once there is one.
 */
#define FIRST_RING_AFTER 1024
#define RING_AFTER       128
static _Atomic unsigned ring_after = FIRST_RING_AFTER;

/* Never quiet, whatever a ring counts as quiet: a tail is an index. */
static const _Atomic uint32_t no_word = UINT32_MAX;

/*
 * Guards the epoll instance, who is in it, and marking the dead; and the rings. A
 * process that was forked while another thread held it finds it free: see instance().
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
	ring_after = FIRST_RING_AFTER;
}

void machvm__deathwatch_init(struct machvm__deathwatch *watch, int handle, enum machvm__handle kind)
{
	machvm__fork_notice_add(renew);
	*watch = (struct machvm__deathwatch){.word = &no_word, .handle = handle, .kind = kind};
}

void machvm__deathwatch_renew(struct machvm__deathwatch *watch)
{
	watch->word = &no_word;
	watch->quiet = 0;
	watch->ring = NULL;
	watch->asked = 0;
}

void machvm__deathwatch_fini(struct machvm__deathwatch *watch)
{
	pthread_mutex_lock(&crowd.lock);
	if (atomic_load(&watch->epoll_epoch) == atomic_load(&machvm__epoch) &&
	    atomic_load(&crowd.fd) >= 0)
		epoll_ctl(atomic_load(&crowd.fd), EPOLL_CTL_DEL, watch->handle, NULL);
	if (watch->ring)
		machvm__death_ring_disarm(watch->ring);
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

int machvm__deathwatch_ask(struct machvm__deathwatch *watch)
{
	if (atomic_load(&watch->dead))
		return -ESRCH;
	int r = ask_crowd(watch);
	if (r)
		atomic_store(&watch->dead, true);
	return r;
}

/*
 * Does the leader live, now that the ring is armed? A wake-up that came in the
 * middle of that may be in a worker's hands, and would keep the next one from
 * being heard. Only of an exit there is a wake-up: the process's, and before 6.15
 * the leader's. An exited leader has no memory: that number fails with ESRCH.
 */
static bool unwoken(struct machvm__deathwatch *watch, int tgid)
{
	char byte;
	ssize_t n = machvm__copy_process(MACHVM__READ, tgid, 0, &byte, 1);

	return (n == 1 || n == -EFAULT) && machvm__process_alive(watch->handle, watch->kind) == 0;
}

static void get_ring(struct machvm__deathwatch *watch, int tgid)
{
	struct machvm__death_ring *ring = NULL;

	pthread_mutex_lock(&crowd.lock);
	if (!watch->ring && watch->kind == MACHVM__HANDLE_PIDFD)
		ring = machvm__death_ring_arm(watch->handle);
	if (ring && unwoken(watch, tgid)) {
		watch->ring = ring;
		atomic_store_explicit(&ring_after, RING_AFTER, memory_order_relaxed);
		atomic_store_explicit(&watch->quiet, machvm__death_ring_quiet(ring),
		                      memory_order_relaxed);
		atomic_store_explicit(&watch->word, machvm__death_ring_word(ring),
		                      memory_order_release);
	} else if (ring) {
		machvm__death_ring_disarm(ring);
	}
	pthread_mutex_unlock(&crowd.lock);
}

int machvm__deathwatch_ask_often(struct machvm__deathwatch *watch, int tgid)
{
	unsigned asked = atomic_fetch_add_explicit(&watch->asked, 1, memory_order_relaxed) + 1;

	if (asked % atomic_load_explicit(&ring_after, memory_order_relaxed) == 0)
		get_ring(watch, tgid);
	return machvm__deathwatch_ask(watch);
}
