/* SPDX-License-Identifier: MIT */
/*
 * parcel.h - a message of fixed size and the descriptors that go with it, over a
 * Unix socket of any type. Knows nothing of what they mean.
 *
 * Whoever sends is not trusted: the message may be cut, spread over several
 * writes, or come with any number of descriptors of any kind. What is received is
 * exactly one message and no more descriptors than there is room for, all of them
 * close-on-exec; whatever else came along is closed.
 */
#ifndef MACHVM_LINUX_PARCEL_H
#define MACHVM_LINUX_PARCEL_H

#include <stddef.h>

/* What one message can bring (SCM_MAX_FD). */
#define MACHVM__PARCEL_MOST 253

/*
 * 0, or -errno: -ENOTSOCK and -EPROTOTYPE when it is no Unix socket, -EPIPE when
 * nobody reads, -EAGAIN when it may not wait, -ETOOMANYREFS when too many are
 * under way. The descriptors stay the caller's.
 */
int machvm__parcel_send(int socket, const void *message, size_t size, const int *descriptors,
                        size_t count);

/*
 * Waits as the socket does. 0, with *count descriptors; or -errno and none:
 * -ENODATA at the end of a stream, -EBADMSG for what is not a message of that size
 * with at most `room` descriptors, -EMFILE when there was no number left for one.
 */
int machvm__parcel_receive(int socket, void *message, size_t size, int *descriptors, size_t room,
                           size_t *count);

#endif
