/* SPDX-License-Identifier: MIT */
/* Single pages: present, dirty, copied, of a file, or not there at all. */
#include "ground.h"

#include <mach/vm_page_query.h>
#include <string.h>
#include <sys/mman.h>

#define HERE   (VM_PAGE_QUERY_PAGE_PRESENT | VM_PAGE_QUERY_PAGE_REF)
#define DIRTY  VM_PAGE_QUERY_PAGE_DIRTY
#define COPIED VM_PAGE_QUERY_PAGE_COPIED
#define FILED  VM_PAGE_QUERY_PAGE_EXTERNAL
/* A kernel that does not track writes calls only anonymous pages dirty. */
#define MAYBE  0x40000000

/* Of a page of that kind as it was laid, and after its owner has written it (-1: it cannot). */
static const struct {
	const char *kind;
	int laid, written;
} wanted[] = {
	{"hole", 0, -1},
	{"rw", HERE | DIRTY, HERE | DIRTY},
	{"ro", HERE | DIRTY, -1},
	{"wo", HERE | DIRTY, -1},
	{"none", HERE | DIRTY, -1},
	{"fresh", 0, HERE | DIRTY},
	{"guard", 0, -1},
	{"devzero", HERE | DIRTY | COPIED, HERE | DIRTY | COPIED},
	{"file-rw", 0, HERE | DIRTY | COPIED},
	{"file-ro", 0, -1},
	{"shared-rw", 0, HERE | FILED | MAYBE},
	{"eof-private", 0, -1},
	{"eof-shared", 0, -1},
	{"cow", HERE | DIRTY, HERE | DIRTY},
	{"missing", 0, -1},
};

static struct ground ground;

static void expect_disposition(int got, int want)
{
	if (want & MAYBE)
		expect_number(got & ~DIRTY, want & ~MAYBE);
	else
		expect_number(got, want);
}

/* By every routine, at every place in the page. */
static void expect_page(unsigned page, int want, int references)
{
	static const unsigned offsets[] = {0, 1, 4095};

	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		uint64_t address = ground.base + page * PAGE + offsets[i];
		int disposition = 0x7777, count = 0x7777, entries[2] = {0x7777, 0x7777};
		mach_vm_size_t length = 1;

		expect_code(mach_vm_page_query(ground.task, address, &disposition, &count),
			    KERN_SUCCESS);
		expect_disposition(disposition, want);
		expect_number(count, references);
		expect_code(vm_map_page_query(ground.task, (vm_offset_t)address, &disposition, &count),
			    KERN_SUCCESS);
		expect_disposition(disposition, want);
		expect_number(count, references);
		expect_code(mach_vm_page_range_query(ground.task, address, 1,
						     (mach_vm_address_t)(uintptr_t)entries, &length),
			    KERN_SUCCESS);
		expect_number(length, 1);
		expect_disposition(entries[0], want);
		expect_number(entries[1], 0x7777);
		for (mach_msg_type_number_t words = 7; words <= 8; words++) {
			mach_msg_type_number_t room = words;
			struct vm_page_info_basic info;

			memset(&info, 0x77, sizeof(info));
			expect_code(mach_vm_page_info(ground.task, address, VM_PAGE_INFO_BASIC,
						      (vm_page_info_t)&info, &room),
				    KERN_SUCCESS);
			expect_number(room, words);
			expect_disposition(info.disposition, want);
			expect_number(info.ref_count, references);
			expect_number(info.depth, 0);
			expect_number(info.__pad, words == 7 ? 0x77777777 : 0);
		}
	}
}

static void try_kinds(enum place place)
{
	ground_open(&ground, place, 16);
	for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++) {
		int references = strcmp(wanted[i].kind, "cow") == 0 ? 2 : 1;

		if (!ground_lay(&ground, 5, 2, wanted[i].kind))
			continue;
		trying("%s in %s", wanted[i].kind, ground.name);
		expect_page(5, wanted[i].laid, wanted[i].laid ? references : 0);
		expect_page(6, wanted[i].laid, wanted[i].laid ? references : 0);
		if (wanted[i].written < 0 || place == PLACE_OWN)
			continue;
		trying("%s in %s, written", wanted[i].kind, ground.name);
		victim_ask(ground.victim, "fill %llx 1000 9",
			   (unsigned long long)(ground.base + 6 * PAGE));
		expect_page(5, wanted[i].laid, wanted[i].laid ? references : 0);
		expect_page(6, wanted[i].written, 1);
		if (page_kind(wanted[i].kind)->flags & KIND_LASTS) {
			ground_close(&ground);
			ground_open(&ground, place, 16);
		}
		ground_lay(&ground, 5, 2, "hole");
	}
	ground_close(&ground);
}

