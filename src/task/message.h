/* SPDX-License-Identifier: MIT */
/*
 * message.h - what is said when a right goes from one process to another. A
 * message has one size for all time, so that a reader of any age takes exactly one
 * out of a stream; its descriptors travel beside it and are counted by the right.
 *
 * Both ends are on one machine, so numbers are in its own byte order; they have
 * the same widths for programs of 32 and of 64 bits. Encoding and decoding
 * are functions of their arguments alone, and nothing in a message is believed.
 */
#ifndef MACHVM_TASK_MESSAGE_H
#define MACHVM_TASK_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <machvm.h>

#define MACHVM__MESSAGE_SIZE    256
#define MACHVM__MESSAGE_VERSION 1
#define MACHVM__MESSAGE_TEXT    224

enum machvm__message_kind {
	MACHVM__MESSAGE_RIGHT = 1,  /* here it is */
	MACHVM__MESSAGE_REFUSAL = 2, /* here is none, and why */
	MACHVM__MESSAGE_REQUEST = 3, /* may I have one, please: to a broker */
};

struct machvm__message {
	enum machvm__message_kind kind;
	enum machvm_right right;
	int pid; /* of a request */
	kern_return_t code; /* of a refusal; never KERN_SUCCESS */
	char text[MACHVM__MESSAGE_TEXT]; /* of a refusal: one line, printable */
};

/*
 * How many descriptors travel with a right: the first so many of bundle.h. None does
 * with a request or a refusal.
 */
size_t machvm__message_descriptors(enum machvm_right right);

void machvm__message_encode(const struct machvm__message *message,
                            unsigned char wire[MACHVM__MESSAGE_SIZE]);

/*
 * `descriptors` have come along. 0; -EBADMSG when it is no message, or one whose parts
 * contradict each other; -EPROTONOSUPPORT when it is of another version.
 */
int machvm__message_decode(const unsigned char wire[MACHVM__MESSAGE_SIZE], size_t descriptors,
                           struct machvm__message *message);

#endif
