/* SPDX-License-Identifier: MIT */
/* machvm grant - runs a command that holds a right to a process, and nothing else of ours. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include <mach/mach_init.h>
#include <mach/mach_port.h>
#include <machvm.h>

#include "command.h"
#include "failure.h"
#include "granted.h"
#include "number.h"
#include "right.h"
#include "target.h"

static const struct option_row options[] = {
	{'r', "right", "RIGHT", "read (the default), control, inspect or name"},
	{'t', "to", "USER|SOCKET", "run COMMAND as that user; or send it to a Unix socket"},
	OPTION_END,
};

static const char text[] =
	"Runs COMMAND with a right to the process, which it could perhaps not open itself. Below\n"
	"COMMAND, TASK is @, and other programs receive the right with machvm_task_receive(3) from\n"
	"the descriptor that MACHVM_GRANT names, as often as they like. The right ends when COMMAND\n"
	"does, except with those who took it, and when the process executes another program.\n"
	"With --to SOCKET, a path with a slash, the right is sent there and nothing is run.\n"
	"The status is COMMAND's, or 128 and the signal that ended it.\n"
	"\n"
	"  control  writes: give it only to whom you trust with every byte of the process\n"
	"  read     the kernel keeps it from writing\n"
	"\n"
	"  sudo machvm grant redis-server --right read --to alice -- machvm find @ str:hello";

/* Whom the command is run as. */
struct recipient {
	int other; /* than who runs us */
	uid_t uid;
	gid_t gid;
	char name[64]; /* empty for a number that no user has */
};

static int find_recipient(const char *word, struct recipient *recipient)
{
	const struct passwd *user = getpwnam(word);
	uint64_t number;

	if (!user && !number_read(word, &number) && number < UINT32_MAX) {
		user = getpwuid((uid_t)number);
		*recipient = (struct recipient){1, (uid_t)number, (gid_t)number, ""};
	} else if (!user) {
		return failure_say(STATUS_USAGE, "%s is neither a user nor a path with a slash", word);
	}
	if (user) {
		*recipient = (struct recipient){1, user->pw_uid, user->pw_gid, ""};
		snprintf(recipient->name, sizeof(recipient->name), "%s", user->pw_name);
	}
	return STATUS_DONE;
}

static int send_to(const char *path, mach_port_t task, enum machvm_right right)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
	int fd = -1, error = 0, status;
	kern_return_t kr;
	size_t i;

	if (strlen(path) >= sizeof(address.sun_path))
		return failure_say(STATUS_USAGE, "%s is too long for the path of a socket", path);
	strcpy(address.sun_path, path);
	for (i = 0; i < sizeof(types) / sizeof(types[0]) && fd < 0; i++) {
		fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
			error = errno;
			close(fd);
			fd = -1;
		}
		if (error != EPROTOTYPE && fd < 0)
			break;
	}
	if (fd < 0)
		return failure_system(error ? error : errno, path);
	kr = machvm_task_send(fd, task, right);
	status = kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
	close(fd);
	return status;
}

/* Gives up every privilege for good. 0 or -1. */
static int become(const struct recipient *recipient)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (!recipient->other)
		return 0;
	if (recipient->name[0] ? initgroups(recipient->name, recipient->gid) : setgroups(0, NULL))
		return -1;
	if (setresgid(recipient->gid, recipient->gid, recipient->gid) ||
	    setresuid(recipient->uid, recipient->uid, recipient->uid))
		return -1;
	/* The kernel takes them from root alone; ambient ones would outlive the exec. */
	return (int)syscall(SYS_capset, &header, none);
}