static void page_of_each_kind_in_own_task_is_reported(void **state)
{
	try_kinds(PLACE_OWN);
}

static void page_of_each_kind_in_victim_is_reported(void **state)
{
	try_kinds(PLACE_VICTIM);
}

static void page_of_each_kind_in_32_bit_victim_is_reported(void **state)
{
	try_kinds(PLACE_VICTIM_32);
}

/* A ground of holes and kinds in turn, and what each page of it must be. */
static void lay_mixture(enum place place, int want[16])
{
	static const char *const kinds[] = {"rw", "hole", "file-rw", "fresh", "hole", "ro", "rw", "none"};
	static const int is[] = {HERE | DIRTY, 0, 0, 0, 0, HERE | DIRTY, HERE | DIRTY, HERE | DIRTY};

	ground_open(&ground, place, 16);
	for (unsigned page = 0; page < 16; page++) {
		ground_lay(&ground, page, 1, kinds[page % 8]);
		want[page] = is[page % 8];
	}
}

static void range_reports_each_page_that_it_touches(void **state)
{
	int want[16], got[20];

	for (enum place place = 0; place < place_count(); place++) {
		lay_mixture(place, want);
		for (unsigned first = 0; first < 16 * 4; first++) {
			for (unsigned last = first; last < 16 * 4; last++) {
				/* From the middle of a page to the middle of another, or to an edge. */
				uint64_t start = first * 1024, end = (last + 1) * 1024;
				unsigned pages = last / 4 - first / 4 + 1;
				mach_vm_size_t count = 20;

				memset(got, 0x77, sizeof(got));
				trying("[%#llx, %#llx) in %s", (unsigned long long)start,
				       (unsigned long long)end, ground.name);
				expect_code(mach_vm_page_range_query(
						    ground.task, ground.base + start, end - start,
						    (mach_vm_address_t)(uintptr_t)got, &count),
					    KERN_SUCCESS);
				expect_number(count, pages);
				for (unsigned i = 0; i < 20; i++)
					expect_number(got[i], i < pages ? want[first / 4 + i]
									: 0x77777777);
			}
		}
		ground_close(&ground);
	}
}

static void array_shorter_than_the_range_is_filled(void **state)
{
	int want[16], got[17];

	lay_mixture(PLACE_VICTIM, want);
	for (unsigned room = 0; room <= 16; room++) {
		mach_vm_size_t count = room;

		memset(got, 0x77, sizeof(got));
		trying("room for %u", room);
		expect_code(mach_vm_page_range_query(ground.task, ground.base, 16 * PAGE,
						     (mach_vm_address_t)(uintptr_t)got, &count),
			    KERN_SUCCESS);
		expect_number(count, room);
		for (unsigned i = 0; i < 17; i++)
			expect_number(got[i], i < room ? want[i] : 0x77777777);
	}
	ground_close(&ground);
}

/* Longer than what is looked at in one go, and above everything that is mapped. */
static void long_range_is_reported_to_its_end(void **state)
{
	enum { PAGES = 5000 };
	static int got[PAGES + 1];
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim);
	uint64_t base = 0x100000000000;
	mach_vm_size_t count = PAGES;

	victim_ask(victim, "stripes %llx %x", (unsigned long long)base, PAGES - 1000);
	memset(got, 0x77, sizeof(got));
	expect_code(mach_vm_page_range_query(task, base, PAGES * PAGE,
					     (mach_vm_address_t)(uintptr_t)got, &count),
		    KERN_SUCCESS);
	expect_number(count, PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		if (got[i] != (i % 2 || i >= PAGES - 1000 ? 0 : HERE | DIRTY))
			fail_case("page %u is %#x", i, got[i]);
	expect_number(got[PAGES], 0x77777777);
	count = PAGES;
	expect_code(mach_vm_page_range_query(task, UINT64_C(0x8000000000000000), 100 * PAGE,
					     (mach_vm_address_t)(uintptr_t)got, &count),
		    KERN_SUCCESS);
	expect_number(count, 100);
	for (unsigned i = 0; i < 100; i++)
		expect_number(got[i], 0);
}

