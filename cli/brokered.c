/* SPDX-License-Identifier: MIT */
/* brokered - processes opened by the broker (machvmd) in place of this command. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

static int complain(const char *path, int error)
{
	if (error == ENOENT || error == ECONNREFUSED)
		return failure_say(STATUS_OTHER, "no broker listens at %s (systemctl enable --now "
						 "machvmd.socket starts one)",
				   path);
	return failure_system(error, path);
}

static int ask(const char *path, int pidfd, enum machvm_right right, mach_port_t *task)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), status;
	kern_return_t kr;

	if (fd < 0)
		return failure_system(errno, "cannot make a socket");
	if (strlen(path) >= sizeof(address.sun_path)) {
		close(fd);
		return failure_say(STATUS_USAGE, "%s is too long for the path of a socket", path);
	}
	strcpy(address.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		status = complain(path, errno);
	} else {
		kr = machvm_task_request(fd, pidfd, right, task);
		status = kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
	}
	close(fd);
	return status;
}

int brokered_open(int pidfd, enum machvm_right right, mach_port_t *task)
{
	const char *path = chosen ? chosen : getenv(BROKERED_VARIABLE);
	kern_return_t kr;

	if (path && *path)
		return ask(path, pidfd, right, task);
	kr = machvm_task_open(pidfd, right, task);
	return kr == KERN_SUCCESS ? STATUS_DONE : failure_mach(kr);
}
