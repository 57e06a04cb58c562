/* SPDX-License-Identifier: MIT */
/* suite_walk.c - every region of a process, against the text of /proc/PID/maps. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "subject.h"
#include "suites.h"

#define PIECE ((size_t)1 << 20)

struct walked {
	struct subject subject;
	char path[64];
	char *buffer;
	unsigned least; /* regions that must be seen */
	uint64_t seen;
};

static void check(const struct walked *walked, const char *how)
{
	if (walked->seen < walked->least)
		die("%s: %" PRIu64 " regions instead of %u", how, walked->seen, walked->least);
}

static int count(const struct machvm_region *region, void *context)
{
	struct walked *walked = context;

	walked->seen += region->size != 0;
	return 0;
}

static void walk(void *context, unsigned repetitions)
{
	struct walked *walked = context;

	while (repetitions--) {
		walked->seen = 0;
		if (machvm_region_walk(walked->subject.task, 0, UINT64_MAX, count, walked) !=
		    KERN_SUCCESS)
			die("machvm_region_walk: %s", machvm_last_error()->message);
		check(walked, "machvm_region_walk");
	}
}

/* A fresh answer for each region, as code written for macOS asks. */
static void one_by_one(void *context, unsigned repetitions)
{
	struct walked *walked = context;
	vm_region_basic_info_data_64_t info;

	while (repetitions--) {
		mach_vm_address_t address = 0;
		mach_vm_size_t size;

		walked->seen = 0;
		for (;; address += size) {
			mach_msg_type_number_t count_of_info = VM_REGION_BASIC_INFO_COUNT_64;
			mach_port_t object;

			if (mach_vm_region(walked->subject.task, &address, &size,
					   VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info,
					   &count_of_info, &object) != KERN_SUCCESS)
				break;
			walked->seen++;
		}
		check(walked, "mach_vm_region");
	}
}

/* The text and nothing else: what any walk over it costs at least. */
static void read_text(void *context, unsigned repetitions)
{
	struct walked *walked = context;

	while (repetitions--) {
		int fd = open(walked->path, O_RDONLY | O_CLOEXEC);
		ssize_t n;

		while ((n = read(fd, walked->buffer, PIECE)) > 0)
			;
		if (fd < 0 || n < 0)
			die("%s: %s", walked->path, strerror(errno));
		close(fd);
	}
}

/* As it is usually done. */
static void parse_text(void *context, unsigned repetitions)
{
	struct walked *walked = context;
	char line[4352], permissions[5];
	uint64_t start, end, offset, inode;
	unsigned major, minor;
	int name;

	while (repetitions--) {
		FILE *maps = fopen(walked->path, "re");

		if (!maps)
			die("%s: %s", walked->path, strerror(errno));
		walked->seen = 0;
		while (fgets(line, sizeof line, maps))
			if (sscanf(line,
				   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
				   &start, &end, permissions, &offset, &major, &minor, &inode,
				   &name) == 7)
				walked->seen += end != start;
		fclose(maps);
		check(walked, "sscanf");
	}
}

static const struct side sides[] = {
	{"machvm_region_walk", walk},
	{"reading the text, 1 MiB a read", read_text},
	{"fgets and sscanf of the text", parse_text},
	{"mach_vm_region, one by one", one_by_one},
};

enum { SIDES = sizeof sides / sizeof *sides };

static void compare(unsigned regions)
{
	struct walked walked = {.buffer = malloc(PIECE), .least = regions};
	struct samples samples;
	char name[32];
	struct row row = {.group = "regions", .name = name};

	if (!walked.buffer)
		die("no memory");
	subject_regions(&walked.subject, regions);
	snprintf(walked.path, sizeof walked.path, "/proc/%d/maps", walked.subject.pid);
	snprintf(name, sizeof name, "%u regions", regions);
	measure(&samples, sides, SIDES, &walked, 3.0);
	row.goal = GOAL_RATIO;
	row.limit = 1.5;
	row_print(&row, &samples, sides, 0, 1);
	row.limit = 1.0;
	row_print(&row, &samples, sides, 0, 2);
	row.goal = GOAL_NONE;
	row_print(&row, &samples, sides, 3, 2);
	measure_free(&samples);
	subject_end(&walked.subject);
	free(walked.buffer);
}

void suite_walk(const struct settings *settings)
{
	compare(10000);
	compare(65000);
}
