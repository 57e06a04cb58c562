/* SPDX-License-Identifier: MIT */
/* victim: a process for the other examples to work on. For each line it is sent, it shows its text.
 */
#include <stdio.h>
#include <unistd.h>

static char text[64] = "call me Ishmael";

int main(void)
{
	char line[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%d %p\n", (int)getpid(), (void *)text);
	while (fgets(line, sizeof line, stdin))
		puts(text);
	return 0;
}
