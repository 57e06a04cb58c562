/* SPDX-License-Identifier: MIT */
/*
 * How much memory of the caller's a long transfer takes beside the buffers: little,
 * whatever its size, and with MACHVM_TRANSACTION the size of what may have to be put back.
 */
#include "harness.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BASE   0x100000000000u
#define MIB    ((size_t)1 << 20)
#define SIZE   (256 * MIB)
#define EXTRA  (64 * MIB)
#define RANGES 200000u

static struct victim *victim;
static mach_port_t task;
static uint8_t *local;

/* The most that this process had resident since the last forget(). */
static size_t peak(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	size_t kib = 0;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %zu kB", &kib) == 1)
			break;
	if (status)
		fclose(status);
	assert_true(kib > 0);
	return kib * 1024;
}

static size_t forget(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0 && write(fd, "5", 1) == 1);
	close(fd);
	return peak();
}

#define expect_peak(before, most)                                                              \
	do {                                                                                   \
		size_t taken = peak() - (before);                                              \
                                                                                               \
		if (taken > (most))                                                            \
			fail_case("%zu MiB were taken, where %zu are promised", taken / MIB, \
				  (size_t)(most) / MIB);                                       \
	} while (0)

static int open_room(void **state)
{
	victim = victim_spawn(WORD_64);
	task = victim_task(victim);
	victim_ask(victim, "lay rw %llx %zx 1", (unsigned long long)BASE, SIZE / PAGE);
	local = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(local, MAP_FAILED);
	memset(local, 7, SIZE);
	return 0;
}

static int close_room(void **state)
{
	machvm_trim();
	munmap(local, SIZE);
	return harness_teardown(state);
}

static void transfer_of_any_size_takes_little(void **state)
{
	size_t before = forget();

	trying("write");
	expect_code(machvm_write(task, BASE, local, SIZE, 0), KERN_SUCCESS);
	expect_peak(before, EXTRA);
	trying("read");
	expect_code(machvm_read(task, BASE, local, SIZE, 0), KERN_SUCCESS);
	expect_peak(before, EXTRA);
	trying("copy");
	expect_code(mach_vm_copy(task, BASE, SIZE / 2, BASE + SIZE / 2), KERN_SUCCESS);
	expect_peak(before, EXTRA);
	trying("write without waiting");
	expect_code(machvm_write(task, BASE, local, SIZE, MACHVM_NOWAIT), KERN_SUCCESS);
	expect_peak(before, EXTRA);
}

static void transaction_takes_the_size_of_the_transfer(void **state)
{
	size_t before = forget();

	expect_code(machvm_write(task, BASE, local, SIZE, MACHVM_TRANSACTION), KERN_SUCCESS);
	expect_peak(before, SIZE + EXTRA);
	machvm_trim();
	before = forget();
	expect_code(machvm_read(task, BASE, local, SIZE, MACHVM_TRANSACTION), KERN_SUCCESS);
	expect_peak(before, SIZE + EXTRA);
	/* Given back: the next peak begins from below. */
	machvm_trim();
	assert_true(forget() < before + EXTRA);
}

static void list_of_many_ranges_takes_little(void **state)
{
	struct machvm_range *list = calloc(RANGES, sizeof(*list));
	size_t before;

	assert_non_null(list);
	for (unsigned i = 0; i < RANGES; i++)
		list[i] = (struct machvm_range){.address = BASE + i * 1237ul % (SIZE / 8) * 8,
						.data = local + 8ul * i,
						.size = 8};
	before = forget();
	expect_code(machvm_write_list(task, list, RANGES, 0), KERN_SUCCESS);
	expect_code(machvm_read_list(task, list, RANGES, 0), KERN_SUCCESS);
	expect_code(machvm_read_list(task, list, RANGES, MACHVM_EACH), KERN_SUCCESS);
	expect_peak(before, EXTRA);
	free(list);
}

static int count(void *context, mach_vm_address_t address)
{
	++*(uint64_t *)context;
	return 0;
}

/* Also where every byte matches. */
static void search_takes_little_whatever_it_finds(void **state)
{
	static const uint8_t byte = 7;
	uint64_t found = 0;
	struct machvm_find find = {.bytes = &byte, .size = 1, .match = count, .context = &found};
	size_t before;

	expect_code(machvm_write(task, BASE, local, SIZE, 0), KERN_SUCCESS);
	before = forget();
	expect_code(machvm_find(task, &find), KERN_SUCCESS);
	assert_true(found >= SIZE);
	expect_peak(before, EXTRA);
}

#define ROOM_TEST(function) cmocka_unit_test_setup_teardown(function, open_room, close_room)

static const struct CMUnitTest tests[] = {
	ROOM_TEST(transfer_of_any_size_takes_little),
	ROOM_TEST(transaction_takes_the_size_of_the_transfer),
	ROOM_TEST(list_of_many_ranges_takes_little),
	ROOM_TEST(search_takes_little_whatever_it_finds),
};

HARNESS_MAIN(tests)
