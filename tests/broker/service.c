/* SPDX-License-Identifier: MIT */
/* The broker as systemd starts it: a socket that outlives it, a policy, and a journal. */
#include "service.h"

#include "ground.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct service service = {.listener = -1, .journal = -1};

void service_policy(const char *format, ...)
{
	va_list arguments;
	FILE *file;

	strcpy(service.policy, "/tmp/machvm-policy.XXXXXX");
	file = fdopen(mkstemp(service.policy), "w");
	if (file == NULL)
		fail_case("%s: %s", service.policy, strerror(errno));
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	fclose(file);
}

/* A name that no file has: nothing is left behind. */
static void open_listener(void)
{
	static unsigned number;
	socklen_t size;

	service.address = (struct sockaddr_un){.sun_family = AF_UNIX};
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (unsigned)snprintf(service.address.sun_path + 1,
					      sizeof(service.address.sun_path) - 1,
					      "machvm-test-%d-%u", getpid(), ++number));
	service.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(service.listener, (const struct sockaddr *)&service.address, size) != 0 ||
	    listen(service.listener, 2048) != 0)
		fail_case("bind: %s", strerror(errno));
}

/* In the child. */
static void become_broker(int journal, const char *program, const char *option, const char *value)
{
	char number[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(journal, STDERR_FILENO);
	dup2(service.listener, 3);
	fcntl(3, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDS", "1", 1);
	execl(program, program, "--policy", service.policy, "--log", "stderr", option, value, NULL);
	_exit(127);
}

void service_start(void)
{
	service_start_with(NULL, NULL);
}

void service_start_with(const char *option, const char *value)
{
	const char *program = getenv("MACHVMD");
	int ends[2];

	if (service.listener < 0)
		open_listener();
	if (pipe2(ends, O_CLOEXEC) != 0)
		fail_case("pipe2: %s", strerror(errno));
	fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
	service.pid = fork();
	if (service.pid == 0)
		become_broker(ends[1], program, option, value);
	close(ends[1]);
	if (service.journal >= 0)
		close(service.journal);
	service.journal = ends[0];
}

int service_stop(void)
{
	int status = 0;

	if (service.pid > 0) {
		kill(service.pid, SIGKILL);
		waitpid(service.pid, &status, 0);
	}
	service.pid = 0;
	return status;
}

int service_teardown(void **state)
{
	service_stop();
	if (service.listener >= 0)
		close(service.listener);
	if (service.journal >= 0)
		close(service.journal);
	if (service.policy[0] != '\0')
		unlink(service.policy);
	service.listener = service.journal = -1;
	service.policy[0] = '\0';
	return harness_teardown(state);
}

socklen_t service_address_size(void)
{
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   strlen(service.address.sun_path + 1));
}

int service_connect(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&service.address, service_address_size()) != 0)
		fail_case("connect: %s", strerror(errno));
	return fd;
}

int service_pidfd(struct victim *victim)
{
	int fd = (int)syscall(SYS_pidfd_open, victim->pid, 0);

	if (fd < 0)
		fail_case("pidfd_open: %s", strerror(errno));
	return fd;
}

kern_return_t service_request(struct victim *victim, enum machvm_right right, mach_port_t *port)
{
	int fd = service_connect(), pidfd = service_pidfd(victim);
	kern_return_t kr = machvm_task_request(fd, pidfd, right, port);

	close(pidfd);
	close(fd);
	return kr;
}

void service_spell(unsigned char wire[TRAVEL_MESSAGE], pid_t pid, enum machvm_right right)
{
	uint32_t word = right;
	int32_t number = pid;

	memset(wire, 0, TRAVEL_MESSAGE);
	memcpy(wire, "machvm\r\n\1\0\0\0\3\0\0\0", 16);
	memcpy(wire + 16, &word, sizeof(word));
	memcpy(wire + 24, &number, sizeof(number));
}

void service_send(int fd, pid_t pid, enum machvm_right right)
{
	unsigned char wire[TRAVEL_MESSAGE];

	service_spell(wire, pid, right);
	assert_int_equal(send(fd, wire, sizeof(wire), 0), sizeof(wire));
}

const char *service_victim_path(void)
{
	static char path[PATH_MAX];

	if (realpath(victim_program(WORD_64), path) == NULL)
		fail_case("realpath: %s", strerror(errno));
	return path;
}

void service_read_line(char *line, size_t size)
{
	size_t length = 0;

	while (length + 1 < size && read(service.journal, line + length, 1) == 1 &&
	       line[length] != '\n')
		length++;
	line[length] = '\0';
}

void service_expect_line(const char *first, const char *second)
{
	char line[2048];

	service_read_line(line, sizeof(line));
	trying("journal: \"%s\"", line);
	assert_non_null(strstr(line, first));
	assert_non_null(strstr(line, second));
}
