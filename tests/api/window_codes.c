/* SPDX-License-Identifier: MIT */
/* What machvm_window_open() refuses, and that a refusal leaves nothing behind, here or there. */
#include "ground.h"
#include "refuse.h"
#include "travel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OK     KERN_SUCCESS
#define ADDR   KERN_INVALID_ADDRESS
#define PROT   KERN_PROTECTION_FAILURE
#define NONE   KERN_NOT_SUPPORTED
#define MEM    KERN_MEMORY_ERROR
#define NOAC   KERN_NO_ACCESS
#define WRITE  MACHVM_WINDOW_WRITE
#define FAULTS MACHVM_WINDOW_FAULTS

static struct ground ground;

static const struct {
	const char *kind, *like;
	kern_return_t read, write;               /* flags 0 */
	kern_return_t read_faults, write_faults; /* MACHVM_WINDOW_FAULTS */
} cases[] = {
	{"memfd-steady", "shared-rw", OK, OK, OK, OK},
	{"memfd-steady-ro", "shared-drop", OK, PROT, OK, PROT},
	{"memfd-reserved", "shared-rw", OK, PROT, OK, PROT},
	{"segment", "shared-rw", OK, OK, OK, OK},
	{"memfd", "shared-rw", NONE, NONE, OK, OK},
	{"shared-rw", "shared-rw", NONE, NONE, OK, OK},
	{"shared-ro", "shared-ro", NONE, PROT, OK, PROT},
	{"shared-drop", "shared-drop", NONE, PROT, OK, PROT},
	{"hole", "hole", ADDR, ADDR, ADDR, ADDR},
	{"rw", "rw", NONE, NONE, NONE, NONE},
	{"fresh", "fresh", NONE, NONE, NONE, NONE},
	{"ro", "ro", NONE, PROT, NONE, PROT},
	{"none", "none", PROT, PROT, PROT, PROT},
	{"file-rw", "file-rw", NONE, NONE, NONE, NONE},
	{"file-ro", "file-ro", NONE, PROT, NONE, PROT},
	{"eof-shared", "eof-shared", MEM, MEM, MEM, MEM},
	{"eof-memfd", "eof-memfd", MEM, MEM, MEM, MEM},
	{"eof-private", "eof-private", NONE, NONE, NONE, NONE},
	{"secret", "secret", NOAC, NOAC, NOAC, NOAC},
	{"missing", "missing", NONE, NONE, NONE, NONE},
	{"missing-shared", "missing", NONE, NONE, NONE, NONE},
};

static kern_return_t wanted(unsigned i, unsigned flags)
{
	if (flags & FAULTS)
		return flags & WRITE ? cases[i].write_faults : cases[i].read_faults;
	return flags & WRITE ? cases[i].write : cases[i].read;
}

/* Tries it; when it is refused, nothing has changed, and the address is that. */
static void expect_window(uint64_t address, size_t size, unsigned flags, kern_return_t code,
			  uint64_t bad)
{
	unsigned mappings = count_windows(), descriptors = count_descriptors();
	void *window = &ground;

	expect_code(machvm_window_open(ground.task, address, size, flags, &window), code);
	if (code == KERN_SUCCESS) {
		expect_code(machvm_window_close(window, size), KERN_SUCCESS);
	} else {
		expect_detail(code, bad);
		assert_ptr_equal(window, &ground);
	}
	expect_number(count_windows(), mappings);
	expect_number(count_descriptors(), descriptors);
}

/* The first use of a task, and of the own one, opens what is kept. */
static void begin(enum place place)
{
	void *window;
	char byte;

	ground_open(&ground, place, 6);
	assert_true(ground_lay_like(&ground, 0, 6, "memfd-steady", "shared-rw"));
	expect_code(machvm_window_open(ground.task, ground.base, 1, 0, &window), KERN_SUCCESS);
	expect_code(machvm_window_close(window, 1), KERN_SUCCESS);
	expect_code(machvm_read(ground.task, ground.base, &byte, 1, MACHVM_FORCE), KERN_SUCCESS);
}

static void every_kind_of_memory_has_its_code(void **state)
{
	for (enum place place = PLACE_VICTIM; place < place_count(); place++) {
		begin(place);
		for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
			if (!ground_lay_like(&ground, 2, 2, cases[i].kind, cases[i].like)) {
				ground_lay(&ground, 2, 2, "hole");
				continue;
			}
			for (unsigned flags = 0; flags < 8; flags++) {
				uint64_t bad = ground.base + 2 * PAGE;
				kern_return_t code = wanted(i, flags);

				if (flags & MACHVM_WINDOW_MOVE)
					continue;
				trying("%s in %s, flags %u", cases[i].kind, ground.name, flags);
				expect_window(bad + 10, 20, flags, code, bad + 10);
				expect_window(ground.base + 7, 3 * PAGE, flags, code, bad);
				expect_window(ground.base, 6 * PAGE, flags, code, bad);
			}
			ground_verify(&ground);
		}
		ground_close(&ground);
	}
}

