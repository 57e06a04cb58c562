/* SPDX-License-Identifier: MIT */
/* operations - the work on one process, through the public interface. */
#include <machvm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operations.h"

#define PIECE ((size_t)1 << 20)
/* Of one region: what a program reserves without using it is larger than any machine. */
#define REGION_MOST ((mach_vm_size_t)256 << 20)
#define OWN_PAGES   16
/* A loaded machine may not stop a thread in time; then nothing has happened. */
#define SLOW CODE(KERN_OPERATION_TIMED_OUT)

/* What the last look at a process saw. */
static struct seen {
	struct machvm_range *readable;
	size_t count, room;
	struct machvm_range text; /* of a file, private, executable */
	vm_prot_t text_protection;
	struct machvm_range writable; /* the first one that is private */
} seen;

static int see(const struct machvm_region *region, void *context)
{
	struct machvm_range range = {.address = region->address, .size = region->size};

	if (!(region->protection & VM_PROT_READ))
		return 0;
	if (!seen.text.size && region->protection & VM_PROT_EXECUTE && region->inode &&
	    !region->shared) {
		seen.text = range;
		seen.text_protection = region->protection;
	}
	if (!seen.writable.size && region->protection & VM_PROT_WRITE && !region->shared)
		seen.writable = range;
	if (seen.count == seen.room) {
		size_t room = seen.room ? 2 * seen.room : 1024;
		struct machvm_range *list = realloc(seen.readable, room * sizeof *list);

		if (!list)
			return 1;
		seen.readable = list;
		seen.room = room;
	}
	seen.readable[seen.count++] = range;
	return 0;
}

static bool look(struct subject *subject)
{
	seen.count = 0;
	seen.text.size = seen.writable.size = 0;
	return tally_judge(subject, LOOK,
			   machvm_region_walk(subject->task, 0, MACH_VM_MAX_ADDRESS, see, NULL), 0);
}

static void read_region(struct subject *subject, const struct machvm_range *region)
{
	static char piece[PIECE];
	mach_vm_size_t size = region->size < REGION_MOST ? region->size : REGION_MOST;

	for (mach_vm_size_t done = 0; done < size && !subject->gone; done += PIECE)
		tally_judge(subject, READ,
			    machvm_read(subject->task, region->address + done, piece,
					size - done < PIECE ? size - done : PIECE, 0),
			    MOVED);
}

/* The first word of every region in one call; the answers are the entries' own. */
static void read_words(struct subject *subject)
{
	uint64_t *words = calloc(seen.count, sizeof *words);
	struct machvm_range *list = calloc(seen.count, sizeof *list);
	kern_return_t kr;

	if (words && list) {
		for (size_t i = 0; i < seen.count; i++)
			list[i] = (struct machvm_range){.address = seen.readable[i].address,
							.data = &words[i],
							.size = sizeof *words};
		kr = machvm_read_list(subject->task, list, seen.count, MACHVM_EACH);
		if (kr == KERN_SUCCESS)
			tally_judge(subject, READ_LIST, kr, 0);
		for (size_t i = 0; i < seen.count && kr != KERN_SUCCESS && !subject->gone; i++)
			tally_judge(subject, READ_LIST, list[i].result, MOVED);
	}
	free(words);
	free(list);
}

void work_regions(struct subject *subject)
{
	if (!look(subject))
		return;
	read_words(subject);
	for (size_t i = 0; i < seen.count && !subject->gone; i++)
		read_region(subject, &seen.readable[i]);
}

static int count_match(void *context, mach_vm_address_t address)
{
	unsigned *count = context;

	++*count;
	return 0;
}

/* Every program has at least one ELF header in its memory: its own. */
void work_find(struct subject *subject)
{
	unsigned count = 0;
	struct machvm_find find = {
		.bytes = "\177ELF",
		.size = 4,
		.alignment = 4096,
		.match = count_match,
		.context = &count,
	};

	/* When it is exiting there is nothing to find, and a look says that it is gone. */
	if (tally_judge(subject, FIND, machvm_find(subject->task, &find), 0) && !count &&
	    look(subject) && seen.count)
		tally_hold(subject, FIND, false, "no ELF header was found");
}

static void fill(char *data, size_t size, size_t page)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 31 + i / page);
	for (size_t i = 0; i < size; i += page)
		memcpy(data + i, MARK, sizeof MARK);
}

static void expect(struct subject *subject, enum operation operation, mach_vm_address_t address,
		   const char *data, size_t size)
{
	static char found[OWN_PAGES << 16];

	if (tally_judge(subject, READ, machvm_read(subject->task, address, found, size, 0), 0))
		tally_hold(subject, operation, memcmp(found, data, size) == 0,
			   "other bytes than were written");
}

static void free_own(struct subject *subject, mach_vm_address_t address, size_t size)
{
	if (!subject->gone)
		tally_judge(subject, DEALLOCATE, mach_vm_deallocate(subject->task, address, size),
			    SLOW);
}

/* A snapshot of the pages, somewhere else in the same process. */
static void map_again(struct subject *subject, mach_vm_address_t address, const char *data,
		      size_t size)
{
	mach_vm_address_t again = 0;
	vm_prot_t current, maximum;

	if (!tally_judge(subject, REMAP,
			 mach_vm_remap(subject->task, &again, size, 0, VM_FLAGS_ANYWHERE,
				       subject->task, address, TRUE, &current, &maximum,
				       VM_INHERIT_COPY),
			 SLOW))
		return;
	expect(subject, REMAP, again, data, size);
	free_own(subject, again, size);
}

