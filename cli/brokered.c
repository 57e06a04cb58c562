/* SPDX-License-Identifier: MIT */
/* brokered - processes opened by the broker (machvmd) in place of this command. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mach/mach_init.h>
#include <mach/mach_port.h>

#include "brokered.h"
#include "failure.h"

static const char *chosen;

int brokered_option(const char *word)
{
	static const char option[] = "--broker";
	size_t length = sizeof(option) - 1;

	if (strncmp(word, option, length) || (word[length] && word[length] != '='))
		return 0;
	chosen = word[length] ? word + length + 1 : BROKERED_SOCKET;
	return 1;
}

static const char *socket_path(void)
{
	const char *path = chosen ? chosen : getenv(BROKERED_VARIABLE);

	return path && *path ? path : NULL;
}

int brokered_asks(void)
{
	return socket_path() != NULL;
}

static int complain(const char *path, int error)
{
	if (error == ENOENT || error == ECONNREFUSED)
		return failure_say(STATUS_OTHER, "no broker listens at %s (systemctl enable --now "
						 "machvmd.socket starts one)",
				   path);
	return failure_system(error, path);
}

/* A connection to the broker, or -1 with *status of what has been said. */
static int reach(const char *path, int *status)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		*status =
			failure_say(STATUS_USAGE, "%s is too long for the path of a socket", path);
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		*status = failure_system(errno, "cannot make a socket");
	} else if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		*status = complain(path, errno);
		close(fd);
		fd = -1;
	}
	return fd;
}

int brokered_try(int pidfd, enum machvm_right right, kern_return_t *answer)
{
	mach_port_t task;
	int status, fd = reach(socket_path(), &status);

	if (fd < 0)
		return status;
	*answer = machvm_task_request(fd, pidfd, right, &task);
	close(fd);
	if (*answer == KERN_SUCCESS)
		mach_port_deallocate(mach_task_self(), task);
	return STATUS_DONE;
}

int brokered_open(int pidfd, enum machvm_right right, mach_port_t *task)
{
	const char *path = socket_path();
	kern_return_t kr;
	int status, fd;

	if (!path) {
		kr = machvm_task_open(pidfd, right, task);
		return kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
	}
	fd = reach(path, &status);
	if (fd < 0)
		return status;
	kr = machvm_task_request(fd, pidfd, right, task);
	close(fd);
	return kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
}
