/* SPDX-License-Identifier: MIT */
/*
 * request.c - judging and answering.
 *
 * The files are opened first and the program is looked at afterwards: an exec ends the
 * address space that they were opened on, so that if it lives after the look, the
 * look was at the program that they belong to. A request brings no descriptors:
 * closing one may wait for whoever serves its file system.
 */
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <mach/message.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "descriptor.h"
#include "journal.h"
#include "message.h"
#include "parcel.h"
#include "process.h"
#include "status.h"

static const char *const rights[] = {"control", "read", "inspect", "name"};

int request_identify(int socket, struct peer *peer)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
		return -errno;
	peer->pid = credentials.pid;
	peer->uid = credentials.uid;
	peer->groups[0] = credentials.gid;
	peer->group_count = 1;
	/* Linux 4.13. Without it only the first group counts. */
	size = sizeof(peer->groups) - sizeof(peer->groups[0]);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer->groups + 1, &size) == 0)
		peer->group_count += size / sizeof(peer->groups[0]);
	return 0;
}

bool request_owed(int socket)
{
	int bytes = 0;

	return ioctl(socket, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

/* A process that is asked for. */
struct subject {
	int pid;
	int handle;
	enum machvm__handle kind;
	struct machvm__process_numbers numbers;
	struct statx program; /* what it runs; stx_ino 0 when that cannot be told */
	char name[640];       /* of that, fit for the journal */
};

/*
 * Which file that is. Whoever serves the file system, a client perhaps, is not asked: it
 * need not answer.
 */
static int look_at(const char *path, struct statx *file)
{
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO | STATX_NLINK, file) ? -errno : 0;
}

/* By what the file is and not by what it is called: names can be made up in a mount namespace. */
static enum policy_runs runs(const char *path, void *context)
{
	const struct subject *subject = context;
	struct statx wanted;
	int r;

	/* A program that has been replaced since it was started has no path any more. */
	if (!subject->program.stx_ino || !subject->program.stx_nlink)
		return POLICY_RUNS_UNKNOWN;
	r = look_at(path, &wanted);
	if (r)
		return r == -ENOENT || r == -ENOTDIR ? POLICY_RUNS_NOT : POLICY_RUNS_UNKNOWN;
	return wanted.stx_ino == subject->program.stx_ino &&
			       wanted.stx_dev_major == subject->program.stx_dev_major &&
			       wanted.stx_dev_minor == subject->program.stx_dev_minor
		       ? POLICY_RUNS
		       : POLICY_RUNS_NOT;
}

/* The one number that all four ids of a line are. */
static bool read_only_id(const char *status, const char *name, unsigned *id)
{
	int64_t ids[4] = {0};

	if (machvm__status_numbers(status, name, ids, 4) != 4)
		return false;
	*id = (unsigned)ids[0];
	return ids[0] == ids[1] && ids[1] == ids[2] && ids[2] == ids[3];
}

/*
 * The program's path for the journal, as far as it can be read and there is room. It is its
 * owner's choice, and must not read like other words of the line.
 */
static void name_program(int pid, char *name, size_t size)
{
	char path[64], link[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, link, sizeof(link));
	for (ssize_t i = 0; i < n && size > 4; i++) {
		unsigned char byte = (unsigned char)link[i];
		int length = snprintf(name, size,
				      byte <= ' ' || byte >= 0x7f || byte == '\\' ? "\\%03o" : "%c",
				      byte);

		name += length;
		size -= (size_t)length;
	}
	*name = '\0';
}

/* What it runs, and whose it is. A dead leader with live threads is not served. */
static void look(struct subject *subject, struct policy_request *request)
{
	char path[64], text[4096];
	unsigned group;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", subject->numbers.proc_tgid);
	if (look_at(path, &subject->program))
		subject->program = (struct statx){0};
	/* Now, and not when the line is written: it could have executed another one by then. */
	name_program(subject->numbers.proc_tgid, subject->name, sizeof(subject->name));
	request->owner_known = false;
	fd = machvm__descriptor_open_proc(subject->numbers.proc_tgid, 0, "status", O_RDONLY);
	if (fd < 0)
		return;
	/* Of two groups is what was started through a set-group-id program: not wholly its user's. */
	if (machvm__descriptor_read_text(fd, text, sizeof(text)) > 0)
		request->owner_known = read_only_id(text, "Uid:", &request->owner) &&
				       read_only_id(text, "Gid:", &group);
	machvm__descriptor_close(fd);
}

struct answer {
	struct machvm__message message;
	int parts[MACHVM__BUNDLE_PARTS];
	size_t count;
	unsigned rule; /* the line that allowed it */
};

static void refuse(struct answer *answer, kern_return_t code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void refuse(struct answer *answer, kern_return_t code, const char *format, ...)
{
	va_list arguments;

	for (size_t i = 0; i < answer->count; i++)
		machvm__descriptor_close(answer->parts[i]);
	*answer = (struct answer){.message = {.kind = MACHVM__MESSAGE_REFUSAL, .code = code}};
	va_start(arguments, format);
	vsnprintf(answer->message.text, sizeof(answer->message.text), format, arguments);
	va_end(arguments);
}

static void refuse_system(struct answer *answer, const struct subject *subject, int r)
{
	if (r == -ESRCH)
		refuse(answer, MACH_SEND_INVALID_DEST, "process %d is gone", subject->pid);
	else if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		refuse(answer, KERN_RESOURCE_SHORTAGE, "the broker is short of descriptors or memory");
	else if (r == -EXDEV)
		refuse(answer, KERN_DENIED, "the memory of process %d is not known to be its own",
		       subject->pid);
	else if (r == -ECANCELED)
		refuse(answer, KERN_ABORTED, "process %d keeps executing other programs",
		       subject->pid);
	else
		refuse(answer, KERN_DENIED, "the system refuses process %d to the broker (%s)",
		       subject->pid, strerrordesc_np(-r));
}

/* Is the address space of what was packed still the process's? */
static bool still_lives(const struct subject *subject, const struct answer *answer)
{
	if (machvm__process_alive(subject->handle, subject->kind))
		return false;
	return answer->count <= MACHVM__BUNDLE_MAPS ||
	       machvm__target_image_lives(
		       &(struct machvm__file){.fd = answer->parts[MACHVM__BUNDLE_MAPS]});
}

static const struct policy_rule *judge(const struct policy *policy, struct subject *subject,
				       struct policy_request *request)
{
	look(subject, request);
	return policy_judge(policy, request, runs, subject);
}

/* With a held handle. Nothing is opened for those whom no rule allows it. */
static void pack(struct answer *answer, struct subject *subject, const struct policy *policy,
		 struct policy_request *request)
{
	const struct policy_rule *rule = judge(policy, subject, request);
	struct machvm__target target;
	size_t count = machvm__message_descriptors(request->right);
	int r;

	if (rule) {
		int handle = machvm__descriptor_duplicate(subject->handle);

		if (handle < 0) {
			refuse_system(answer, subject, handle);
			return;
		}
		machvm__target_init(&target, handle, subject->kind, subject->numbers,
				    request->right == MACHVM_RIGHT_CONTROL);
		r = machvm__target_pack(&target, count, answer->parts);
		machvm__target_fini(&target);
		if (r) {
			refuse_system(answer, subject, r);
			return;
		}
		answer->count = count;
		rule = judge(policy, subject, request);
	}
	if (!rule)
		refuse(answer, KERN_DENIED, "no rule of its policy gives user %u the %s right to "
					    "process %d; its administrator can add one, see "
					    "machvmd(8)",
		       request->uid, rights[request->right], subject->pid);
	else if (!still_lives(subject, answer))
		refuse(answer, KERN_ABORTED, "process %d ended, or executed another program, "
					     "meanwhile",
		       subject->pid);
	else
		answer->rule = rule->line;
}

static void find(struct answer *answer, struct subject *subject, const struct policy *policy,
		 struct policy_request *request)
{
	int r;

	subject->handle = machvm__process_open(subject->pid, &subject->kind);
	if (subject->handle < 0) {
		refuse_system(answer, subject, subject->handle);
		return;
	}
	r = machvm__process_identify(subject->handle, &subject->kind, &subject->numbers);
	if (r)
		refuse_system(answer, subject, r == -EBADF ? -EACCES : r);
	else
		pack(answer, subject, policy, request);
	machvm__descriptor_close(subject->handle);
}

static void record(const struct peer *peer, const struct answer *answer, enum machvm_right right,
		   const struct subject *subject)
{
	if (answer->message.kind == MACHVM__MESSAGE_RIGHT)
		journal_decision("granted: uid=%u pid=%d right=%s target=%d program=%s rule=%u",
				 peer->uid, peer->pid, rights[right], subject->pid, subject->name,
				 answer->rule);
	else
		journal_decision("refused: uid=%u pid=%d right=%s target=%d program=%s: %s",
				 peer->uid, peer->pid, rights[right], subject->pid, subject->name,
				 answer->message.text);
}

/* Never waits: a client that does not take its answer does without. */
static int send_answer(int socket, struct answer *answer)
{
	unsigned char wire[MACHVM__MESSAGE_SIZE];
	int r;

	machvm__message_encode(&answer->message, wire);
	r = machvm__parcel_send(socket, wire, sizeof(wire), answer->parts, answer->count);
	for (size_t i = 0; i < answer->count; i++)
		machvm__descriptor_close(answer->parts[i]);
	return r;
}

static int answer_request(int socket, const struct peer *peer, const struct policy *policy,
			  const struct machvm__message *asked)
{
	struct policy_request request = {.uid = peer->uid,
					 .groups = peer->groups,
					 .group_count = peer->group_count,
					 .right = asked->right};
	struct subject subject = {.pid = asked->pid};
	struct answer answer = {.message = {.kind = MACHVM__MESSAGE_RIGHT, .right = asked->right}};
	int r;

	find(&answer, &subject, policy, &request);
	record(peer, &answer, asked->right, &subject);
	r = send_answer(socket, &answer);
	if (r != -ETOOMANYREFS)
		return r;
	answer.count = 0;
	refuse(&answer, KERN_RESOURCE_SHORTAGE, "too many rights of the broker's are on their way");
	record(peer, &answer, asked->right, &subject);
	return send_answer(socket, &answer);
}

/* It is dear neither to us nor to the journal, and the client may ask again later. */
static int refuse_haste(int socket, const struct peer *peer, const struct rate *rate)
{
	struct answer answer = {0};

	refuse(&answer, KERN_RESOURCE_SHORTAGE,
	       "user %u asks more than %u times a second; try again later", peer->uid,
	       rate->a_second);
	return send_answer(socket, &answer);
}

int request_serve(int socket, const struct peer *peer, const struct policy *policy,
		  struct rate *rate)
{
	unsigned char wire[MACHVM__MESSAGE_SIZE + 1];
	struct iovec vector = {wire, sizeof(wire)};
	/* No room for descriptors: the kernel lets go of what is sent along. */
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
	struct machvm__message asked;
	ssize_t n = recvmsg(socket, &header, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -errno;
	if (n == 0)
		return -ENODATA;
	if (!rate_take(rate, peer->uid, peer->pid))
		return refuse_haste(socket, peer, rate);
	if (n != MACHVM__MESSAGE_SIZE || header.msg_flags & (MSG_CTRUNC | MSG_TRUNC) ||
	    machvm__message_decode(wire, 0, &asked) || asked.kind != MACHVM__MESSAGE_REQUEST) {
		struct answer answer = {0};

		journal_decision("refused: uid=%u pid=%d: a malformed request", peer->uid, peer->pid);
		refuse(&answer, KERN_INVALID_ARGUMENT, "that is no request");
		send_answer(socket, &answer);
		return -EBADMSG;
	}
	return answer_request(socket, peer, policy, &asked);
}

void request_turn_away(int socket, const struct peer *peer, struct rate *rate)
{
	struct answer answer = {0};

	if (rate_take(rate, peer->uid, peer->pid))
		journal_decision("refused: uid=%u pid=%d: too many connections", peer->uid,
				 peer->pid);
	refuse(&answer, KERN_RESOURCE_SHORTAGE, "the broker serves too many already");
	send_answer(socket, &answer);
}

void request_part(int socket, const struct peer *peer, struct rate *rate, int seconds)
{
	struct answer answer = {0};

	if (rate_take(rate, peer->uid, peer->pid))
		journal_decision("closed: uid=%u pid=%d: nothing was asked for %d seconds",
				 peer->uid, peer->pid, seconds);
	refuse(&answer, KERN_ABORTED,
	       "nothing was asked for %d seconds, and the connection has been closed", seconds);
	send_answer(socket, &answer);
}