static kern_return_t ask_range(uint64_t address, uint64_t size, uint64_t array, uint64_t *count)
{
	mach_vm_size_t length = *count;
	kern_return_t kr = mach_vm_page_range_query(ground.task, address, size, array, &length);

	if (kr != KERN_SUCCESS)
		expect_number(length, *count);
	*count = length;
	return kr;
}

static void range_that_wraps_is_an_invalid_address(void **state)
{
	static const struct {
		uint64_t address, size;
	} ranges[] = {
		{UINT64_MAX, 1}, {UINT64_MAX, 2}, {UINT64_MAX - PAGE, 2 * PAGE}, {PAGE, UINT64_MAX},
		{UINT64_MAX - PAGE + 1, PAGE}, {UINT64_MAX - PAGE + 1, PAGE - 1}, {1, UINT64_MAX},
	};
	int entries[4];

	ground_open(&ground, PLACE_VICTIM, 16);
	for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
		uint64_t count = 4;

		trying("%#llx + %#llx", (unsigned long long)ranges[i].address,
		       (unsigned long long)ranges[i].size);
		expect_code(ask_range(ranges[i].address, ranges[i].size, (uintptr_t)entries, &count),
			    KERN_INVALID_ADDRESS);
	}
	ground_close(&ground);
}

static void size_zero_and_count_zero_succeed_with_anything(void **state)
{
	uint64_t count = 7;

	ground_open(&ground, PLACE_VICTIM, 16);
	expect_code(ask_range(UINT64_MAX, 0, 0, &count), KERN_SUCCESS);
	expect_number(count, 0);
	expect_code(ask_range(UINT64_MAX, 99, 0, &count), KERN_SUCCESS);
	expect_number(count, 0);
	count = (UINT64_C(1) << 62);
	expect_code(ask_range(ground.base, PAGE, 0, &count), KERN_INVALID_ARGUMENT);
	ground_close(&ground);
}

/* Never a signal, and nothing in what there is of the array. */
static void array_that_cannot_be_written_is_refused(void **state)
{
	struct ground array;

	ground_open(&ground, PLACE_VICTIM, 16);
	ground_lay(&ground, 0, 16, "rw");
	for (unsigned bad = 0; bad < 2; bad++) {
		ground_open_local(&array, 4);
		ground_lay(&array, 0, 2, "rw");
		ground_lay(&array, 2, 1, bad ? "ro" : "hole");
		for (unsigned entries = 1; entries <= 16; entries++) {
			uint64_t end = array.base + 2 * PAGE;

			for (unsigned beyond = 0; beyond <= entries; beyond++) {
				uint64_t count = entries;
				uint64_t at = end - (entries - beyond) * sizeof(int);

				trying("%u of %u entries beyond", beyond, entries);
				expect_code(ask_range(ground.base, entries * PAGE, at, &count),
					    beyond ? MACH_SEND_INVALID_MEMORY : KERN_SUCCESS);
				for (unsigned i = 0; i < entries && !beyond; i++) {
					int entry = HERE | DIRTY;

					memcpy(ground_expect(&array, at + i * sizeof(int)), &entry,
					       sizeof(entry));
				}
				ground_verify(&array);
			}
		}
		ground_close(&array);
	}
	for (unsigned i = 0; i < 3; i++) {
		static const uint64_t nowhere[] = {0, 1, UINT64_MAX - 2};
		uint64_t count = 4;

		expect_code(ask_range(ground.base, 4 * PAGE, nowhere[i], &count),
			    MACH_SEND_INVALID_MEMORY);
	}
	/* An array that is longer than the range needs no more than the range. */
	ground_open_local(&array, 4);
	ground_lay(&array, 0, 1, "rw");
	uint64_t count = UINT64_C(1) << 61;
	expect_code(ask_range(ground.base, 16 * PAGE, array.base + PAGE - 64, &count), KERN_SUCCESS);
	expect_number(count, 16);
	ground_close(&array);
	ground_close(&ground);
}

