/* SPDX-License-Identifier: MIT */
/*
 * suite_find.c - searching: against the rate at which the kernel hands over the
 * same pages to all processors, and against what people search with today. The
 * memory is the largest that a quarter of the machine's allows, at most 4 GiB.
 *
 * The others are slow, and get less:
 *
 *   scanmem  the whole command: it attaches, reads, matches, detaches; 256 MiB
 *   grep     over a file of the same size, in memory and in lines; making it is not counted
 *   gdb      "find" given to a gdb that is attached already; 16 MiB
 */
#include <errno.h>
#include <inttypes.h>
#include <machvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debuggers.h"
#include "measure.h"
#include "subject.h"
#include "suites.h"
#include "transfer.h"

#define CHUNK    ((size_t)256 << 10)
#define GDB_ROOM ((size_t)16 << 20)
enum { THREADS_MOST = 64 };

static const char text[16] = "0123456789abcdef";
static const uint32_t number = 123456789;

struct finding {
	struct subject subject;
	size_t size;
	unsigned processors;
	_Atomic size_t next; /* chunk of the bare readers */
	struct talk gdb;
	int dump;
};

static int on_match(void *context, mach_vm_address_t address)
{
	return 0;
}

static void find(struct finding *finding, struct machvm_find what, size_t size)
{
	struct machvm_range range = {.address = finding->subject.address, .size = size};

	what.ranges = &range;
	what.range_count = 1;
	what.match = on_match;
	if (machvm_find(finding->subject.task, &what) != KERN_SUCCESS)
		die("machvm_find: %s", machvm_last_error()->message);
}

static void find_text(void *context, unsigned repetitions)
{
	struct finding *finding = context;

	while (repetitions--)
		find(finding, (struct machvm_find){.bytes = text, .size = 16}, finding->size);
}

static void find_number(void *context, unsigned repetitions)
{
	struct finding *finding = context;

	while (repetitions--)
		find(finding, (struct machvm_find){.bytes = &number, .size = 4, .alignment = 4},
		     finding->size);
}

static void find_little(void *context, unsigned repetitions)
{
	while (repetitions--)
		find(context, (struct machvm_find){.bytes = &number, .size = 4, .alignment = 4},
		     GDB_ROOM);
}

static void *fetch_chunks(void *context)
{
	struct finding *finding = context;
	char *into = aligned_alloc(4096, CHUNK);
	size_t at;

	while ((at = atomic_fetch_add(&finding->next, CHUNK)) < finding->size) {
		struct iovec here = {into, CHUNK};
		struct iovec there = {(void *)(uintptr_t)(finding->subject.address + at), CHUNK};

		if (process_vm_readv(finding->subject.pid, &here, 1, &there, 1, 0) != (ssize_t)CHUNK)
			die("process_vm_readv: %s", strerror(errno));
	}
	free(into);
	return NULL;
}

static void fetch(void *context, unsigned repetitions)
{
	struct finding *finding = context;
	pthread_t threads[THREADS_MOST];

	while (repetitions--) {
		finding->next = 0;
		for (unsigned i = 1; i < finding->processors; i++)
			if (pthread_create(&threads[i], NULL, fetch_chunks, finding))
				die("no thread");
		fetch_chunks(finding);
		for (unsigned i = 1; i < finding->processors; i++)
			pthread_join(threads[i], NULL);
	}
}

/* A command that finds nothing, and says so on a standard output that nobody reads. */
static void run(const char *command)
{
	int status = system(command);

	if (status < 0 || WEXITSTATUS(status) > 1)
		die("'%s' did not work", command);
}

static void scanmem(void *context, unsigned repetitions)
{
	struct finding *finding = context;
	char command[256];

	snprintf(command, sizeof command,
		 "scanmem -p %d -c 'option scan_data_type int32;option region_scan_level 3;%u;exit' "
		 ">/dev/null 2>&1 </dev/null",
		 finding->subject.pid, number);
	while (repetitions--)
		run(command);
}

