/* SPDX-License-Identifier: MIT */
/*
 * The caller's own buffer: bad at every position it is MACH_SEND_INVALID_MEMORY
 * before a byte has moved, also when the target is bad too; good it is good
 * whatever it is made of.
 */
#include "calls.h"
#include "ground.h"
#include "pattern.h"

#include <string.h>

static struct ground ground, local;

static const size_t lengths[] = {
	1, 8, 17, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE - 1, 3 * PAGE,
};

static const char *const bad_for_reading[] = {"hole", "none", "guard", "eof-private", "eof-shared"};
static const char *const bad_for_writing[] = {
	"hole", "none", "guard", "eof-private", "eof-shared", "ro", "rx", "shared-ro", "file-ro",
};
static const char *const good_for_both[] = {
	"rw", "secret", "file-rw", "shared-rw", "fresh", "devzero", "cow", "sealed-rw",
};
static const char *const good_for_reading[] = {"ro", "file-ro", "shared-ro", "rx"};

static void open_grounds(enum place place)
{
	ground_open(&ground, place, 16);
	ground_open_local(&local, 8);
	ground_lay(&ground, 0, 16, "rw");
	ground_lay(&local, 0, 8, "rw");
}

static void close_grounds(void)
{
	ground_close(&ground);
	ground_close(&local);
}

static bool touches(uint64_t address, size_t size, unsigned page)
{
	return address < local.base + (page + 1) * PAGE && address + size > local.base + page * PAGE;
}

static void expect_refusal(const struct call *call, uint64_t address, uint64_t buffer, size_t size)
{
	trying("%s in %s: %zu bytes at +%#llx with the buffer at page %llu + %llu", call->name,
	       ground.name, size, (unsigned long long)(address - ground.base),
	       (unsigned long long)((buffer - local.base) / PAGE),
	       (unsigned long long)(buffer % PAGE));
	expect_code(call->run(ground.task, address, (void *)(uintptr_t)buffer, size),
		    MACH_SEND_INVALID_MEMORY);
	/* No address of the target is to blame. */
	expect_detail(MACH_SEND_INVALID_MEMORY, 0);
	ground_verify(&ground);
	ground_verify(&local);
}

static void try_positions(const struct call *calls, unsigned count, const char *kind)
{
	unsigned number = 0;

	for (unsigned bad = 2; bad < 6; bad++) {
		if (!ground_lay(&local, bad, 1, kind))
			return;
		for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
			for (unsigned alignment = 0; alignment < 17; alignment++) {
				const struct call *call = &calls[number++ % count];
				uint64_t buffer = local.base + 2 * PAGE + alignment;

				if (call->fresh_memory || !touches(buffer, lengths[i], bad))
					continue;
				expect_refusal(call, ground.base + PAGE + number % 17, buffer,
					       lengths[i]);
				/* The target's first page is bad as well, or its last. */
				ground_lay(&ground, 1, 1, number % 2 ? "hole" : "ro");
				expect_refusal(call, ground.base + PAGE + number % 17, buffer,
					       lengths[i]);
				ground_lay(&ground, 1, 1, "rw");
			}
		}
		ground_lay(&local, bad, 1, "rw");
	}
}

static void bad_source_of_write_moves_nothing(void **state)
{
	for (enum place place = 0; place < place_count(); place++) {
		open_grounds(place);
		for (unsigned i = 0; i < ARRAY_SIZE(bad_for_reading); i++)
			try_positions(write_calls, write_call_count, bad_for_reading[i]);
		close_grounds();
	}
}

static void bad_destination_of_read_moves_nothing(void **state)
{
	for (enum place place = 0; place < place_count(); place++) {
		open_grounds(place);
		for (unsigned i = 0; i < ARRAY_SIZE(bad_for_writing); i++)
			try_positions(read_calls, read_call_count, bad_for_writing[i]);
		close_grounds();
	}
}

static void wrapping_or_foreign_buffer_is_invalid_memory(void **state)
{
	static const uint64_t buffers[] = {
		0, 8, 0x0000800000000000u, 0x0000900000000000u, 0x8000000000000000u,
		0xffffffff81000000u, 0xffffffffff600000u, 0xfffffffffffff000u, 0xfffffffffffffff8u,
		0xffffffffffffffffu,
	};

	for (enum place place = 0; place < place_count(); place++) {
		open_grounds(place);
		for (unsigned i = 0; i < ARRAY_SIZE(buffers); i++) {
			for (unsigned j = 0; j < write_call_count; j++)
				expect_refusal(&write_calls[j], ground.base + PAGE, buffers[i], 24);
			for (unsigned j = 0; j < read_call_count; j++)
				if (!read_calls[j].fresh_memory)
					expect_refusal(&read_calls[j], ground.base + PAGE,
						       buffers[i], 24);
		}
		close_grounds();
	}
}

