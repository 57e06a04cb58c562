/* SPDX-License-Identifier: MIT */
/*
 * victim.c - a 64-bit program with memory far above 4 GiB, for a 32-bit caller:
 * two writable pages, a read-only one, a hole. Each line on its input makes it
 * report the bytes of the three pages in hexadecimal.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define BASE ((unsigned char *)0x7e0000000000)
#define PAGE 4096

int main(void)
{
	char line[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mmap(BASE, 3 * PAGE, PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != BASE)
		return 1;
	memset(BASE, 0x11, 3 * PAGE);
	if (mprotect(BASE + 2 * PAGE, PAGE, PROT_READ))
		return 1;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		for (int i = 0; i < 3 * PAGE; i++)
			printf("%02x", BASE[i]);
		puts("");
		fflush(stdout);
	}
	return 0;
}
