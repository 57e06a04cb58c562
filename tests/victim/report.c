/* SPDX-License-Identifier: MIT */
/* Own loads, and what to do when they fault. */
#include "report.h"
#include "pages.h"
#include "pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

static __thread sigjmp_buf peek_jump;

static void peek_fault(int signal)
{
	(void)signal;
	siglongjmp(peek_jump, 1);
}

int report_peek(void *to, const void *from, size_t size)
{
	struct sigaction action = {.sa_handler = peek_fault, .sa_flags = SA_NODEFER};
	struct sigaction segv, bus;
	int r = -EFAULT;

	sigaction(SIGSEGV, &action, &segv);
	sigaction(SIGBUS, &action, &bus);
	if (sigsetjmp(peek_jump, 0) == 0) {
		memcpy(to, from, size);
		r = 0;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return r;
}

/* What is there although loads fault (no access permitted); not pread: tests may refuse that. */
static int peek_forced(void *to, const void *from, size_t size)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	int ok;

	if (fd < 0)
		return -errno;
	ok = lseek(fd, (off_t)(uintptr_t)from, SEEK_SET) >= 0 &&
	     read(fd, to, size) == (ssize_t)size;
	close(fd);
	return ok ? 0 : -EFAULT;
}

void report_dump(struct channel *channel, uint64_t address, size_t size)
{
	size_t pages = size / PAGE, i;
	char *answer = malloc(pages * (PAGE + 1));
	char *at = answer;

	if (answer == NULL) {
		channel_result(channel, -ENOMEM);
		return;
	}
	for (i = 0; i < pages; i++, at += PAGE + 1) {
		const void *from = (const void *)(uintptr_t)(address + i * PAGE);

		memset(at + 1, 0, PAGE);
		if (report_peek(at + 1, from, PAGE) == 0)
			*at = REPORT_LOADED;
		else if (peek_forced(at + 1, from, PAGE) == 0)
			*at = REPORT_FORCED;
		else
			*at = REPORT_NOTHING;
	}
	channel_answer(channel, "ok %zx\n", pages);
	channel_bytes(channel, answer, pages * (PAGE + 1));
	free(answer);
}

void report_sum(struct channel *channel, uint64_t address, size_t size)
{
	uint64_t sum = pattern_sum((const void *)(uintptr_t)address, size, 0);

	channel_answer(channel, "ok %llx\n", (unsigned long long)sum);
}

void report_file(struct channel *channel, uint64_t address, size_t size)
{
	int fd = pages_file((const void *)(uintptr_t)address);
	char *contents = malloc(size);
	int ok = contents != NULL && fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 &&
		 read(fd, contents, size) == (ssize_t)size;

	if (ok) {
		channel_answer(channel, "ok %zx\n", size);
		channel_bytes(channel, contents, size);
	} else {
		channel_result(channel, -EIO);
	}
	free(contents);
}

void report_maps(struct channel *channel)
{
	size_t capacity = 1 << 20, length = 0;
	char *text = malloc(capacity);
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (text != NULL && fd >= 0 && length < capacity &&
	       (n = read(fd, text + length, capacity - length)) > 0)
		length += (size_t)n;
	channel_answer(channel, "ok %zx\n", length);
	if (text != NULL)
		channel_bytes(channel, text, length);
	if (fd >= 0)
		close(fd);
	free(text);
}
