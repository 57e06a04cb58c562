/* SPDX-License-Identifier: MIT */
/* parcel.c - sendmsg(2) and recvmsg(2) with SCM_RIGHTS, see unix(7). */
#include "parcel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "descriptor.h"

#ifndef SCM_PIDFD /* Linux 6.5, with SO_PASSPIDFD */
#define SCM_PIDFD 0x04
#endif

/* Room for the most descriptors there can be, and for what other socket options add. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(MACHVM__PARCEL_MOST * sizeof(int)) + 1024];
};

/* SOCK_STREAM or another type; -errno when it is no Unix socket. */
static int socket_type(int socket)
{
	int domain, type;
	socklen_t size = sizeof domain;

	if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size))
		return -errno;
	if (domain != AF_UNIX)
		return -EPROTOTYPE;
	size = sizeof type;
	return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) ? -errno : type;
}

static ssize_t send_once(int socket, const struct msghdr *header)
{
	ssize_t n;

	do
		n = sendmsg(socket, header, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int machvm__parcel_send(int socket, const void *message, size_t size, const int *descriptors,
                        size_t count)
{
	struct iovec vector = {(void *)(uintptr_t)message, size};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
	union control control;
	int type = socket_type(socket);

	if (type < 0)
		return type;
	if (count > MACHVM__PARCEL_MOST)
		return -EINVAL;
	if (count) {
		struct cmsghdr *first;

		memset(&control, 0, sizeof control);
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		first = CMSG_FIRSTHDR(&header);
		first->cmsg_level = SOL_SOCKET;
		first->cmsg_type = SCM_RIGHTS;
		first->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(first), descriptors, count * sizeof(int));
	}
	while (vector.iov_len) {
		ssize_t n = send_once(socket, &header);

		if (n < 0)
			return n == -ECONNRESET || n == -ECONNREFUSED || n == -ENOTCONN ||
			                       n == -EDESTADDRREQ
			               ? -EPIPE
			               : (int)n;
		/* The descriptors went with the first byte. */
		header.msg_control = NULL;
		header.msg_controllen = 0;
		vector.iov_base = (char *)vector.iov_base + n;
		vector.iov_len -= (size_t)n;
	}
	return 0;
}

/* What has come so far. */
struct intake {
	int *descriptors;
	size_t room, count;
	bool surplus;
};

static void take_rights(struct intake *intake, const struct cmsghdr *part)
{
	size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
		if (intake->count < intake->room) {
			intake->descriptors[intake->count++] = fd;
		} else {
			machvm__descriptor_close(fd);
			intake->surplus = true;
		}
	}
}

/* Every descriptor that the kernel has given us is ours to close. */
static void take_control(struct intake *intake, struct msghdr *header)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		int fd;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_len < CMSG_LEN(0))
			continue;
		if (part->cmsg_type == SCM_RIGHTS) {
			take_rights(intake, part);
		} else if (part->cmsg_type == SCM_PIDFD && part->cmsg_len >= CMSG_LEN(sizeof fd)) {
			memcpy(&fd, CMSG_DATA(part), sizeof fd);
			machvm__descriptor_close(fd);
		}
	}
}

/* One recvmsg: the bytes that came, or -errno. */
static ssize_t receive_once(int socket, char *into, size_t size, struct intake *intake)
{
	struct iovec vector = {into, size};
	union control control;
	struct msghdr header = {.msg_iov = &vector,
	                        .msg_iovlen = 1,
	                        .msg_control = control.bytes,
	                        .msg_controllen = sizeof control.bytes};
	ssize_t n;

	do
		n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_control(intake, &header);
	/* There was room in the buffer: it was numbers that were missing. */
	if (header.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	return header.msg_flags & MSG_TRUNC ? -EBADMSG : n;
}

int machvm__parcel_receive(int socket, void *message, size_t size, int *descriptors, size_t room,
                           size_t *count)
{
	struct intake intake = {descriptors, room, 0, false};
	int type = socket_type(socket);
	size_t got = 0;
	ssize_t n;

	if (type < 0)
		return type;
	do {
		n = receive_once(socket, (char *)message + got, size - got, &intake);
		/* Hung up with something of ours unread. That is told once, before what was said last. */
		if (n == -ECONNRESET && type == SOCK_SEQPACKET)
			n = receive_once(socket, message, size, &intake);
		got += n > 0 ? (size_t)n : 0;
	} while (n > 0 && got < size && type == SOCK_STREAM);
	/* For us it is an end like any other. */
	if (n == -ECONNRESET)
		n = 0;
	/* The rest of a message that has begun is there at once, or never comes. */
	if (n == 0 || (n == -EAGAIN && got))
		n = got || type == SOCK_DGRAM ? -EBADMSG : -ENODATA;
	if (n > 0 && (got != size || intake.surplus))
		n = -EBADMSG;
	if (n < 0) {
		while (intake.count)
			machvm__descriptor_close(intake.descriptors[--intake.count]);
		return (int)n;
	}
	*count = intake.count;
	return 0;
}
