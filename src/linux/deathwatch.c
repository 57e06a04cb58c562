/* SPDX-License-Identifier: MIT */
/* deathwatch.c - the epoll instance, and asking a handle. */
#include "deathwatch.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "descriptor.h"
#include "fork_notice.h"

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
	*watch = (struct machvm__deathwatch){.handle = handle, .kind = kind};
}

void machvm__deathwatch_fini(struct machvm__deathwatch *watch)
{
	pthread_mutex_lock(&crowd.lock);
	if (atomic_load(&watch->epoll_epoch) == atomic_load(&machvm__epoch) &&
	    atomic_load(&crowd.fd) >= 0)
		epoll_ctl(atomic_load(&crowd.fd), EPOLL_CTL_DEL, watch->handle, NULL);
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

int machvm__deathwatch_check(struct machvm__deathwatch *watch)
{
	if (atomic_load(&watch->dead))
		return -ESRCH;
	int r = ask_crowd(watch);
	if (r)
		atomic_store(&watch->dead, true);
	return r;
}
