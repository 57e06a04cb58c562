/* SPDX-License-Identifier: MIT */
/* suite_lists.c - many small ranges by one call, against as many bare calls. */
#include <errno.h>
#include <machvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "measure.h"
#include "subject.h"
#include "suites.h"

#define ROOM ((size_t)800 << 20)
enum { MOST = 100000, VECTORS = 1024 };

struct lists {
	struct subject subject;
	struct machvm_range *list;
	uint64_t *values;
	struct iovec *here, *there;
	size_t count;
};

static void run_list(struct lists *lists, unsigned repetitions, int reading, unsigned flags)
{
	while (repetitions--) {
		kern_return_t kr = reading ? machvm_read_list(lists->subject.task, lists->list,
							      lists->count, flags)
					   : machvm_write_list(lists->subject.task, lists->list,
							       lists->count, flags);

		if (kr != KERN_SUCCESS)
			die("list: %s", machvm_last_error()->message);
	}
}

static void write_list(void *context, unsigned repetitions)
{
	run_list(context, repetitions, 0, 0);
}

static void write_transaction(void *context, unsigned repetitions)
{
	run_list(context, repetitions, 0, MACHVM_TRANSACTION);
}

static void read_list(void *context, unsigned repetitions)
{
	run_list(context, repetitions, 1, 0);
}

static void read_each(void *context, unsigned repetitions)
{
	run_list(context, repetitions, 1, MACHVM_EACH);
}

static const char vectors_note[] =
	"the least that a list can cost: ready-made, sorted, and nothing looked up";

typedef ssize_t bare_call(pid_t, const struct iovec *, unsigned long, const struct iovec *,
			  unsigned long, unsigned long);

static void run_bare(struct lists *lists, unsigned repetitions, bare_call *call)
{
	while (repetitions--) {
		for (size_t i = 0; i < lists->count; i++) {
			struct iovec here = {lists->list[i].data, 8};
			struct iovec there = {(void *)(uintptr_t)lists->list[i].address, 8};

			if (call(lists->subject.pid, &here, 1, &there, 1, 0) != 8)
				die("bare call: %s", strerror(errno));
		}
	}
}

static void write_bare(void *context, unsigned repetitions)
{
	run_bare(context, repetitions, process_vm_writev);
}

static void read_bare(void *context, unsigned repetitions)
{
	run_bare(context, repetitions, process_vm_readv);
}

/*
 * The least that a list can cost: the same vectors, ready-made and in the order of their
 * addresses, 1,024 a call. Nothing is looked up, nobody is asked whether the process lives.
 */
static void run_vectors(struct lists *lists, unsigned repetitions, bare_call *call)
{
	while (repetitions--) {
		for (size_t first = 0; first < lists->count; first += VECTORS) {
			size_t left = lists->count - first;
			size_t count = left < VECTORS ? left : VECTORS;

			if (call(lists->subject.pid, &lists->here[first], count,
				 &lists->there[first], count, 0) != (ssize_t)(8 * count))
				die("bare call of vectors: %s", strerror(errno));
		}
	}
}

static void write_vectors(void *context, unsigned repetitions)
{
	run_vectors(context, repetitions, process_vm_writev);
}

static void read_vectors(void *context, unsigned repetitions)
{
	run_vectors(context, repetitions, process_vm_readv);
}

static int by_address(const void *a, const void *b)
{
	const struct iovec *x = a, *y = b;

	return (x->iov_base > y->iov_base) - (x->iov_base < y->iov_base);
}

static void make_vectors(struct lists *lists)
{
	for (size_t i = 0; i < lists->count; i++) {
		lists->here[i] = (struct iovec){lists->list[i].data, 8};
		lists->there[i] = (struct iovec){(void *)(uintptr_t)lists->list[i].address, 8};
	}
	qsort(lists->there, lists->count, sizeof *lists->there, by_address);
}

static void compare(struct lists *lists, const char *name, const struct side *ours,
		    const struct side *bare, const struct side *vectors, double speed,
		    double seconds)
{
	struct row row = {.group = "lists", .name = name};
	const struct side sides[] = {*ours, *bare, vectors ? *vectors : *bare};
	struct samples samples;

	make_vectors(lists);
	if (speed > 0)
		row = (struct row){"lists", name, GOAL_RATIO, 1 / speed, NULL};
	measure(&samples, sides, vectors ? 3 : 2, lists, seconds);
	row_print(&row, &samples, sides, 0, 1);
	if (vectors)
		row_print(&(struct row){.group = "lists", .name = name, .note = vectors_note},
			  &samples, sides, 2, 1);
	measure_free(&samples);
}

static void page_by_page(struct lists *lists, size_t count)
{
	lists->count = count;
	for (size_t i = 0; i < count; i++)
		lists->list[i] = (struct machvm_range){.address = lists->subject.address + i * 4096,
						       .data = &lists->values[i],
						       .size = 8};
}

static void at_random(struct lists *lists, size_t count)
{
	uint64_t state = 88172645463325252u;

	lists->count = count;
	for (size_t i = 0; i < count; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		lists->list[i] = (struct machvm_range){
			.address = lists->subject.address + state % (ROOM / 8) * 8,
			.data = &lists->values[i],
			.size = 8};
	}
}

void suite_lists(const struct settings *settings)
{
	const struct side bare_writes = {"process_vm_writev, one by one", write_bare};
	const struct side bare_reads = {"process_vm_readv, one by one", read_bare};
	const struct side write_least = {"process_vm_writev, 1,024 a call", write_vectors};
	const struct side read_least = {"process_vm_readv, 1,024 a call", read_vectors};
	struct lists lists = {.list = calloc(MOST, sizeof *lists.list),
			      .values = calloc(MOST, sizeof *lists.values),
			      .here = calloc(MOST, sizeof *lists.here),
			      .there = calloc(MOST, sizeof *lists.there)};
	unsigned processors = unpin_caller();

	if (!lists.list || !lists.values || !lists.here || !lists.there)
		die("no memory");
	subject_memory(&lists.subject, ROOM);
	page_by_page(&lists, 1024);
	compare(&lists, "1,024 writes of 8 B, a page each",
		&(struct side){"machvm_write_list", write_list}, &bare_writes, &write_least, 2.8,
		1.5);
	compare(&lists, "1,024 writes of 8 B, a page each",
		&(struct side){"+ MACHVM_TRANSACTION", write_transaction}, &bare_writes, NULL, 1.3,
		1.5);
	for (size_t count = 1; count <= 16384; count *= 4) {
		char name[64];

		page_by_page(&lists, count);
		snprintf(name, sizeof name, "%zu reads of 8 B, a page each", count);
		compare(&lists, name, &(struct side){"machvm_read_list", read_list}, &bare_reads,
			NULL, 0, 0.5);
	}
	at_random(&lists, MOST);
	compare(&lists, "100,000 reads of 8 B at random over 800 MiB",
		&(struct side){"machvm_read_list", read_list}, &bare_reads, &read_least,
		processors > 1 ? 3 : 0, 4);
	compare(&lists, "100,000 reads of 8 B at random over 800 MiB",
		&(struct side){"+ MACHVM_EACH", read_each}, &bare_reads, NULL, 0, 3);
	subject_end(&lists.subject);
	free(lists.list);
	free(lists.values);
	free(lists.here);
	free(lists.there);
}