static bool protect(struct subject *subject, mach_vm_address_t address, size_t size,
		    vm_prot_t protection)
{
	return tally_judge(subject, PROTECT,
			   mach_vm_protect(subject->task, address, size, FALSE, protection), SLOW);
}

/* Of a write to a page that is read-only now. */
static void expect_refusal(struct subject *subject, mach_vm_address_t address)
{
	kern_return_t kr = machvm_write(subject->task, address, "", 1, 0);

	if (kr == KERN_SUCCESS)
		tally_hold(subject, PROTECT, false, "a write to a read-only page was not refused");
	else if (kr != KERN_PROTECTION_FAILURE)
		tally_judge(subject, PROTECT, kr, 0);
}

/* On pages that nobody but us knows of. */
static void use_own(struct subject *subject, mach_vm_address_t address, size_t size)
{
	static char data[OWN_PAGES << 16];
	size_t page = size / OWN_PAGES, half = size / 2;

	fill(data, size, page);
	if (!tally_judge(subject, WRITE,
			 machvm_write(subject->task, address, data, size, MACHVM_TRANSACTION), 0))
		return;
	expect(subject, WRITE, address, data, size);
	if (protect(subject, address, size, VM_PROT_READ)) {
		expect_refusal(subject, address);
		if (!protect(subject, address, size, VM_PROT_READ | VM_PROT_WRITE))
			return;
	}
	memcpy(data + half, data, half);
	if (tally_judge(subject, COPY, mach_vm_copy(subject->task, address, half, address + half),
			0))
		expect(subject, COPY, address, data, size);
	data[size - 1] ^= 1;
	if (tally_judge(subject, WRITE_STILL,
			machvm_write(subject->task, address + size - page, data + size - page, page,
				     MACHVM_STOP),
			SLOW))
		expect(subject, WRITE_STILL, address + size - page, data + size - page, page);
	else
		data[size - 1] ^= 1;
	if (!subject->gone)
		map_again(subject, address, data, size);
}

void work_memory(struct subject *subject)
{
	size_t size = OWN_PAGES * (size_t)sysconf(_SC_PAGESIZE);
	mach_vm_address_t address = 0;

	if (!tally_judge(subject, ALLOCATE,
			 mach_vm_allocate(subject->task, &address, size, VM_FLAGS_ANYWHERE), SLOW))
		return;
	use_own(subject, address, size);
	free_own(subject, address, size);
}

/* The program may be executing these very bytes. */
void work_text(struct subject *subject)
{
	char bytes[256];
	size_t size;

	if (!look(subject) || !seen.text.size)
		return;
	size = seen.text.size < sizeof bytes ? seen.text.size : sizeof bytes;
	if (!tally_judge(subject, READ,
			 machvm_read(subject->task, seen.text.address, bytes, size, 0), MOVED))
		return;
	tally_judge(subject, TEXT,
		    machvm_write(subject->task, seen.text.address, bytes, size, MACHVM_FORCE),
		    MOVED);
	if (!subject->gone)
		tally_judge(subject, PROTECT,
			    mach_vm_protect(subject->task, seen.text.address, size, FALSE,
					    seen.text_protection),
			    SLOW | MOVED);
}

/* `alone`: each thread stands still by itself meanwhile. */
static void use_thread(struct subject *subject, thread_act_t thread, bool alone)
{
	natural_t state[MACHINE_THREAD_STATE_COUNT];
	mach_msg_type_number_t words = MACHINE_THREAD_STATE_COUNT;
	uint64_t excused = SLOW | CODE(KERN_TERMINATED);

	alone = alone && tally_judge(subject, SUSPEND_THREAD, thread_suspend(thread), excused);
	if (!subject->gone)
		tally_judge(subject, STATE,
			    thread_get_state(thread, MACHINE_THREAD_STATE, state, &words), excused);
	if (alone && !subject->gone)
		tally_judge(subject, SUSPEND_THREAD, thread_resume(thread), excused);
}

static void use_threads(struct subject *subject, bool alone)
{
	thread_act_array_t list;
	mach_msg_type_number_t count;

	if (!tally_judge(subject, THREADS, task_threads(subject->task, &list, &count),
			 CODE(KERN_FAILURE)))
		return;
	tally_hold(subject, THREADS, count > 0, "a process without threads");
	for (mach_msg_type_number_t i = 0; i < count; i++) {
		if (!subject->gone)
			use_thread(subject, list[i], alone);
		mach_port_deallocate(mach_task_self(), list[i]);
	}
	vm_deallocate(mach_task_self(), (vm_address_t)list, count * sizeof *list);
}

void work_threads(struct subject *subject)
{
	use_threads(subject, false);
}

void work_each_thread(struct subject *subject)
{
	use_threads(subject, true);
}

void work_suspend(struct subject *subject)
{
	if (!tally_judge(subject, SUSPEND, task_suspend(subject->task), SLOW))
		return;
	use_threads(subject, false);
	if (look(subject) && seen.writable.size)
		read_region(subject, &(struct machvm_range){.address = seen.writable.address,
							    .size = seen.writable.size < PIECE
									    ? seen.writable.size
									    : PIECE});
	/* Whoever was killed meanwhile need not be resumed. */
	if (!subject->gone)
		tally_judge(subject, RESUME, task_resume(subject->task), 0);
}

void work_stopped(struct subject *subject)
{
	static char data[PIECE];

	if (!look(subject) || !seen.writable.size)
		return;
	tally_judge(subject, READ_STILL,
		    machvm_read(subject->task, seen.writable.address, data,
				seen.writable.size < PIECE ? seen.writable.size : PIECE,
				MACHVM_STOP),
		    SLOW | MOVED);
}
