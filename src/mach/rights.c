/* SPDX-License-Identifier: MIT */
/* rights.c - machvm_task_send and machvm_task_receive: rights that travel. */
#include <errno.h>
#include <mach/mach.h>
#include <machvm.h>
#include <stdio.h>
#include <string.h>

#include "bundle.h"
#include "descriptor.h"
#include "error.h"
#include "message.h"
#include "parcel.h"
#include "task.h"

static const char *const right_names[] = {"control", "read", "inspect", "name"};

/* The socket refused, on the way out or in. */
static kern_return_t socket_failed(int socket, int r, const char *step)
{
	switch (r) {
	case -EBADF:
	case -ENOTSOCK:
	case -EPROTOTYPE:
		return machvm__error_system(KERN_INVALID_ARGUMENT, -r, step,
		                            "descriptor %d is not a Unix socket", socket);
	case -EPIPE:
		return machvm__error_system(KERN_ABORTED, EPIPE, step,
		                            "nobody reads from the other end of socket %d", socket);
	case -ENODATA:
		return machvm__error_system(KERN_ABORTED, 0, step,
		                            "the other end of socket %d was closed, and no right came",
		                            socket);
	case -EAGAIN:
		return machvm__error_system(KERN_OPERATION_TIMED_OUT, EAGAIN, step,
		                            "socket %d is not to wait, and is not ready", socket);
	case -EMFILE:
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, EMFILE, step,
		                            "no file descriptor is left for the right, which is lost; "
		                            "raise RLIMIT_NOFILE or release tasks");
	case -ETOOMANYREFS:
	case -ENOMEM:
	case -ENOBUFS:
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, -r, step,
		                            "socket %d holds too much that nobody has taken (%s)",
		                            socket, strerrordesc_np(-r));
	case -EBADMSG:
		return machvm__error_system(KERN_INVALID_ARGUMENT, EBADMSG, step,
		                            "what came over socket %d is not a task right", socket);
	case -EPROTONOSUPPORT:
		return machvm__error_system(KERN_INVALID_ARGUMENT, EPROTONOSUPPORT, step,
		                            "the sender speaks another version of the protocol than %d",
		                            MACHVM__MESSAGE_VERSION);
	default:
		return machvm__error_system(KERN_DENIED, -r, step, "socket %d fails: %s", socket,
		                            strerrordesc_np(-r));
	}
}

static kern_return_t not_packed(struct machvm__target *target, int r)
{
	int pid = machvm__error_pid(target);

	switch (r) {
	case -EXDEV:
		return machvm__error_system(KERN_DENIED, 0, "task send",
		                            "the memory of process %d is not known to be its own (until "
		                            "it executes a program, a vfork child's is its parent's)",
		                            pid);
	case -ECANCELED:
		return machvm__error_system(KERN_ABORTED, 0, "task send",
		                            "process %d keeps executing other programs", pid);
	case -ESRCH:
		return machvm__error_gone(target, "task send");
	default:
		return machvm__error_open(pid, r);
	}
}

static void close_parts(const int *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		machvm__descriptor_close(parts[i]);
}

kern_return_t machvm_task_send(int socket, mach_port_t task, enum machvm_right right)
{
	struct machvm__message message = {.kind = MACHVM__MESSAGE_RIGHT, .right = right};
	unsigned char wire[MACHVM__MESSAGE_SIZE];
	int parts[MACHVM__BUNDLE_PARTS];
	struct machvm__hold hold = {0};
	kern_return_t kr;
	size_t count;
	int r;

	if ((unsigned)right > MACHVM_RIGHT_NAME)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check", "no such right");
	/* A right that the sender does not have is too weak a right of the sender. */
	kr = machvm__task_hold(task, right, &hold);
	if (kr != KERN_SUCCESS)
		return kr;
	count = machvm__message_descriptors(right);
	r = machvm__target_pack(hold.target, count, parts);
	if (r) {
		kr = not_packed(hold.target, r);
		machvm__task_release(&hold);
		return kr;
	}
	machvm__task_release(&hold);
	machvm__message_encode(&message, wire);
	r = machvm__parcel_send(socket, wire, sizeof wire, parts, count);
	close_parts(parts, count);
	return r ? socket_failed(socket, r, "task send") : KERN_SUCCESS;
}