static void lowest_bad_page_decides(void **state)
{
	begin(PLACE_VICTIM);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(cases); j++) {
			uint64_t bad = ground.base + (cases[i].read ? 1 : 3) * PAGE;

			/* Anew: a victim keeps only so many descriptors. */
			assert_true(ground_lay_like(&ground, 0, 5, "memfd-steady", "shared-rw"));
			if (!ground_lay_like(&ground, 1, 1, cases[i].kind, cases[i].like) ||
			    !ground_lay_like(&ground, 3, 1, cases[j].kind, cases[j].like))
				continue;
			trying("%s before %s", cases[i].kind, cases[j].kind);
			expect_window(ground.base, 5 * PAGE, 0,
				      cases[i].read ? cases[i].read : cases[j].read, bad);
		}
	}
	ground_close(&ground);
}

static void file_that_ends_within_the_range_is_told_where(void **state)
{
	begin(PLACE_VICTIM);
	ground_lay_half(&ground, 0, 6, "half-shared");
	expect_window(ground.base, 3 * PAGE, WRITE | FAULTS, KERN_SUCCESS, 0);
	expect_window(ground.base + 1, 5 * PAGE, WRITE | FAULTS, KERN_MEMORY_ERROR,
		      ground.base + 3 * PAGE);
	expect_window(ground.base + 4 * PAGE, 1, FAULTS, KERN_MEMORY_ERROR, ground.base + 4 * PAGE);
	ground_verify(&ground);
	ground_close(&ground);
}

static void guard_page_is_refused(void **state)
{
	begin(PLACE_VICTIM);
	if (victim_try(ground.victim, "advise %llx 1000 %x",
		       (unsigned long long)ground.base + 3 * PAGE, 102) == 0) {
		expect_window(ground.base, 3 * PAGE, WRITE, KERN_SUCCESS, 0);
		expect_window(ground.base, 5 * PAGE, WRITE, KERN_PROTECTION_FAILURE,
			      ground.base + 3 * PAGE);
	}
	ground_close(&ground);
}

/* Those who may restore processes need no descriptor. */
static bool can_follow_links(void)
{
	uintptr_t here = (uintptr_t)can_follow_links;
	unsigned long long start = 0, end = 0;
	char path[80], line[512];
	FILE *maps = fopen("/proc/self/maps", "re");
	int fd;

	/* Of a file: other regions have no link. */
	while (maps != NULL && end <= here && fgets(line, sizeof(line), maps) != NULL)
		sscanf(line, "%llx-%llx", &start, &end);
	assert_true(start <= here && here < end);
	fclose(maps);
	snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx", start, end);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void object_without_a_descriptor_takes_privilege(void **state)
{
	kern_return_t code = can_follow_links() ? KERN_SUCCESS : KERN_NOT_SUPPORTED;
	static const char *const kinds[] = {"share", "memfd-orphan"};

	begin(PLACE_VICTIM);
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		trying("%s", kinds[i]);
		assert_true(ground_lay_like(&ground, 1, 2, kinds[i], "shared-rw"));
		expect_window(ground.base, 4 * PAGE, WRITE, code, ground.base + PAGE);
	}
	ground_close(&ground);
}

