/* SPDX-License-Identifier: MIT */
/* message.c - the bytes of a message, in and out. */
#include "message.h"

#include <errno.h>
#include <mach/message.h>
#include <stdbool.h>
#include <string.h>

#include "bundle.h"

static const char magic[8] = {'m', 'a', 'c', 'h', 'v', 'm', '\r', '\n'};

struct wire {
	char magic[8];
	uint32_t version;
	uint32_t kind;
	uint32_t right;
	int32_t code;
	int32_t pid;
	uint32_t zero;
	char text[MACHVM__MESSAGE_TEXT];
};
_Static_assert(sizeof(struct wire) == MACHVM__MESSAGE_SIZE, "a message has one size for all time");

size_t machvm__message_descriptors(enum machvm_right right)
{
	switch (right) {
	case MACHVM_RIGHT_CONTROL:
		return MACHVM__BUNDLE_WRITE + 1;
	case MACHVM_RIGHT_READ:
		return MACHVM__BUNDLE_READ + 1;
	case MACHVM_RIGHT_INSPECT:
		return MACHVM__BUNDLE_PAGEMAP + 1;
	case MACHVM_RIGHT_NAME:
		break;
	}
	return MACHVM__BUNDLE_HANDLE + 1;
}

void machvm__message_encode(const struct machvm__message *message,
                            unsigned char wire[MACHVM__MESSAGE_SIZE])
{
	struct wire out = {.version = MACHVM__MESSAGE_VERSION, .kind = message->kind};

	memcpy(out.magic, magic, sizeof magic);
	if (message->kind == MACHVM__MESSAGE_RIGHT) {
		out.right = message->right;
	} else if (message->kind == MACHVM__MESSAGE_REQUEST) {
		out.right = message->right;
		out.pid = message->pid;
	} else {
		out.code = message->code;
		memcpy(out.text, message->text, strnlen(message->text, sizeof out.text - 1));
	}
	memcpy(wire, &out, sizeof out);
}

static bool all_zero(const void *bytes, size_t size)
{
	const char *at = bytes;

	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

/* The codes that a refusal may have: whoever sends it does not choose freely. */
static bool refusing(int32_t code)
{
	return code == KERN_DENIED || code == KERN_RESOURCE_SHORTAGE || code == KERN_INVALID_ARGUMENT ||
	       code == KERN_ABORTED || code == MACH_SEND_INVALID_DEST;
}

static int decode_right(const struct wire *in, struct machvm__message *message)
{
	if (in->right > MACHVM_RIGHT_NAME || in->code || !all_zero(in->text, sizeof in->text))
		return -EBADMSG;
	message->right = (enum machvm_right)in->right;
	return 0;
}

static int decode_request(const struct wire *in, size_t descriptors, struct machvm__message *message)
{
	if (descriptors || in->pid <= 0 || decode_right(in, message))
		return -EBADMSG;
	message->pid = in->pid;
	return 0;
}

static int decode_refusal(const struct wire *in, size_t descriptors, struct machvm__message *message)
{
	size_t length = strnlen(in->text, sizeof in->text);

	if (in->right || descriptors || !refusing(in->code) || length == sizeof in->text ||
	    !all_zero(in->text + length, sizeof in->text - length))
		return -EBADMSG;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)in->text[i] < 0x20 || in->text[i] == 0x7f)
			return -EBADMSG;
	message->code = in->code;
	memcpy(message->text, in->text, sizeof message->text);
	return 0;
}

int machvm__message_decode(const unsigned char wire[MACHVM__MESSAGE_SIZE], size_t descriptors,
                           struct machvm__message *message)
{
	struct wire in;

	memcpy(&in, wire, sizeof in);
	if (memcmp(in.magic, magic, sizeof magic))
		return -EBADMSG;
	if (in.version != MACHVM__MESSAGE_VERSION)
		return -EPROTONOSUPPORT;
	if (in.zero || (in.pid && in.kind != MACHVM__MESSAGE_REQUEST))
		return -EBADMSG;
	*message = (struct machvm__message){.kind = (enum machvm__message_kind)in.kind};
	switch (in.kind) {
	case MACHVM__MESSAGE_RIGHT:
		if (decode_right(&in, message))
			return -EBADMSG;
		return descriptors == machvm__message_descriptors(message->right) ? 0 : -EBADMSG;
	case MACHVM__MESSAGE_REQUEST:
		return decode_request(&in, descriptors, message);
	case MACHVM__MESSAGE_REFUSAL:
		return decode_refusal(&in, descriptors, message);
	default:
		return -EBADMSG;
	}
}