static void page_info_takes_its_own_count_and_flavor_alone(void **state)
{
	struct vm_page_info_basic info;

	ground_open(&ground, PLACE_VICTIM, 16);
	ground_lay(&ground, 2, 4, "shared-rw");
	for (mach_msg_type_number_t count = 0; count < 40; count++) {
		for (int flavor = 0; flavor < 4; flavor++) {
			mach_msg_type_number_t room = count;
			bool good = flavor == VM_PAGE_INFO_BASIC && (count == 7 || count == 8);

			trying("flavor %d, count %u", flavor, count);
			expect_code(mach_vm_page_info(ground.task, ground.base + 4 * PAGE + 5, flavor,
						      (vm_page_info_t)&info, &room),
				    good ? KERN_SUCCESS : KERN_INVALID_ARGUMENT);
			expect_number(room, count);
			if (good) {
				expect_number(info.offset, 2 * PAGE);
				assert_true(info.object_id != 0);
			}
		}
	}
	ground_close(&ground);
}

static void expect_everything(mach_port_t task, kern_return_t code)
{
	int entries[4], disposition = 0, references = 0;
	mach_msg_type_number_t words = 8;
	struct vm_page_info_basic info;
	mach_vm_size_t count = 4;

	trying("port %#x", task);
	expect_code(mach_vm_page_query(task, 0x1000, &disposition, &references), code);
	expect_code(vm_map_page_query(task, 0x1000, &disposition, &references), code);
	expect_code(mach_vm_page_info(task, 0x1000, VM_PAGE_INFO_BASIC, (vm_page_info_t)&info, &words),
		    code);
	expect_code(mach_vm_page_range_query(task, 0x1000, PAGE, (mach_vm_address_t)(uintptr_t)entries,
					     &count),
		    code);
}

static void inspect_right_is_enough_and_the_dead_come_first(void **state)
{
	struct victim *victim = victim_spawn(WORD_64);
	mach_port_t task = victim_task(victim), inspect, name;
	mach_msg_type_number_t words = 99;
	mach_vm_size_t count = 4;
	int nothing[1];

	expect_number(task_inspect_for_pid(mach_task_self(), victim->pid, &inspect), 0);
	expect_code(task_name_for_pid(mach_task_self(), victim->pid, &name), KERN_SUCCESS);
	expect_everything(task, KERN_SUCCESS);
	expect_everything(inspect, KERN_SUCCESS);
	expect_everything(name, KERN_INVALID_ARGUMENT);
	expect_everything(MACH_PORT_NULL, MACH_SEND_INVALID_DEST);
	expect_everything(0x12345, MACH_SEND_INVALID_DEST);
	expect_everything(mach_host_self(), KERN_INVALID_ARGUMENT);
	victim_kill(victim);
	expect_everything(task, MACH_SEND_INVALID_DEST);
	expect_everything(inspect, MACH_SEND_INVALID_DEST);
	expect_everything(name, MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_page_info(task, 0, 7, nothing, &words), MACH_SEND_INVALID_DEST);
	expect_code(mach_vm_page_range_query(task, 1, UINT64_MAX, 0, &count), MACH_SEND_INVALID_DEST);
}

static const struct CMUnitTest tests[] = {
	TEST(page_of_each_kind_in_own_task_is_reported),
	TEST(page_of_each_kind_in_victim_is_reported),
	TEST(page_of_each_kind_in_32_bit_victim_is_reported),
	TEST(range_reports_each_page_that_it_touches),
	TEST(array_shorter_than_the_range_is_filled),
	TEST(long_range_is_reported_to_its_end),
	TEST(range_that_wraps_is_an_invalid_address),
	TEST(size_zero_and_count_zero_succeed_with_anything),
	TEST(array_that_cannot_be_written_is_refused),
	TEST(page_info_takes_its_own_count_and_flavor_alone),
	TEST(inspect_right_is_enough_and_the_dead_come_first),
};

HARNESS_MAIN(tests)
