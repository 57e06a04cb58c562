/* SPDX-License-Identifier: MIT */
/* Sending to oneself, and having a look at what is under way. */
#include "processes.h"
#include "refuse.h"
#include "travel.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/securebits.h>

bool travel_possible(void)
{
	char self[16] = "";

	return !refused("kcmp") && readlink("/proc/self", self, sizeof(self) - 1) > 0 &&
	       atoi(self) == getpid();
}

void travel_require(void)
{
	if (!travel_possible())
		harness_skip("rights do not travel without kcmp and a /proc of one's own");
}

void travel_become_ordinary(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (harness_is_root())
		become_nobody();
	else if (geteuid() == 0 && (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0) != 0 ||
				    syscall(SYS_capset, &header, none) != 0))
		fail_case("capset: %s", strerror(errno));
	/* Giving up capabilities leaves a process that its like may not look at. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

void travel_pair(int type, int ends[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
		fail_case("socketpair: %s", strerror(errno));
}

mach_port_t travel_received(mach_port_t task, enum machvm_right right)
{
	mach_port_t port = MACH_PORT_NULL;
	int ends[2];

	travel_pair(SOCK_SEQPACKET, ends);
	expect_code(machvm_task_send(ends[0], task, right), KERN_SUCCESS);
	expect_code(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
	close(ends[0]);
	close(ends[1]);
	return port;
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(TRAVEL_MOST * sizeof(int))];
};

void travel_catch(int socket, struct travel *travel)
{
	struct iovec vector = {travel->bytes, sizeof(travel->bytes)};
	union control control;
	struct msghdr header = {.msg_iov = &vector,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *part;

	if (recvmsg(socket, &header, MSG_CMSG_CLOEXEC) != TRAVEL_MESSAGE)
		fail_case("no message of %d bytes is on its way", TRAVEL_MESSAGE);
	travel->count = 0;
	for (part = CMSG_FIRSTHDR(&header); part != NULL; part = CMSG_NXTHDR(&header, part)) {
		if (part->cmsg_type != SCM_RIGHTS)
			continue;
		travel->count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(travel->descriptors, CMSG_DATA(part), travel->count * sizeof(int));
	}
}

void travel_throw(int socket, const struct travel *travel)
{
	struct iovec vector = {(void *)(uintptr_t)travel->bytes, sizeof(travel->bytes)};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
	union control control = {0};
	struct cmsghdr *part;

	if (travel->count != 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(travel->count * sizeof(int));
		part = CMSG_FIRSTHDR(&header);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(travel->count * sizeof(int));
		memcpy(CMSG_DATA(part), travel->descriptors, travel->count * sizeof(int));
	}
	if (sendmsg(socket, &header, 0) != TRAVEL_MESSAGE)
		fail_case("sendmsg: %s", strerror(errno));
}

void travel_drop(struct travel *travel)
{
	for (size_t i = 0; i < travel->count; i++)
		close(travel->descriptors[i]);
	travel->count = 0;
}

static unsigned count_entries(const char *path)
{
	DIR *listing = opendir(path);
	unsigned count = 0;

	if (listing == NULL)
		fail_case("%s: %s", path, strerror(errno));
	while (readdir(listing) != NULL)
		count++;
	closedir(listing);
	return count;
}

unsigned count_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

unsigned count_threads(void)
{
	return count_entries("/proc/self/task");
}

unsigned count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned lines = 0;
	int c;

	if (maps == NULL)
		fail_case("/proc/self/maps: %s", strerror(errno));
	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

/* There with the sanitizer only. */
extern void __asan_init(void) __attribute__((weak));

unsigned count_windows(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned lines = 0;
	char line[5000], access[8];

	if (maps == NULL)
		fail_case("/proc/self/maps: %s", strerror(errno));
	while (fgets(line, sizeof(line), maps) != NULL)
		lines += sscanf(line, "%*s %7s", access) == 1 &&
			 (access[3] == 's' || (!__asan_init && strcmp(access, "---p") == 0));
	fclose(maps);
	return lines;
}

mach_port_t travel_receive_locked(struct ground *locked, enum machvm_right right)
{
	mach_port_t task, port = MACH_PORT_NULL;
	int ends[2];

	travel_pair(SOCK_STREAM, ends);
	ground_open_in(locked, victim_spawn(WORD_64), TRAVEL_BASE, 8);
	task = victim_task(locked->victim);
	ground_lay(locked, 0, 8, "rw");
	expect_code(machvm_task_send(ends[0], task, right), KERN_SUCCESS);
	task_drop(task);
	victim_ask(locked->victim, "dumpable 0");
	if (right != MACHVM_RIGHT_NAME)
		expect_code(task_for_pid(mach_task_self(), locked->victim->pid, &port), KERN_FAILURE);
	expect_code(machvm_task_receive(ends[1], &port), KERN_SUCCESS);
	close(ends[0]);
	close(ends[1]);
	return port;
}
