/* SPDX-License-Identifier: MIT */
/*
 * subject_main.c - the program that is measured upon. Says the address of its
 * memory in hexadecimal (a crowd also its pids), then sleeps until its parent dies.
 *
 *   bench-subject memory BYTES | regions COUNT | crowd COUNT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *map(size_t size)
{
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	madvise(data, size, MADV_NOHUGEPAGE);
	return data;
}

/* Touched with what the writers never write, so that a write is seen to have happened. */
static char *memory(size_t size)
{
	char *data = map(size);

	memset(data, 0xee, size);
	return data;
}

/* Neighbours differ in what they permit, so that each page is a region. */
static char *regions(size_t count)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *data = map(count * page);

	for (size_t i = 0; i < count; i += 2) {
		if (mprotect(data + i * page, page, PROT_READ)) {
			perror("mprotect");
			exit(1);
		}
	}
	return data;
}

static void sleep_on(void)
{
	for (;;)
		pause();
}

static void crowd(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("fork");
			exit(1);
		}
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			sleep_on();
		}
		printf("%d\n", pid);
	}
}

int main(int argc, char **argv)
{
	size_t count = argc == 3 ? strtoull(argv[2], NULL, 0) : 0;
	char *data;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!count)
		return 2;
	data = strcmp(argv[1], "regions") ? memory(argv[1][0] == 'm' ? count : 4096)
					  : regions(count);
	printf("%lx\n", (unsigned long)data);
	fflush(stdout);
	if (!strcmp(argv[1], "crowd"))
		crowd(count);
	fflush(stdout);
	fclose(stdout);
	sleep_on();
}
