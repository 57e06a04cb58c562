/* SPDX-License-Identifier: MIT */
/*
 * Windows: plain stores on either side, which the other one sees; one window over
 * several objects; and what becomes of a window when the target changes, exits, or
 * the memory itself is taken away. Private memory that is moved is tests/space/windows.c.
 */
#include "ground.h"
#include "pattern.h"
#include "travel.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITE  MACHVM_WINDOW_WRITE
#define FAULTS MACHVM_WINDOW_FAULTS

static struct ground ground;

static const struct {
	const char *kind;
	unsigned flags; /* that a window onto it takes */
} shared[] = {{"memfd-steady", 0}, {"segment", 0}, {"memfd", FAULTS}, {"shared-rw", FAULTS}};

static void lay(unsigned page, unsigned count, const char *kind)
{
	if (!ground_lay_like(&ground, page, count, kind, "shared-rw"))
		fail_case("%s cannot be laid", kind);
}

static uint8_t *open_window(uint64_t address, size_t size, unsigned flags)
{
	void *window = NULL;

	expect_code(machvm_window_open(ground.task, address, size, flags, &window), KERN_SUCCESS);
	return window;
}

static void victim_fills(unsigned page, unsigned pages, unsigned seed)
{
	uint64_t address = ground.base + page * PAGE;

	victim_ask(ground.victim, "fill %llx %zx %x", (unsigned long long)address, pages * PAGE,
		   seed);
	pattern_fill(ground_expect(&ground, address), address, pages * PAGE, seed);
}

/* A store here is seen there, and the other way, with no call in between. */
static void expect_one_memory(uint8_t *window, uint64_t address, size_t size)
{
	expect_bytes(window, ground_expect(&ground, address), size);
	window[0] ^= 0x5a;
	window[size / 2] ^= 0x33;
	window[size - 1] ^= 0xff;
	memcpy(ground_expect(&ground, address), window, size);
	ground_verify(&ground);
}

static void store_is_seen_on_both_sides(void **state)
{
	for (enum place place = PLACE_VICTIM; place < place_count(); place++) {
		for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
			uint64_t address;
			uint8_t *window;

			trying("%s in %s", shared[i].kind, place_name(place));
			ground_open(&ground, place, 6);
			lay(1, 4, shared[i].kind);
			address = ground.base + PAGE;
			window = open_window(address, 4 * PAGE, shared[i].flags | WRITE);
			expect_one_memory(window, address, 4 * PAGE);
			victim_fills(2, 2, 99 + i);
			expect_bytes(window, ground_expect(&ground, address), 4 * PAGE);
			expect_code(machvm_window_check(ground.task, address, window, 4 * PAGE),
				    KERN_SUCCESS);
			expect_code(machvm_window_close(window, 4 * PAGE), KERN_SUCCESS);
			ground_verify(&ground);
			ground_close(&ground);
		}
	}
}

static void window_begins_and_ends_anywhere(void **state)
{
	static const size_t offsets[] = {0, 1, 100, PAGE - 1, PAGE, 2 * PAGE + 7};
	static const size_t sizes[] = {1, 8, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE};
	unsigned mappings, descriptors;

	ground_open(&ground, PLACE_VICTIM, 8);
	lay(0, 8, "memfd-steady");
	/* The first use of a task opens what is kept. */
	machvm_window_close(open_window(ground.base, 1, 0), 1);
	mappings = count_windows();
	descriptors = count_descriptors();
	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(sizes); j++) {
			uint64_t address = ground.base + offsets[i];
			uint8_t *window;

			trying("%zu bytes at %zu", sizes[j], offsets[i]);
			window = open_window(address, sizes[j], WRITE);
			expect_number((uintptr_t)window & (PAGE - 1), address & (PAGE - 1));
			expect_one_memory(window, address, sizes[j]);
			expect_number(count_windows(), mappings + 1);
			expect_number(count_descriptors(), descriptors);
			expect_code(machvm_window_close(window, sizes[j]), KERN_SUCCESS);
			expect_number(count_windows(), mappings);
		}
	}
	ground_close(&ground);
}