/* Size 0 touches no buffer: none is bad. */
static void empty_transfer_accepts_any_buffer(void **state)
{
	open_grounds(PLACE_VICTIM);
	for (unsigned j = 0; j < write_call_count; j++)
		expect_code(write_calls[j].run(ground.task, ground.base, NULL, 0), KERN_SUCCESS);
	for (unsigned j = 0; j < read_call_count; j++)
		expect_code(read_calls[j].run(ground.task, ground.base, NULL, 0), KERN_SUCCESS);
	ground_verify(&ground);
	close_grounds();
}

static void write_from(const char *kind, uint64_t buffer, size_t size)
{
	for (unsigned i = 0; i < write_call_count; i++) {
		uint64_t address = ground.base + 3 * PAGE + i;

		trying("%s in %s: %zu bytes from %s", write_calls[i].name, ground.name, size, kind);
		expect_code(write_calls[i].run(ground.task, address, (void *)(uintptr_t)buffer,
					       size), KERN_SUCCESS);
		memcpy(ground_expect(&ground, address), ground_expect(&local, buffer), size);
		ground_verify(&ground);
	}
}

static void read_into(const char *kind, uint64_t buffer, size_t size)
{
	for (unsigned i = 0; i < read_call_count; i++) {
		uint64_t address = ground.base + 3 * PAGE + i;

		trying("%s in %s: %zu bytes into %s", read_calls[i].name, ground.name, size, kind);
		expect_code(read_calls[i].run(ground.task, address, (void *)(uintptr_t)buffer,
					      size), KERN_SUCCESS);
		memcpy(ground_expect(&local, buffer), ground_expect(&ground, address), size);
		ground_verify(&local);
	}
}

static void buffer_of_every_good_kind_serves(void **state)
{
	static const size_t sizes[] = {8, 100, PAGE, 2 * PAGE + 5};

	for (enum place place = 0; place < place_count(); place++) {
		for (unsigned i = 0; i < ARRAY_SIZE(good_for_both); i++) {
			bool there;

			open_grounds(place);
			there = ground_lay(&local, 2, 2, good_for_both[i]);
			for (unsigned j = 0; there && j < ARRAY_SIZE(sizes); j++) {
				write_from(good_for_both[i], local.base + 2 * PAGE - 3, sizes[j]);
				read_into(good_for_both[i], local.base + 2 * PAGE - 3, sizes[j]);
			}
			close_grounds();
		}
		open_grounds(place);
		for (unsigned i = 0; i < ARRAY_SIZE(good_for_reading); i++) {
			ground_lay(&local, 2, 2, good_for_reading[i]);
			for (unsigned j = 0; j < ARRAY_SIZE(sizes); j++)
				write_from(good_for_reading[i], local.base + 2 * PAGE - 3, sizes[j]);
		}
		close_grounds();
	}
}

/* Exactly up to the last byte before a hole, for every length up to two pages. */
static void buffer_that_ends_at_a_hole_is_whole(void **state)
{
	open_grounds(PLACE_VICTIM);
	ground_lay(&local, 6, 1, "hole");
	for (size_t size = 1; size <= 2 * PAGE; size += size < 300 ? 1 : 61) {
		uint64_t buffer = local.base + 6 * PAGE - size, address = ground.base + 3 * PAGE;

		trying("%zu bytes up to a hole", size);
		expect_code(machvm_write(ground.task, address, (void *)(uintptr_t)buffer, size, 0),
			    KERN_SUCCESS);
		memcpy(ground_expect(&ground, address), ground_expect(&local, buffer), size);
		ground_verify(&ground);
	}
	close_grounds();
}

static const struct CMUnitTest tests[] = {
	TEST(bad_source_of_write_moves_nothing),
	TEST(bad_destination_of_read_moves_nothing),
	TEST(wrapping_or_foreign_buffer_is_invalid_memory),
	TEST(empty_transfer_accepts_any_buffer),
	TEST(buffer_of_every_good_kind_serves),
	TEST(buffer_that_ends_at_a_hole_is_whole),
};

HARNESS_MAIN(tests)
