/* SPDX-License-Identifier: MIT */
/*
 * Transfers beyond 0x7ffff000 bytes, which no single system call moves. The
 * source is a small file mapped over and over, at a period that shares no large
 * factor with any likely piece, so that a piece in the wrong place shows.
 */
#include "calls.h"
#include "pattern.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define TOTAL  (0x7ffff000u + (96u << 20) + 12345u)
#define PERIOD (6311 * PAGE) /* a prime number of pages, 24.6 MiB */
#define BASE   0x100000000000u

static uint8_t *map_source(uint64_t room)
{
	int fd = memfd_create("source", MFD_CLOEXEC);
	uint8_t *all = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			    0);

	assert_int_equal(ftruncate(fd, PERIOD), 0);
	assert_ptr_not_equal(all, MAP_FAILED);
	for (uint64_t at = 0; at < room; at += PERIOD)
		assert_ptr_equal(mmap(all + at, room - at < PERIOD ? room - at : PERIOD,
				      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0),
				 all + at);
	close(fd);
	pattern_fill(all, 0, PERIOD, 99);
	return all;
}

static void transfer_beyond_two_gigabytes_is_whole(void **state)
{
	uint64_t room = (TOTAL + PAGE) & ~(PAGE - 1);
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint8_t *source = map_source(room);
	mach_vm_size_t outsize = 0;
	uint64_t sum;

	victim_ask(victim, "lay large %llx %llx 0", (unsigned long long)BASE,
		   (unsigned long long)(room / PAGE));
	sum = pattern_sum(source + 3, TOTAL, 0);
	expect_code(mach_vm_write(task, BASE + 7, (vm_offset_t)source + 3, TOTAL), KERN_SUCCESS);
	expect_number(victim_ask(victim, "sum %llx %llx", (unsigned long long)BASE + 7,
				 (unsigned long long)TOTAL), sum);
	/* Not one byte further, on either side. */
	expect_number(victim_ask(victim, "sum %llx 7", (unsigned long long)BASE),
		      pattern_sum("\0\0\0\0\0\0\0", 7, 0));
	expect_number(victim_ask(victim, "sum %llx 1", (unsigned long long)BASE + 7 + TOTAL),
		      pattern_sum("\0", 1, 0));
	munmap(source, room);

	source = mmap(NULL, room, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(source, MAP_FAILED);
	madvise(source, room, MADV_HUGEPAGE);
	expect_code(mach_vm_read_overwrite(task, BASE + 7, TOTAL, (uintptr_t)source + 1, &outsize),
		    KERN_SUCCESS);
	expect_number(outsize, TOTAL);
	expect_number(pattern_sum(source + 1, TOTAL, 0), sum);
	expect_number(source[0], 0);
	expect_number(source[TOTAL + 1], 0);
	munmap(source, room);
}

static const struct CMUnitTest tests[] = {TEST(transfer_beyond_two_gigabytes_is_whole)};

HARNESS_MAIN_IF(tests, {
	harness_require_speed();
	if (sysconf(_SC_AVPHYS_PAGES) < (6L << 30) / (long)PAGE)
		harness_skip("needs 6 GiB of free memory");
})