/* What was sent is not what the message says. */
static kern_return_t not_genuine(enum machvm_right right, int r, enum machvm__bundle_part part)
{
	static const char *const what[] = {"process",          "map",    "page counts",
	                                   "page table",       "memory", "writable memory"};

	switch (r) {
	case -ESRCH:
		return machvm__error_system(MACH_SEND_INVALID_DEST, ESRCH, "task receive",
		                            "the process whose %s right was sent is gone",
		                            right_names[right]);
	case -ENOENT:
		return machvm__error_system(KERN_DENIED, ENOENT, "task receive",
		                            "the /proc that is mounted here hides the process, or counts "
		                            "in another pid namespace than the sender's, so that nothing "
		                            "shows whose the %s is that was sent",
		                            what[part]);
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return machvm__error_system(KERN_RESOURCE_SHORTAGE, -r, "task receive",
		                            "no memory or descriptor is left here (%s)",
		                            strerrordesc_np(-r));
	default:
		return machvm__error_system(KERN_INVALID_ARGUMENT, -r, "task receive",
		                            "the sender lies: the descriptor that should be the %s is %s",
		                            what[part],
		                            r == -EXDEV ? "another process's" : "something else");
	}
}

/* Takes one message. `wanted`, when not null, is the process that it must be to. */
static kern_return_t receive(int socket, const struct machvm__process_numbers *wanted,
                             mach_port_t *task)
{
	unsigned char wire[MACHVM__MESSAGE_SIZE];
	struct machvm__process_numbers numbers;
	int parts[MACHVM__BUNDLE_PARTS];
	struct machvm__message message;
	enum machvm__bundle_part bad;
	enum machvm__handle kind;
	size_t count;
	int r;

	r = machvm__parcel_receive(socket, wire, sizeof wire, parts, MACHVM__BUNDLE_PARTS, &count);
	if (r)
		return socket_failed(socket, r, "task receive");
	r = machvm__message_decode(wire, count, &message);
	if (r == 0 && message.kind == MACHVM__MESSAGE_REQUEST)
		r = -EBADMSG;
	if (r == 0 && message.kind == MACHVM__MESSAGE_REFUSAL)
		return machvm__error(message.code, "task receive", "the %s refuses: %s",
				     wanted ? "broker" : "sender", message.text);
	if (r) {
		close_parts(parts, count);
		return socket_failed(socket, r, "task receive");
	}
	r = machvm__target_inspect(parts, count, &kind, &numbers, &bad);
	/* Two live processes never share a number. */
	if (r == 0 && wanted && wanted->proc_tgid != numbers.proc_tgid) {
		bad = MACHVM__BUNDLE_HANDLE;
		r = -EXDEV;
	}
	if (r) {
		close_parts(parts, count);
		return not_genuine(message.right, r, bad);
	}
	return machvm__task_adopt(parts, count, kind, numbers, message.right, task);
}

kern_return_t machvm_task_receive(int socket, mach_port_t *task)
{
	machvm__fork_notice();
	if (!task)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     "the task is to be stored nowhere");
	return receive(socket, NULL, task);
}

kern_return_t machvm_task_request(int socket, int pidfd, enum machvm_right right, mach_port_t *task)
{
	struct machvm__message message = {.kind = MACHVM__MESSAGE_REQUEST, .right = right};
	unsigned char wire[MACHVM__MESSAGE_SIZE];
	struct machvm__process_numbers numbers;
	enum machvm__handle kind;
	mach_port_t got;
	kern_return_t kr;
	int r;

	machvm__fork_notice();
	if ((unsigned)right > MACHVM_RIGHT_NAME || !task)
		return machvm__error(KERN_INVALID_ARGUMENT, "argument check",
		                     task ? "no such right" : "the task is to be stored nowhere");
	r = machvm__process_identify(pidfd, &kind, &numbers);
	if (r == -EBADF || (r == 0 && !numbers.tgid))
		return machvm__error_system(KERN_INVALID_ARGUMENT, EBADF, "task request",
		                            "descriptor %d does not name a process here", pidfd);
	if (r)
		return machvm__error_open(numbers.proc_tgid, r);
	message.pid = numbers.tgid;
	machvm__message_encode(&message, wire);
	r = machvm__parcel_send(socket, wire, sizeof wire, NULL, 0);
	/* Whoever turns a client away says why and closes, perhaps before it has asked. */
	kr = r && r != -EPIPE ? socket_failed(socket, r, "task request")
	                      : receive(socket, &numbers, &got);
	if (kr != KERN_SUCCESS)
		return kr;
	/* The number was its own all the while. */
	if (machvm__process_alive(pidfd, kind)) {
		machvm__port_change(got, -1);
		return machvm__error_open(numbers.proc_tgid, -ESRCH);
	}
	*task = got;
	return KERN_SUCCESS;
}