static void window_over_several_objects_is_one_piece(void **state)
{
	uint8_t *window;
	unsigned mappings;

	ground_open(&ground, PLACE_VICTIM, 9);
	lay(0, 2, "memfd-steady");
	lay(2, 1, "segment");
	lay(3, 3, "shared-rw");
	lay(6, 1, "segment");
	lay(7, 2, "memfd-steady");
	/* The middle of one object, the end first. */
	victim_ask(ground.victim, "unmap %llx 1000", (unsigned long long)ground.base + 3 * PAGE);
	lay(3, 1, "memfd-steady");
	machvm_window_close(open_window(ground.base, 1, 0), 1);
	mappings = count_windows();
	window = open_window(ground.base + 50, 9 * PAGE - 100, WRITE | FAULTS);
	expect_one_memory(window, ground.base + 50, 9 * PAGE - 100);
	victim_fills(0, 9, 4);
	expect_bytes(window, ground_expect(&ground, ground.base + 50), 9 * PAGE - 100);
	expect_code(machvm_window_check(ground.task, ground.base + 50, window, 9 * PAGE - 100),
		    KERN_SUCCESS);
	expect_code(machvm_window_close(window, 9 * PAGE - 100), KERN_SUCCESS);
	expect_number(count_windows(), mappings);
	ground_close(&ground);
}

static void window_that_is_read_cannot_be_stored_through(void **state)
{
	uint8_t byte = 1, *window;
	mach_port_t reader = MACH_PORT_NULL;

	ground_open(&ground, PLACE_VICTIM, 4);
	lay(0, 1, "memfd-steady");
	lay(1, 1, "segment");
	lay(2, 1, "memfd-steady-ro");
	expect_code(task_read_for_pid(mach_task_self(), ground.victim->pid, &reader), KERN_SUCCESS);
	for (unsigned page = 0; page < 3; page++) {
		void *through = NULL;

		trying("page %u", page);
		expect_code(machvm_window_open(reader, ground.base + page * PAGE, PAGE, WRITE,
					       &through),
			    KERN_INVALID_ARGUMENT);
		expect_code(
			machvm_window_open(reader, ground.base + page * PAGE, PAGE, 0, &through),
			KERN_SUCCESS);
		window = through;
		expect_bytes(window, ground_expect(&ground, ground.base + page * PAGE), PAGE);
		expect_code(machvm_write(mach_task_self(), (uintptr_t)window, &byte, 1, 0),
			    KERN_PROTECTION_FAILURE);
		expect_code(machvm_window_close(window, PAGE), KERN_SUCCESS);
	}
	task_drop(reader);
	ground_verify(&ground);
	ground_close(&ground);
}

/* ---- the target goes on ---- */

static void window_keeps_its_memory_when_the_target_unmaps(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
		uint8_t want[2 * PAGE], *window;

		trying("%s", shared[i].kind);
		ground_open(&ground, PLACE_VICTIM, 4);
		lay(0, 2, shared[i].kind);
		window = open_window(ground.base, 2 * PAGE, shared[i].flags | WRITE);
		/* Its permission is no matter of the window's. */
		victim_ask(ground.victim, "protect %llx 2000 0", (unsigned long long)ground.base);
		window[5] = 6;
		expect_code(machvm_window_check(ground.task, ground.base, window, 2 * PAGE),
			    KERN_SUCCESS);
		memcpy(want, ground_expect(&ground, ground.base), sizeof(want));
		want[5] = 6;
		victim_ask(ground.victim, "unmap %llx 1000",
			   (unsigned long long)ground.base + PAGE);
		expect_code(machvm_window_check(ground.task, ground.base, window, 2 * PAGE),
			    KERN_INVALID_ADDRESS);
		expect_detail(KERN_INVALID_ADDRESS, ground.base + PAGE);
		expect_code(machvm_window_check(ground.task, ground.base, window, PAGE),
			    KERN_SUCCESS);
		lay(1, 1, shared[i].kind);
		expect_code(machvm_window_check(ground.task, ground.base + 9, window + 9,
						2 * PAGE - 20),
			    KERN_INVALID_OBJECT);
		expect_detail(KERN_INVALID_OBJECT, ground.base + PAGE);
		expect_bytes(window, want, sizeof(want));
		window[PAGE] = want[PAGE] = 77;
		expect_bytes(window, want, sizeof(want));
		/* What is there now has not heard of it. */
		victim_ask(ground.victim, "protect %llx 1000 3", (unsigned long long)ground.base);
		*ground_expect(&ground, ground.base + 5) = 6;
		ground_verify(&ground);
		expect_code(machvm_window_close(window, 2 * PAGE), KERN_SUCCESS);
		ground_close(&ground);
	}
}