static void bad_arguments_have_their_codes(void **state)
{
	mach_port_t name = MACH_PORT_NULL, inspector = MACH_PORT_NULL;
	void *window = NULL;
	uint64_t base;

	begin(PLACE_VICTIM);
	base = ground.base;
	expect_window(base, 0, 0, KERN_INVALID_ARGUMENT, 0);
	expect_window(base, PAGE, 8, KERN_INVALID_ARGUMENT, 0);
	expect_window(base, PAGE, ~0u, KERN_INVALID_ARGUMENT, 0);
	expect_window(UINT64_MAX - PAGE, 2 * PAGE, 0, KERN_INVALID_ADDRESS, 0);
	expect_window(UINT64_MAX, 1, 0, KERN_INVALID_ADDRESS, 0);
	expect_window(0xffff800000000000u, PAGE, 0, KERN_INVALID_ADDRESS, 0xffff800000000000u);
	expect_window(0, PAGE, 0, KERN_INVALID_ADDRESS, 0);
	expect_window(base, SIZE_MAX / 2, 0, KERN_INVALID_ADDRESS, base + 6 * PAGE);
	expect_code(machvm_window_open(ground.task, base, PAGE, 0, NULL), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_open(MACH_PORT_NULL, base, PAGE, 0, &window),
		    MACH_SEND_INVALID_DEST);
	expect_code(machvm_window_open(0xabcdef, base, PAGE, 0, &window), MACH_SEND_INVALID_DEST);
	expect_code(machvm_window_open(mach_host_self(), base, PAGE, 0, &window),
		    KERN_INVALID_ARGUMENT);
	expect_code(task_name_for_pid(mach_task_self(), ground.victim->pid, &name), KERN_SUCCESS);
	expect_code(task_inspect_for_pid(mach_task_self(), ground.victim->pid, &inspector),
		    KERN_SUCCESS);
	expect_code(machvm_window_open(name, base, PAGE, 0, &window), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_open(inspector, base, PAGE, 0, &window), KERN_INVALID_ARGUMENT);
	/* To look at a window that is there, less will do. */
	expect_code(machvm_window_open(ground.task, base, PAGE, 0, &window), KERN_SUCCESS);
	expect_code(machvm_window_check(name, base, window, PAGE), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_check(inspector, base, window, PAGE), KERN_SUCCESS);
	expect_code(machvm_window_check(inspector, base, window, 0), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_check(inspector, base, &name, 1), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_check(inspector, base, NULL, 1), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_check(inspector, UINT64_MAX, window, PAGE), KERN_INVALID_ADDRESS);
	expect_code(machvm_window_check(inspector, base + PAGE, window, PAGE), KERN_INVALID_OBJECT);
	expect_code(machvm_window_close(NULL, PAGE), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_close(window, 0), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_close(window, SIZE_MAX), KERN_INVALID_ARGUMENT);
	expect_code(machvm_window_close(window, PAGE), KERN_SUCCESS);
	victim_kill(ground.victim);
	expect_code(machvm_window_open(ground.task, base, PAGE, 0, &window),
		    MACH_SEND_INVALID_DEST);
	task_drop(name);
	task_drop(inspector);
	task_drop(ground.task);
}

static void right_that_was_received_brings_no_window(void **state)
{
	mach_port_t port;
	void *window;

	if (!travel_possible())
		skip();
	begin(PLACE_VICTIM);
	port = travel_received(ground.task, MACHVM_RIGHT_CONTROL);
	expect_code(machvm_window_open(port, ground.base, PAGE, WRITE, &window), KERN_DENIED);
	expect_code(machvm_window_open(port, ground.base, PAGE, MACHVM_WINDOW_MOVE, &window),
		    KERN_DENIED);
	expect_code(machvm_window_open(ground.task, ground.base, PAGE, WRITE, &window),
		    KERN_SUCCESS);
	expect_code(machvm_window_check(port, ground.base, window, PAGE), KERN_SUCCESS);
	expect_code(machvm_window_close(window, PAGE), KERN_SUCCESS);
	task_drop(port);
	ground_close(&ground);
}

static void caller_without_descriptors_is_a_shortage(void **state)
{
	struct rlimit limit, full;
	void *window = &ground;
	int next;

	/* Without pidfds life is proved by opening a file, which is what cannot be done here. */
	if (refused("pidfd"))
		skip();
	begin(PLACE_VICTIM);
	getrlimit(RLIMIT_NOFILE, &limit);
	/* Numbers below are all taken. */
	next = dup(0);
	close(next);
	full = limit;
	full.rlim_cur = (rlim_t)next;
	setrlimit(RLIMIT_NOFILE, &full);
	expect_code(machvm_window_open(ground.task, ground.base, PAGE, WRITE, &window),
		    KERN_RESOURCE_SHORTAGE);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_ptr_equal(window, &ground);
	expect_window(ground.base, PAGE, WRITE, KERN_SUCCESS, 0);
	ground_close(&ground);
}

static void own_memory_has_windows_too(void **state)
{
	uint8_t *memory, *window = NULL;
	void *at;

	begin(PLACE_OWN);
	memory = ground_pointer(&ground, ground.base + PAGE);
	expect_code(machvm_window_open(mach_task_self(), ground.base + PAGE, 2 * PAGE, WRITE, &at),
		    KERN_SUCCESS);
	window = at;
	assert_ptr_not_equal(window, memory);
	window[10] ^= 1;
	memory[PAGE] ^= 2;
	expect_bytes(window, memory, 2 * PAGE);
	expect_code(machvm_window_check(mach_task_self(), ground.base + PAGE, window, 2 * PAGE),
		    KERN_SUCCESS);
	expect_code(machvm_window_close(window, 2 * PAGE), KERN_SUCCESS);
	ground_close(&ground);
}

static const struct CMUnitTest tests[] = {
	TEST(every_kind_of_memory_has_its_code),
	TEST(lowest_bad_page_decides),
	TEST(file_that_ends_within_the_range_is_told_where),
	TEST(guard_page_is_refused),
	TEST(object_without_a_descriptor_takes_privilege),
	TEST(bad_arguments_have_their_codes),
	TEST(right_that_was_received_brings_no_window),
	TEST(caller_without_descriptors_is_a_shortage),
	TEST(own_memory_has_windows_too),
};

HARNESS_MAIN(tests)