/* In the child. */
static void run_command(const struct recipient *recipient, int socket, char **command)
{
	char number[16];
	int error;

	snprintf(number, sizeof(number), "%d", socket);
	if (fcntl(socket, F_SETFD, 0) || setenv(GRANTED_VARIABLE, number, 1)) {
		failure_system(errno, "cannot hand over the right");
		_exit(126);
	}
	if (become(recipient)) {
		failure_say(STATUS_DENIED, "cannot become that user: %s", strerror(errno));
		_exit(126);
	}
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	execvp(command[0], command);
	error = errno;
	failure_say(STATUS_OTHER, "%s: %s", command[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

/* Keeps a right waiting in the socket for as long as the command lives. */
static int serve(pid_t child, int socket, mach_port_t task, enum machvm_right right)
{
	struct pollfd waits[] = {{.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN},
				 {.fd = socket, .events = POLLOUT}};
	int status;

	while (waits[0].fd >= 0 && !(waits[0].revents & POLLIN)) {
		kern_return_t kr;

		if (poll(waits, 2, -1) < 0 && errno != EINTR)
			break;
		if (!(waits[1].revents & (POLLOUT | POLLHUP | POLLERR)))
			continue;
		kr = machvm_task_send(socket, task, right);
		/* Full: too many rights are on their way for the user's limit. */
		if (kr == KERN_RESOURCE_SHORTAGE || kr == KERN_OPERATION_TIMED_OUT)
			poll(waits, 1, 20);
		else if (kr != KERN_SUCCESS)
			waits[1].fd = -1;
	}
	/* It may not wait for a right that will never come. */
	close(socket);
	if (waits[0].fd >= 0)
		close(waits[0].fd);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return failure_system(errno, "cannot wait for the command");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A socket that holds few messages, so that few rights wait in it. */
static int make_socket(int ends[2])
{
	int least = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return failure_system(errno, "cannot make a socket");
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK))
		return failure_system(errno, "cannot make a socket");
	return STATUS_DONE;
}

static int run_with(mach_port_t task, enum machvm_right right, const struct recipient *recipient,
		    char **command)
{
	int ends[2], status = make_socket(ends);
	pid_t child;

	if (status)
		return status;
	/* Keys are the command's: it decides whether they end it, and we outlive it. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	fflush(NULL);
	child = fork();
	if (child == 0)
		run_command(recipient, ends[1], command);
	close(ends[1]);
	if (child < 0)
		return failure_system(errno, "cannot run the command");
	return serve(child, ends[0], task, right);
}

/* As everybody else will hold it: bound to the program that runs now. */
static int bind_right(struct target *target, enum machvm_right right)
{
	mach_port_t task;
	kern_return_t kr;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return failure_system(errno, "cannot make a socket");
	kr = machvm_task_send(ends[0], target->task, right);
	if (kr == KERN_SUCCESS)
		kr = machvm_task_receive(ends[1], &task);
	close(ends[0]);
	close(ends[1]);
	if (kr != KERN_SUCCESS)
		return failure_mach(kr);
	mach_port_deallocate(mach_task_self(), target->task);
	target->task = task;
	return STATUS_DONE;
}

static int grant(struct target *target, enum machvm_right right, const char *to, char **command)
{
	struct recipient recipient = {0};
	int status = bind_right(target, right);

	if (status)
		return status;
	if (to && strchr(to, '/'))
		return send_to(to, target->task, right);
	if (to)
		status = find_recipient(to, &recipient);
	return status ? status : run_with(target->task, right, &recipient, command);
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct words words = {.verb = verb, .argc = argc, .argv = argv};
	enum machvm_right right = MACHVM_RIGHT_READ;
	struct target target = {0};
	const char *to = NULL;
	int letter, sent, status = STATUS_DONE;

	while (!status && (letter = words_next(&words)) > 0) {
		if (letter == 'r')
			status = right_parse(words.value, &right);
		else if (letter == 't')
			to = words.value;
	}
	if (!status && letter == WORDS_STOP)
		status = words.status;
	sent = to && strchr(to, '/');
	if (!status)
		status = words_count(&words, sent ? 1 : 2, sent ? 1 : -1);
	if (!status)
		status = target_open(&target, words.argv[0], right);
	if (!status)
		status = grant(&target, right, to, words.argv + 1);
	target_close(&target);
	return status;
}

const struct verb verb_grant = {
	.name = "grant",
	.synopsis = "TASK [--right RIGHT] [--to USER|SOCKET] -- COMMAND...",
	.summary = "run a command that holds a right to the process",
	.text = text,
	.options = options,
	.run = run,
};
