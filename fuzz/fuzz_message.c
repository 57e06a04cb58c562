/* SPDX-License-Identifier: MIT */
/*
 * fuzz_message.c - what comes over a socket instead of a right: any bytes, in any
 * pieces, with any number of descriptors beside each of them.
 *
 * The first byte is how many descriptors the decoder is told of and, above its
 * lower four bits, the type of the socket; then come pieces: a length, a number of
 * descriptors, the bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bundle.h"
#include "message.h"
#include "parcel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* A message that is understood is one that this library would write. */
static void decode(const uint8_t *data, size_t size, size_t descriptors)
{
	unsigned char wire[MACHVM__MESSAGE_SIZE] = {0}, again[MACHVM__MESSAGE_SIZE];
	struct machvm__message message;

	memcpy(wire, data, size < sizeof wire ? size : sizeof wire);
	if (machvm__message_decode(wire, descriptors, &message))
		return;
	if (message.kind == MACHVM__MESSAGE_RIGHT) {
		check(message.right <= MACHVM_RIGHT_NAME);
		check(descriptors == machvm__message_descriptors(message.right));
	} else if (message.kind == MACHVM__MESSAGE_REQUEST) {
		check(descriptors == 0 && message.pid > 0 && message.right <= MACHVM_RIGHT_NAME);
	} else if (message.kind == MACHVM__MESSAGE_REFUSAL) {
		check(descriptors == 0 && message.code != KERN_SUCCESS);
		check(strnlen(message.text, sizeof message.text) < sizeof message.text);
	}
	machvm__message_encode(&message, again);
	check(!memcmp(again, wire, sizeof wire));
}

/* The lowest number that is free: it does not rise when nothing stays open. */
static int lowest_free(void)
{
	int fd = dup(0);

	check(fd >= 0);
	close(fd);
	return fd;
}

static void throw(int socket, const uint8_t *data, size_t size, unsigned descriptors)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(255 * sizeof(int))];
	} control;
	struct iovec vector = {(void *)(uintptr_t)data, size};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
	int many[255];

	if (descriptors > 253)
		descriptors = 253;
	if (descriptors) {
		memset(&control, 0, sizeof control);
		for (unsigned i = 0; i < descriptors; i++)
			many[i] = 0;
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(descriptors * sizeof(int));
		memcpy(CMSG_DATA(&control.align), many, descriptors * sizeof(int));
	}
	sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void receive(int socket)
{
	unsigned char wire[MACHVM__MESSAGE_SIZE];
	int parts[MACHVM__BUNDLE_PARTS];

	for (int i = 0; i < 64; i++) {
		size_t count = 99;
		int r = machvm__parcel_receive(socket, wire, sizeof wire, parts,
		                               MACHVM__BUNDLE_PARTS, &count);

		if (r == -ENODATA || r == -EAGAIN)
			return;
		if (r)
			continue;
		check(count <= MACHVM__BUNDLE_PARTS);
		decode(wire, sizeof wire, count);
		while (count)
			close(parts[--count]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	int ends[2], before = lowest_free();

	if (size < 1)
		return 0;
	decode(data + 1, size - 1, data[0] & 15);
	check(socketpair(AF_UNIX, types[(data[0] >> 4) % 3] | SOCK_CLOEXEC, 0, ends) == 0);
	for (const uint8_t *at = data + 1, *end = data + size; end - at > 2;) {
		size_t length = at[0], left = (size_t)(end - at - 2);

		length = length < left ? length : left;
		throw(ends[0], at + 2, length, at[1]);
		at += 2 + length;
	}
	shutdown(ends[0], SHUT_WR);
	check(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
	receive(ends[1]);
	close(ends[0]);
	close(ends[1]);
	check(lowest_free() == before);
	return 0;
}
