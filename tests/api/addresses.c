/* SPDX-License-Identifier: MIT */
/* Addresses and sizes at the edges: wrapping, not canonical, the kernel's, zero; and sizes of zero. */
#include "calls.h"
#include "ground.h"

#include <string.h>

static struct ground ground, local;

static void open_grounds(enum place place)
{
	ground_open(&ground, place, 4);
	ground_open_local(&local, 8);
	ground_lay(&ground, 0, 4, "rw");
	ground_lay(&local, 0, 8, "rw");
}

static void close_grounds(void)
{
	ground_close(&ground);
	ground_close(&local);
}

static const struct {
	uint64_t address, size;
} illegal[] = {
	{0, 1},
	{0, PAGE},
	{8, 8},
	{PAGE - 1, 1},
	{0x00007fffffffe000u, 2 * PAGE},     /* out of the top of user space */
	{0x00007ffffffff000u, 8},            /* the page that is kept free there */
	{0x00007ffffffffff8u, 16},
	{0x0000800000000000u, 1},
	{0x0000800000000000u, 3 * PAGE},
	{0x00ffffffffffffffu, 1},
	{0x8000000000000000u, 8},            /* not canonical */
	{0xffff7fffffffffffu, 1},
	{0xffff800000000000u, 8},            /* the kernel's */
	{0xffff888000000000u, PAGE},
	{0xffffffff81000000u, 64},
	{0xffffffffff600000u, 8},            /* vsyscall */
	{0xffffffffff600000u, PAGE},
	{0xffffffffff5ffff8u, 16},
	{0xfffffffffffff000u, 8},
	{0xfffffffffffff000u, PAGE},         /* ends exactly at 2^64 */
	{0xffffffffffffffffu, 1},
	{0xffffffffffffffffu, 2},            /* wraps */
	{0xfffffffffffffff8u, 16},
	{0xfffffffffffff000u, 3 * PAGE},
};

static void illegal_address_is_invalid_whatever_the_routine(void **state)
{
	for (enum place place = 0; place < place_count(); place++) {
		open_grounds(place);
		for (unsigned i = 0; i < ARRAY_SIZE(illegal); i++) {
			uint64_t address = illegal[i].address, size = illegal[i].size;
			void *buffer = ground_pointer(&local, local.base + 8 * PAGE - size);

			trying("%s: %llu bytes at %#llx", ground.name, (unsigned long long)size,
			       (unsigned long long)address);
			for (unsigned j = 0; j < write_call_count; j++) {
				expect_code(write_calls[j].run(ground.task, address, buffer, size),
					    KERN_INVALID_ADDRESS);
				expect_detail(KERN_INVALID_ADDRESS, address);
			}
			for (unsigned j = 0; j < read_call_count; j++) {
				expect_code(read_calls[j].run(ground.task, address, buffer, size),
					    KERN_INVALID_ADDRESS);
				expect_detail(KERN_INVALID_ADDRESS, address);
			}
			for (unsigned j = 0; j < copy_call_count; j++) {
				expect_code(copy_calls[j].run(ground.task, address, size, ground.base),
					    KERN_INVALID_ADDRESS);
				expect_detail(KERN_INVALID_ADDRESS, address);
				expect_code(copy_calls[j].run(ground.task, ground.base, size, address),
					    KERN_INVALID_ADDRESS);
				expect_detail(KERN_INVALID_ADDRESS, address);
			}
			ground_verify(&ground);
			ground_verify(&local);
		}
		close_grounds();
	}
}

/* Sizes that no memory has: the source of a copy is judged first, and nothing is allocated for it. */
static void absurd_size_is_an_invalid_address(void **state)
{
	static const uint64_t sizes[] = {
		0xfffffffeu, 0x100000000u, 0x800000000000u, 0x7fffffffffffffffu,
		0xffffffffffffffffu, 0xffffffffffff0000u,
	};

	for (enum place place = 0; place < place_count(); place++) {
		open_grounds(place);
		for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
			trying("%s: copy of %#llx bytes", ground.name, (unsigned long long)sizes[i]);
			expect_code(mach_vm_copy(ground.task, ground.base, sizes[i], ground.base + PAGE),
				    KERN_INVALID_ADDRESS);
			expect_code(mach_vm_copy(ground.task, 0x1000, sizes[i], ground.base),
				    KERN_INVALID_ADDRESS);
			ground_verify(&ground);
		}
		close_grounds();
	}
}

static void copy_of_four_gigabytes_from_low_addresses_is_invalid(void **state)
{
	open_grounds(PLACE_VICTIM);
	expect_code(mach_vm_copy(ground.task, 0x1000, 0xfffffffeu, ground.base),
		    KERN_INVALID_ADDRESS);
	expect_detail(KERN_INVALID_ADDRESS, 0x1000);
	ground_verify(&ground);
	close_grounds();
}

/* Above what a 32-bit program can have, nothing is allocated. */
static void address_above_four_gigabytes_in_32_bit_victim_is_invalid(void **state)
{
	static const uint64_t addresses[] = {
		0xfffff000u, 0xfffffff8u, 0x100000000u, 0x120000000u, 0x7fff00000000u,
	};
	char buffer[16] = "";

	open_grounds(PLACE_VICTIM_32);
	for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
		trying("%#llx", (unsigned long long)addresses[i]);
		expect_code(machvm_write(ground.task, addresses[i], buffer, 16, 0),
			    KERN_INVALID_ADDRESS);
		expect_detail(KERN_INVALID_ADDRESS, addresses[i]);
		expect_code(machvm_read(ground.task, addresses[i], buffer, 16, 0),
			    KERN_INVALID_ADDRESS);
		/* Not the low half of the address either. */
		ground_verify(&ground);
	}
	close_grounds();
}