static void window_outlives_another_program_and_the_end(void **state)
{
	for (int end = 0; end < 2; end++) {
		for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
			uint8_t want[2 * PAGE], *window;

			trying("%s after %s", shared[i].kind, end ? "the end" : "exec");
			ground_open(&ground, PLACE_VICTIM, 4);
			lay(0, 2, shared[i].kind);
			window = open_window(ground.base, 2 * PAGE, shared[i].flags | WRITE);
			memcpy(want, window, sizeof(want));
			if (end)
				victim_kill(ground.victim);
			else
				victim_ask(ground.victim, "exec");
			window[1] = want[1] = 2;
			expect_bytes(window, want, sizeof(want));
			expect_code(machvm_window_check(ground.task, ground.base, window, PAGE),
				    end ? MACH_SEND_INVALID_DEST : KERN_INVALID_ADDRESS);
			expect_code(machvm_window_close(window, 2 * PAGE), KERN_SUCCESS);
			task_drop(ground.task);
			if (!end)
				victim_kill(ground.victim);
		}
	}
}

static void child_has_the_window_too(void **state)
{
	uint8_t *window;
	int status;
	pid_t child;

	ground_open(&ground, PLACE_VICTIM, 1);
	lay(0, 1, "memfd-steady");
	window = open_window(ground.base, PAGE, WRITE);
	child = fork();
	if (child == 0) {
		window[3] = 0x44;
		_exit(machvm_window_check(ground.task, ground.base, window, PAGE));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	expect_number(status, 0);
	*ground_expect(&ground, ground.base + 3) = 0x44;
	ground_verify(&ground);
	expect_bytes(window, ground_expect(&ground, ground.base), PAGE);
	expect_code(machvm_window_close(window, PAGE), KERN_SUCCESS);
	ground_close(&ground);
}

/* ---- memory that is taken away ---- */

static void sealed_memory_stays_under_the_window(void **state)
{
	uint8_t *window;

	ground_open(&ground, PLACE_VICTIM, 2);
	lay(0, 2, "memfd-steady");
	window = open_window(ground.base, 2 * PAGE, WRITE);
	assert_int_equal(
		victim_try(ground.victim, "truncate %llx 1000", (unsigned long long)ground.base),
		-EPERM);
	expect_one_memory(window, ground.base, 2 * PAGE);
	expect_code(machvm_window_close(window, 2 * PAGE), KERN_SUCCESS);
	ground_close(&ground);
}

static int touch_in_a_child(const uint8_t *at)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		/* Sanitizers make a report of it, and keep others from changing that. */
		static const long nothing[8];

		syscall(SYS_rt_sigaction, SIGBUS, nothing, NULL, 8);
		_exit(*(const volatile uint8_t *)at == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void truncated_file_is_a_code_for_the_copying_routines(void **state)
{
	static const char *const kinds[] = {"memfd", "shared-rw"};

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		mach_port_t self = mach_task_self();
		uint8_t bytes[2 * PAGE], byte = 7, *window;
		uint64_t lost;

		trying("%s", kinds[i]);
		ground_open(&ground, PLACE_VICTIM, 2);
		lay(0, 2, kinds[i]);
		window = open_window(ground.base, 2 * PAGE, WRITE | FAULTS);
		lost = (uintptr_t)window + PAGE;
		victim_ask(ground.victim, "truncate %llx 1000", (unsigned long long)ground.base);
		expect_code(machvm_read(self, lost, bytes, 8, 0), KERN_MEMORY_ERROR);
		expect_code(machvm_write(self, lost, &byte, 1, 0), KERN_MEMORY_ERROR);
		expect_code(machvm_read(self, (uintptr_t)window, bytes, sizeof(bytes), 0),
			    KERN_MEMORY_ERROR);
		expect_detail(KERN_MEMORY_ERROR, lost);
		expect_code(machvm_write(self, (uintptr_t)window + 4, &byte, 1, 0), KERN_SUCCESS);
		*ground_expect(&ground, ground.base + 4) = byte;
		/* What the pointer itself does is what the contract says. */
		expect_number(touch_in_a_child(window + PAGE), SIGBUS);
		/* The memory comes back, as zeros. */
		victim_ask(ground.victim, "truncate %llx 2000", (unsigned long long)ground.base);
		memset(ground_expect(&ground, ground.base + PAGE), 0, PAGE);
		expect_one_memory(window, ground.base, 2 * PAGE);
		expect_code(machvm_window_close(window, 2 * PAGE), KERN_SUCCESS);
		ground_close(&ground);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(store_is_seen_on_both_sides),
	TEST(window_begins_and_ends_anywhere),
	TEST(window_over_several_objects_is_one_piece),
	TEST(window_that_is_read_cannot_be_stored_through),
	TEST(window_keeps_its_memory_when_the_target_unmaps),
	TEST(window_outlives_another_program_and_the_end),
	TEST(child_has_the_window_too),
	TEST(sealed_memory_stays_under_the_window),
	TEST(truncated_file_is_a_code_for_the_copying_routines),
};

HARNESS_MAIN(tests)
