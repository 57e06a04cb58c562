/* SPDX-License-Identifier: MIT */
/* One userfaultfd per process, opened when the first page needs it. */
#include "fault.h"
#include "pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

/* Linux 6.6, newer than the headers. */
struct fault_poison_request {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};
#define FAULT_POISON _IOWR(UFFDIO, 0x08, struct fault_poison_request)

/* Nobody comes: an error to report, in milliseconds. No test depends on how long it is. */
#define FAULT_PATIENCE 20000

static int fault_fd = -1;
static pid_t fault_owner;

/*
 * An unprivileged process may only hold back the faults of user code (sysctl
 * vm.unprivileged_userfaultfd): transfers by the kernel then fail at once
 * instead of waiting, which is a case of its own.
 */
static int open_fault(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP};
	int fd;

	/* A forked child has the parent's descriptor, which watches the parent's memory. */
	if (fault_fd >= 0 && fault_owner == getpid())
		return 0;
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == EPERM)
		fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) != 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	fault_fd = fd;
	fault_owner = getpid();
	return 0;
}

static int register_range(void *address, size_t size, uint64_t mode)
{
	struct uffdio_register request = {
		.range = {(uintptr_t)address, size},
		.mode = mode,
	};
	int r = open_fault();

	if (r != 0)
		return r;
	return ioctl(fault_fd, UFFDIO_REGISTER, &request) == 0 ? 0 : -errno;
}

int fault_register(void *address, size_t size)
{
	return register_range(address, size, UFFDIO_REGISTER_MODE_MISSING);
}

static int write_protect(void *address, size_t size, uint64_t mode)
{
	struct uffdio_writeprotect request = {
		.range = {(uintptr_t)address, size},
		.mode = mode,
	};

	return ioctl(fault_fd, UFFDIO_WRITEPROTECT, &request) == 0 ? 0 : -errno;
}

int fault_protect(void *address, size_t size)
{
	int r = register_range(address, size, UFFDIO_REGISTER_MODE_WP);

	return r != 0 ? r : write_protect(address, size, UFFDIO_WRITEPROTECT_MODE_WP);
}

int fault_unprotect(void *address, size_t size)
{
	return write_protect(address, size, 0);
}

int fault_poison(void *address, size_t size)
{
	struct fault_poison_request request = {.range = {(uintptr_t)address, size}};

	return ioctl(fault_fd, FAULT_POISON, &request) == 0 ? 0 : -errno;
}

int fault_wait(void)
{
	struct pollfd wait = {.fd = fault_fd, .events = POLLIN};
	struct uffd_msg message;

	for (;;) {
		int n = poll(&wait, 1, FAULT_PATIENCE);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		/* Reading takes the event, so that the next wait is for the next fault. */
		if (read(fault_fd, &message, sizeof(message)) == (ssize_t)sizeof(message))
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

int fault_serve(void *address, size_t size, uint64_t seed)
{
	uint8_t *contents = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);
	struct uffdio_copy request = {
		.dst = (uintptr_t)address,
		.src = (uintptr_t)contents,
		.len = size,
	};
	int r = 0;

	if (contents == MAP_FAILED)
		return -errno;
	pattern_fill(contents, (uintptr_t)address, size, seed);
	if (ioctl(fault_fd, UFFDIO_COPY, &request) != 0)
		r = -errno;
	munmap(contents, size);
	return r;
}

int fault_wake(void *address, size_t size)
{
	struct uffdio_range request = {(uintptr_t)address, size};

	return ioctl(fault_fd, UFFDIO_WAKE, &request) == 0 ? 0 : -errno;
}