static void gdb_find(void *context, unsigned repetitions)
{
	struct finding *finding = context;
	char command[128];

	snprintf(command, sizeof command, "find /w 0x%" PRIx64 ", +%zu, %u",
		 finding->subject.address, GDB_ROOM, number);
	while (repetitions--)
		gdb_do(&finding->gdb, command);
}

static void grep(void *context, unsigned repetitions)
{
	struct finding *finding = context;
	char command[128];

	snprintf(command, sizeof command, "LC_ALL=C grep -c -a -F %.16s /proc/%d/fd/%d >/dev/null",
		 text, getpid(), finding->dump);
	while (repetitions--)
		run(command);
}

/* A file that is memory. grep wants lines, or it takes all of it for one. */
static void make_dump(struct finding *finding)
{
	char *bytes = own_memory(CHUNK);

	memset(bytes, 0xee, CHUNK);
	for (size_t i = 63; i < CHUNK; i += 64)
		bytes[i] = '\n';
	finding->dump = memfd_create("dump", 0);
	for (size_t at = 0; at < finding->size; at += CHUNK)
		if (finding->dump < 0 || write(finding->dump, bytes, CHUNK) != (ssize_t)CHUNK)
			die("memfd_create: %s", strerror(errno));
	munmap(bytes, CHUNK);
}

static void compare(struct finding *finding, const char *name, const struct side *ours,
		    const struct side *rival, double speed, double seconds, const char *note)
{
	const struct row row = {"search", name, GOAL_RATIO, 1 / speed, note};
	const struct side sides[] = {*ours, *rival};
	struct samples samples;

	measure(&samples, sides, 2, finding, seconds);
	row_print(&row, &samples, sides, 0, 1);
	measure_free(&samples);
}

static int installed(const char *command)
{
	char test[64];

	snprintf(test, sizeof test, "command -v %s >/dev/null", command);
	return system(test) == 0;
}

static size_t choose_size(void)
{
	uint64_t quarter = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4;
	size_t size = (size_t)4 << 30;

	while (size > quarter && size > GDB_ROOM)
		size /= 2;
	return size;
}

static void slow_rivals(struct finding *finding)
{
	const struct side by_text = {"machvm_find, 16 B", find_text};
	const struct side by_number = {"machvm_find, aligned u32", find_number};
	const struct side little = {"machvm_find, aligned u32", find_little};
	const char *name = "search 256 MiB";

	finding->size = (size_t)256 << 20;
	subject_memory(&finding->subject, finding->size);
	if (installed("scanmem"))
		compare(finding, name, &by_number, &(struct side){"scanmem", scanmem}, 10, 1,
			"the whole command");
	else
		fputs("bench: scanmem is not installed: not measured\n", stderr);
	make_dump(finding);
	compare(finding, name, &by_text, &(struct side){"grep -c -F over a dump", grep}, 1, 1,
		"making the dump is not counted");
	close(finding->dump);
	if (gdb_start(&finding->gdb, finding->subject.pid) == 0) {
		compare(finding, "search 16 MiB", &little, &(struct side){"gdb find", gdb_find}, 1, 1,
			"'find' in a gdb that is attached already");
		talk_end(&finding->gdb);
	}
	subject_end(&finding->subject);
}

void suite_find(const struct settings *settings)
{
	const struct side by_text = {"machvm_find, 16 B", find_text};
	const struct side by_number = {"machvm_find, aligned u32", find_number};
	const struct side bare = {"process_vm_readv, all processors", fetch};
	struct finding finding = {.size = choose_size(), .processors = unpin_caller()};
	char size[16], name[64];

	if (finding.processors > THREADS_MOST)
		finding.processors = THREADS_MOST;
	subject_memory(&finding.subject, finding.size);
	snprintf(name, sizeof name, "search %s", size_name(finding.size, size));
	compare(&finding, name, &by_text, &bare, 0.8, 6, "the rival only fetches, into a reused chunk");
	compare(&finding, name, &by_number, &bare, 0.8, 6, NULL);
	subject_end(&finding.subject);
	slow_rivals(&finding);
}