static void empty_transfer_succeeds_at_any_address(void **state)
{
	static const uint64_t addresses[] = {
		0, 1, 0x1000, 0x7fffffffffffu, 0x800000000000u, 0xffffffffff600000u,
		0xffffffffffffffffu,
	};

	for (enum place place = 0; place < place_count(); place++) {
		open_grounds(place);
		for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
			void *buffer = ground_pointer(&local, local.base);

			trying("%s: nothing at %#llx", ground.name,
			       (unsigned long long)addresses[i]);
			for (unsigned j = 0; j < write_call_count; j++)
				expect_code(write_calls[j].run(ground.task, addresses[i], buffer, 0),
					    KERN_SUCCESS);
			for (unsigned j = 0; j < read_call_count; j++)
				expect_code(read_calls[j].run(ground.task, addresses[i], buffer, 0),
					    KERN_SUCCESS);
			for (unsigned j = 0; j < copy_call_count; j++) {
				expect_code(copy_calls[j].run(ground.task, addresses[i], 0, 0),
					    KERN_SUCCESS);
				expect_code(copy_calls[j].run(ground.task, ground.base, 0,
							      addresses[i]), KERN_SUCCESS);
			}
		}
		ground_verify(&ground);
		close_grounds();
	}
}

/* Who is named comes before what is asked: an empty transfer too needs a task. */
static void bad_task_comes_before_everything_else(void **state)
{
	const mach_port_t nobodies[] = {MACH_PORT_NULL, MACH_PORT_DEAD, 0x00ffee07, 0x12345678};
	char buffer[8];

	for (unsigned i = 0; i < ARRAY_SIZE(nobodies); i++) {
		for (unsigned size = 0; size <= 8; size += 8) {
			trying("task %#x, %u bytes", nobodies[i], size);
			for (unsigned j = 0; j < write_call_count; j++) {
				expect_code(write_calls[j].run(nobodies[i], 0x1000, buffer, size),
					    MACH_SEND_INVALID_DEST);
				expect_code(write_calls[j].run(nobodies[i], 0x1000, NULL, size),
					    MACH_SEND_INVALID_DEST);
			}
			for (unsigned j = 0; j < read_call_count; j++)
				expect_code(read_calls[j].run(nobodies[i], 0x1000, buffer, size),
					    MACH_SEND_INVALID_DEST);
			for (unsigned j = 0; j < copy_call_count; j++)
				expect_code(copy_calls[j].run(nobodies[i], 0x1000, size, 0x2000),
					    MACH_SEND_INVALID_DEST);
			expect_detail(MACH_SEND_INVALID_DEST, 0);
		}
	}
}

static void host_port_is_an_invalid_argument(void **state)
{
	mach_port_t host = mach_host_self();
	char buffer[8];

	for (unsigned j = 0; j < write_call_count; j++)
		expect_code(write_calls[j].run(host, 0x1000, buffer, 8), KERN_INVALID_ARGUMENT);
	for (unsigned j = 0; j < read_call_count; j++)
		expect_code(read_calls[j].run(host, 0x1000, buffer, 8), KERN_INVALID_ARGUMENT);
	for (unsigned j = 0; j < copy_call_count; j++)
		expect_code(copy_calls[j].run(host, 0x1000, 8, 0x2000), KERN_INVALID_ARGUMENT);
	expect_detail(KERN_INVALID_ARGUMENT, 0);
}

static void unknown_flag_is_an_invalid_argument(void **state)
{
	open_grounds(PLACE_VICTIM);
	for (unsigned bit = 5; bit < 32; bit++) {
		uint64_t buffer = local.base;

		trying("flag %#x", 1u << bit);
		expect_code(machvm_write(ground.task, ground.base, (void *)(uintptr_t)buffer, 8,
					 1u << bit), KERN_INVALID_ARGUMENT);
		expect_code(machvm_read(ground.task, ground.base, (void *)(uintptr_t)buffer, 8,
					1u << bit | MACHVM_NOWAIT), KERN_INVALID_ARGUMENT);
	}
	ground_verify(&ground);
	ground_verify(&local);
	close_grounds();
}

/* A known flag that has no meaning for one range is refused, not ignored. */
static void flag_of_lists_is_refused_for_one_range(void **state)
{
	void *buffer;

	open_grounds(PLACE_VICTIM);
	buffer = ground_pointer(&local, local.base);
	expect_code(machvm_write(ground.task, ground.base, buffer, 8, MACHVM_EACH),
		    KERN_INVALID_ARGUMENT);
	expect_code(machvm_read(ground.task, ground.base, buffer, 8, MACHVM_EACH),
		    KERN_INVALID_ARGUMENT);
	ground_verify(&ground);
	ground_verify(&local);
	close_grounds();
}

static const struct CMUnitTest tests[] = {
	TEST(illegal_address_is_invalid_whatever_the_routine),
	TEST(absurd_size_is_an_invalid_address),
	TEST(copy_of_four_gigabytes_from_low_addresses_is_invalid),
	TEST(address_above_four_gigabytes_in_32_bit_victim_is_invalid),
	TEST(empty_transfer_succeeds_at_any_address),
	TEST(bad_task_comes_before_everything_else),
	TEST(host_port_is_an_invalid_argument),
	TEST(unknown_flag_is_an_invalid_argument),
	TEST(flag_of_lists_is_refused_for_one_range),
};

HARNESS_MAIN(tests)
