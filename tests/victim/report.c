/* SPDX-License-Identifier: MIT */
/* Own loads, and what to do when they fault. */
#include "report.h"
#include "pages.h"
#include "pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static __thread sigjmp_buf peek_jump;
static __thread volatile sig_atomic_t peeking;

static void peek_fault(int number)
{
	if (peeking)
		siglongjmp(peek_jump, 1);
	/* Not ours: the instruction runs again and ends the program. */
	signal(number, SIG_DFL);
}

/* Copies from own memory; 0, or -EFAULT where a load raises a signal. */
static int peek(void *to, const void *from, size_t size)
{
	int r = -EFAULT;

	peeking = 1;
	if (sigsetjmp(peek_jump, 0) == 0) {
		memcpy(to, from, size);
		r = 0;
	}
	peeking = 0;
	return r;
}

/* What is there although loads fault (no access permitted); not pread: tests may refuse that. */
static int peek_forced(void *to, const void *from, size_t size)
{
	/* A forked child has inherited its parent's. */
	static pid_t owner;
	static int fd = -1;

	if (owner != getpid()) {
		close(fd);
		fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
		owner = getpid();
	}
	if (lseek(fd, (off_t)(uintptr_t)from, SEEK_SET) < 0 ||
	    read(fd, to, size) != (ssize_t)size)
		return -EFAULT;
	return 0;
}

/* The protection of the page at `address`, or -1 where there is none. */
static int protection_at(uintptr_t address)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char access[5];
	int protection = -1;

	while (maps && protection < 0 && fscanf(maps, "%lx-%lx %4s%*[^\n]", &start, &end, access) == 3)
		if (address >= start && address < end)
			protection = (access[0] == 'r' ? PROT_READ : 0) |
				     (access[1] == 'w' ? PROT_WRITE : 0) |
				     (access[2] == 'x' ? PROT_EXEC : 0);
	if (maps)
		fclose(maps);
	return protection;
}

/* The same where the kernel forces nothing (proc_mem.force_override): opened for the moment of a look. */
static int peek_opened(void *to, const void *from, size_t size)
{
	int before = protection_at((uintptr_t)from), r;

	if (before < 0 || mprotect((void *)(uintptr_t)from, PAGE, PROT_READ) != 0)
		return -EFAULT;
	r = peek(to, from, size);
	mprotect((void *)(uintptr_t)from, PAGE, before);
	return r;
}

/* Does the kernel's policy let a descriptor read what the protections forbid? */
static bool forces(void)
{
	char byte, *shut = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool forced = shut != MAP_FAILED && peek_forced(&byte, shut, 1) == 0;

	if (shut != MAP_FAILED)
		munmap(shut, PAGE);
	return forced;
}

static char *mailbox;
static bool forced; /* by descriptor; else pages are opened, which takes some memory */

void report_start(void)
{
	struct sigaction action = {.sa_handler = peek_fault, .sa_flags = SA_NODEFER};
	void *map = mmap(NULL, REPORT_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, REPORT_MAILBOX, 0);

	mailbox = map != MAP_FAILED ? map : NULL;
	forced = forces();
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

void report_dump(struct channel *channel, uint64_t address, size_t size)
{
	size_t pages = size / PAGE, i;

	if (mailbox == NULL || size > REPORT_ROOM - REPORT_PAGES) {
		channel_result(channel, -ENOSPC);
		return;
	}
	memset(mailbox + REPORT_PAGES, 0, size);
	for (i = 0; i < pages; i++) {
		const void *from = (const void *)(uintptr_t)(address + i * PAGE);
		char *to = mailbox + REPORT_PAGES + i * PAGE;

		if (peek(to, from, PAGE) == 0)
			mailbox[i] = REPORT_LOADED;
		else if ((forced ? peek_forced : peek_opened)(to, from, PAGE) == 0)
			mailbox[i] = REPORT_FORCED;
		else
			mailbox[i] = REPORT_NOTHING;
	}
	channel_answer(channel, "ok %zx\n", pages);
}

void report_sum(struct channel *channel, uint64_t address, size_t size)
{
	uint64_t sum = pattern_sum((const void *)(uintptr_t)address, size, 0);

	channel_answer(channel, "ok %llx\n", (unsigned long long)sum);
}

/* Reads a file from its beginning into the mailbox. */
static ssize_t post_file(int fd, size_t size)
{
	size_t length = 0;
	ssize_t n;

	if (mailbox == NULL || size > REPORT_ROOM || lseek(fd, 0, SEEK_SET) != 0)
		return -EINVAL;
	while (length < size && (n = read(fd, mailbox + length, size - length)) > 0)
		length += (size_t)n;
	return (ssize_t)length;
}

void report_file(struct channel *channel, uint64_t address, size_t size)
{
	int fd = pages_file((const void *)(uintptr_t)address);

	if (post_file(fd, size) != (ssize_t)size)
		channel_result(channel, -EIO);
	else
		channel_answer(channel, "ok %zx\n", size);
}

void report_own(struct channel *channel, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = post_file(fd, REPORT_ROOM);

	close(fd);
	if (length < 0)
		channel_result(channel, -EIO);
	else
		channel_answer(channel, "ok %zx\n", (size_t)length);
}
