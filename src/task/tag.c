/* SPDX-License-Identifier: MIT */
/* tag.c - names of regions into tags, and back. */
#include "tag.h"

#include <mach/vm_statistics.h>
#include <stdio.h>
#include <string.h>

#define OURS "machvm tag "

static const struct {
	const char *prefix;
	unsigned tag;
} customary[] = {
	{"[heap]", VM_MEMORY_MALLOC},
	{"[stack]", VM_MEMORY_STACK},
	{"[stack:", VM_MEMORY_STACK}, /* of a thread, Linux 3.4 to 4.4 */
	{"[anon: glibc: malloc", VM_MEMORY_MALLOC},
	{"[anon: glibc: pthread stack", VM_MEMORY_STACK},
	{"[anon: glibc: pthread user stack", VM_MEMORY_STACK},
};

void machvm__tag_format(unsigned tag, char name[MACHVM__TAG_NAME])
{
	snprintf(name, MACHVM__TAG_NAME, OURS "%u", tag & 255u);
}

/* "73]" and nothing else, without a leading zero; 0 for anything that we would not have written. */
static unsigned parse_number(const char *at)
{
	unsigned tag = 0;

	if (*at == '0')
		return 0;
	for (; *at >= '0' && *at <= '9' && tag <= 255; at++)
		tag = tag * 10 + (unsigned)(*at - '0');
	return at[0] == ']' && at[1] == '\0' && tag <= 255 ? tag : 0;
}

unsigned machvm__tag_parse(const char *name)
{
	static const char *const ours[] = {"[anon:" OURS, "[anon_shmem:" OURS};

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (!strncmp(name, ours[i], strlen(ours[i])))
			return parse_number(name + strlen(ours[i]));
	for (size_t i = 0; i < sizeof customary / sizeof *customary; i++)
		if (!strncmp(name, customary[i].prefix, strlen(customary[i].prefix)))
			return customary[i].tag;
	return 0;
}
