/* SPDX-License-Identifier: MIT */
/*
 * The routines that place memory, one line for each thing that Mach says of them: the
 * words, the call, its code, and the address and the map afterwards. Each is tried on the
 * own task and on victims, in both spellings. A call that fails leaves every page, the
 * address and what else it would give back as they were.
 */
#include "layout.h"

#include <mach/memory_object_types.h>
#include <mach/vm_inherit.h>
#include <mach/vm_statistics.h>

#define TOP      (UINT64_MAX - PAGE + 1)
#define ANYWHERE VM_FLAGS_ANYWHERE
#define TAG      (int)VM_MAKE_TAG(9)

static struct ground ground;
static bool natural; /* vm_ and not mach_vm_ */

/* Pages 0 and 1 are private and writable, 2 can be read, 3 is a hole, 4 writable. */
static const char start_layout[] = "331.3...........";

struct row {
	const char *words;
	kern_return_t (*run)(uint64_t *at, const struct row *row);
	uint64_t at; /* in the ground, unless `far` */
	bool far;
	uint64_t size;
	int flags;
	uint64_t more; /* a mask, or the place of the source */
	vm_prot_t current, maximum;
	vm_inherit_t inheritance;
	kern_return_t want;
	const char *layout; /* afterwards; none: as before */
	uint64_t result;    /* where in the ground, with a layout */
};

static kern_return_t allocate(uint64_t *at, const struct row *row)
{
	vm_address_t address = *at;
	kern_return_t kr;

	if (!natural)
		return mach_vm_allocate(ground.task, at, row->size, row->flags);
	kr = vm_allocate(ground.task, &address, row->size, row->flags);
	*at = address;
	return kr;
}

static kern_return_t map(uint64_t *at, const struct row *row)
{
	vm_address_t address = *at;
	kern_return_t kr;

	if (!natural)
		return mach_vm_map(ground.task, at, row->size, row->more, row->flags,
				   MACH_PORT_NULL, 77, 1, row->current, row->maximum,
				   row->inheritance);
	/* Two names of one routine take turns. */
	if (row->size & 1)
		kr = vm_map_64(ground.task, &address, row->size, row->more, row->flags,
			       MACH_PORT_NULL, 77, 1, row->current, row->maximum, row->inheritance);
	else
		kr = vm_map(ground.task, &address, row->size, row->more, row->flags, MACH_PORT_NULL,
			    77, 1, row->current, row->maximum, row->inheritance);
	*at = address;
	return kr;
}

/* Whatever of the ground, within its task. */
static kern_return_t remap_as(uint64_t *at, const struct row *row, boolean_t copy)
{
	vm_prot_t current = 0x55, maximum = 0x66;
	uint64_t source = row->more < GROUND_PAGES * PAGE ? ground.base + row->more : row->more;
	vm_address_t address = *at;
	kern_return_t kr;

	if (natural) {
		kr = vm_remap(ground.task, &address, row->size, 0, row->flags, ground.task, source,
			      copy, &current, &maximum, row->inheritance);
		*at = address;
	} else {
		kr = mach_vm_remap(ground.task, at, row->size, 0, row->flags, ground.task, source,
				   copy, &current, &maximum, row->inheritance);
	}
	expect_number(current, kr ? 0x55 : row->current);
	expect_number(maximum, kr ? 0x66 : row->maximum);
	return kr;
}

static kern_return_t copy(uint64_t *at, const struct row *row)
{
	return remap_as(at, row, 1);
}

static kern_return_t share(uint64_t *at, const struct row *row)
{
	return remap_as(at, row, 0);
}

static kern_return_t renew(uint64_t *at, const struct row *row)
{
	vm_prot_t current = row->current, maximum = row->maximum;
	vm_address_t address = *at;
	kern_return_t kr;

	if (natural) {
		kr = vm_remap_new(ground.task, &address, row->size, 0, row->flags, ground.task,
				  ground.base + row->more, 1, &current, &maximum, row->inheritance);
		*at = address;
	} else {
		kr = mach_vm_remap_new(ground.task, at, row->size, 0, row->flags, ground.task,
				       ground.base + row->more, 1, &current, &maximum,
				       row->inheritance);
	}
	expect_number(current, row->current);
	expect_number(maximum, row->maximum);
	return kr;
}

#define AT(page, offset) (page) * PAGE + (offset), false
#define FAR(address)     (address), true
#define NO_RULES         0, 0, 0, 0
#define RULES            3, 7, VM_INHERIT_COPY
#define OFF(page)        ((page)*PAGE)

static const struct row rows[] = {
	{"allocate: bad flags before nothing", allocate, FAR(3), 0, 0x20, NO_RULES,
	 KERN_INVALID_ARGUMENT},
	{"allocate: another bad flag", allocate, AT(8, 0), PAGE, 0x100000, NO_RULES,
	 KERN_INVALID_ARGUMENT},
	{"allocate: wraps", allocate, FAR(TOP), 2 * PAGE, 0, NO_RULES, KERN_INVALID_ADDRESS},
	{"allocate: ends with the last page", allocate, FAR(TOP), 1, 0, NO_RULES,
	 KERN_INVALID_ADDRESS},
	{"allocate: a size that rounds to 0", allocate, AT(8, 0), UINT64_MAX, 0, NO_RULES,
	 KERN_INVALID_ARGUMENT},
	{"allocate: the same, anywhere", allocate, FAR(3), UINT64_MAX - 1, ANYWHERE, NO_RULES,
	 KERN_INVALID_ARGUMENT},
	{"allocate: the largest size", allocate, FAR(3), TOP, ANYWHERE, NO_RULES, KERN_NO_SPACE},
	{"allocate: page 0", allocate, FAR(0), 1, 0, NO_RULES, KERN_INVALID_ADDRESS},
	{"allocate: page 0, over what is there", allocate, FAR(7), 1, VM_FLAGS_OVERWRITE, NO_RULES,
	 KERN_INVALID_ADDRESS},
	{"allocate: beyond the map", allocate, FAR(UINT64_C(1) << 60), 1, 0, NO_RULES,
	 KERN_INVALID_ADDRESS},
	{"allocate: the first page is taken", allocate, AT(2, 0), 2 * PAGE, 0, NO_RULES,
	 KERN_NO_SPACE},
	{"allocate: the last page is taken", allocate, AT(3, 0), PAGE + 1, 0, NO_RULES,
	 KERN_NO_SPACE},
	{"allocate: address and size are rounded apart", allocate, AT(3, 1), PAGE, 0, NO_RULES,
	 KERN_SUCCESS, "33133...........", OFF(3)},
	{"allocate: over what is there", allocate, AT(2, 9), 2 * PAGE, VM_FLAGS_OVERWRITE, NO_RULES,
	 KERN_SUCCESS, "33333...........", OFF(2)},
	{"allocate: hints, a tag", allocate, AT(5, 0), PAGE,
	 VM_FLAGS_4GB_CHUNK | VM_FLAGS_NO_CACHE | VM_FLAGS_RANDOM_ADDR | TAG, NO_RULES,
	 KERN_SUCCESS, "331.33..........", OFF(5)},
	{"allocate: more purgeable memory than an object has", allocate, FAR(3), UINT64_C(1) << 44,
	 ANYWHERE | VM_FLAGS_PURGABLE, NO_RULES, KERN_INVALID_ARGUMENT},

	{"map: bad flags first", map, FAR(3), 0, 0x20, 0, 8, 8, 9, KERN_INVALID_ARGUMENT},
	{"map: a current that is none", map, AT(8, 0), PAGE, 0, 0, 8, 7, 1, KERN_INVALID_ARGUMENT},
	{"map: a maximum that is none", map, AT(8, 0), PAGE, 0, 0, 3, 0x10, 1,
	 KERN_INVALID_ARGUMENT},
	{"map: an inheritance that is none", map, AT(8, 0), PAGE, 0, 0, 3, 7, 3,
	 KERN_INVALID_ARGUMENT},
	{"map: nothing", map, AT(8, 0), 0, 0, 0, RULES, KERN_INVALID_ARGUMENT},
	{"map: nothing, anywhere", map, FAR(0), 0, ANYWHERE, 0, RULES, KERN_INVALID_ARGUMENT},
	{"map: a size that rounds to 0", map, FAR(0), UINT64_MAX, ANYWHERE, 0, RULES,
	 KERN_INVALID_ARGUMENT},
	{"map: wraps", map, FAR(TOP), 2 * PAGE, 0, 0, RULES, KERN_INVALID_ARGUMENT},
	{"map: ends with the last page", map, FAR(TOP), 1, 0, 0, RULES, KERN_INVALID_ARGUMENT},
	{"map: page 0", map, FAR(0), 1, 0, 0, RULES, KERN_INVALID_ADDRESS},
	{"map: beyond the map", map, FAR(UINT64_C(1) << 60), 2, 0, 0, RULES, KERN_INVALID_ADDRESS},
	{"map: taken", map, AT(3, 0), 2 * PAGE, 0, 0, RULES, KERN_NO_SPACE},
	{"map: a place that does not fit the mask", map, AT(5, 0), PAGE, 0, UINT64_MAX, RULES,
	 KERN_NO_SPACE},
	{"map: no place fits the mask", map, FAR(0), PAGE, ANYWHERE, UINT64_MAX, RULES,
	 KERN_NO_SPACE},
	{"map: a hint near the top", map, FAR(0x7fffffffe000), 4 * PAGE, ANYWHERE, 0, RULES,
	 KERN_NO_SPACE},
	{"map: a hint in a hole", map, AT(3, 5), PAGE, ANYWHERE, 0, RULES, KERN_SUCCESS,
	 "33133...........", OFF(3)},
	{"map: a hint before a hole that is too small", map, AT(3, 0), PAGE + 1, ANYWHERE, 0, RULES,
	 KERN_SUCCESS, "331.333.........", OFF(5)},
	{"map: a page mask is no mask", map, AT(3, 0), 1, 0, PAGE - 1, RULES, KERN_SUCCESS,
	 "33133...........", OFF(3)},
	{"map: the current within the maximum", map, AT(3, 0), PAGE, 0, 0, 7, 5, 1, KERN_SUCCESS,
	 "33153...........", OFF(3)},
	{"map: no access", map, AT(3, 0), PAGE, 0, 0, 0, 0, 2, KERN_SUCCESS, "33103...........",
	 OFF(3)},
	{"map: to be shared with children", map, AT(3, 0), PAGE, 0, 0, 3, 7, 0, KERN_SUCCESS,
	 "331d3...........", OFF(3)},
	{"map: over what is there", map, AT(1, 0), 2 * PAGE, VM_FLAGS_OVERWRITE | TAG, 0, 1, 7, 1,
	 KERN_SUCCESS, "311.3...........", OFF(1)},

	{"remap: a tag is a bad flag", copy, AT(8, 0), PAGE, TAG, 0, RULES, KERN_INVALID_ARGUMENT},
	{"remap: purgeable is a bad flag", share, AT(8, 0), PAGE, 2, 0, RULES,
	 KERN_INVALID_ARGUMENT},
	{"remap: an inheritance that is none", copy, AT(8, 0), PAGE, 0, 0, 3, 7, 3,
	 KERN_INVALID_ARGUMENT},
	{"remap: nothing", copy, AT(8, 0), 0, 0, 0, RULES, KERN_INVALID_ARGUMENT},
	{"remap: nothing, to be shared", share, AT(8, 0), 0, 0, 0, RULES, KERN_INVALID_ARGUMENT},
	{"remap: the source wraps", copy, AT(8, 0), UINT64_MAX - 1, 0, 0, RULES,
	 KERN_INVALID_ARGUMENT},
	{"remap: the source ends in the last page", copy, AT(8, 0), 1, 0, TOP, RULES,
	 KERN_INVALID_ARGUMENT},
	{"remap: a hole in the source", copy, AT(8, 0), 3 * PAGE, 0, OFF(2), RULES,
	 KERN_INVALID_ADDRESS},
	{"remap: a hole in the source, to be shared", share, AT(8, 0), 3 * PAGE, 0, OFF(2), RULES,
	 KERN_INVALID_ADDRESS},
	{"remap: taken", copy, AT(3, 0), 2 * PAGE, 0, 0, RULES, KERN_NO_SPACE},
	{"remap: taken, to be shared", share, AT(3, 0), 2 * PAGE, 0, 0, RULES, KERN_NO_SPACE},
	{"remap: page 0", copy, FAR(0), PAGE, 0, 0, RULES, KERN_INVALID_ADDRESS},
	{"remap: beyond the map", share, FAR(UINT64_C(1) << 60), PAGE, 0, 0, RULES,
	 KERN_INVALID_ADDRESS},
	{"remap: source and size are rounded apart", copy, AT(8, 3), PAGE, 0, OFF(1) - 1, RULES,
	 KERN_SUCCESS, "331.3...3.......", OFF(8)},
	{"remap: from the data on, which is of two pages", copy, AT(8, 0), 2,
	 VM_FLAGS_RETURN_DATA_ADDR, OFF(1) - 1, RULES, KERN_SUCCESS, "331.3...33......",
	 OFF(9) - 1},
	{"remap: what the pieces have in common", copy, AT(8, 0), 2 * PAGE,
	 VM_FLAGS_RANDOM_ADDR | VM_FLAGS_RESILIENT_CODESIGN | VM_FLAGS_RESILIENT_MEDIA, OFF(1), 1,
	 7, 1, KERN_SUCCESS, "331.3...31......", OFF(8)},
	{"remap: shared pages are shared on both sides", share, AT(8, 0), 2 * PAGE, 0, OFF(1), 1, 7,
	 1, KERN_SUCCESS, "3db.3...db......", OFF(8)},
	{"remap: a snapshot that children do not get", copy, AT(8, 0), PAGE, 0, 0, 3, 7, 2,
	 KERN_SUCCESS, "331.3...3.......", OFF(8)},
	{"remap: shared pages that children do not get", share, AT(8, 0), PAGE, 0, 0, 3, 7, 2,
	 KERN_SUCCESS, "d31.3...d.......", OFF(8)},
	{"remap new: a current beyond the maximum", renew, AT(8, 0), PAGE, 0, 0, 3, 1, 1,
	 KERN_INVALID_ARGUMENT},
	{"remap new: a protection that is none", renew, AT(8, 0), PAGE, 0, 0, 1, 0x11, 1,
	 KERN_INVALID_ARGUMENT},
	{"remap new: written and executed", renew, AT(8, 0), PAGE, 0, 0, 1, 7, 1,
	 KERN_PROTECTION_FAILURE},
	{"remap new: nothing", renew, AT(8, 0), 0, 0, 0, 1, 1, 1, KERN_INVALID_ARGUMENT},
	{"remap new: a hole", renew, AT(8, 0), PAGE, 0, OFF(3), 1, 1, 1, KERN_INVALID_ADDRESS},
	{"remap new: from the data on without a flag", renew, AT(8, 0), 2, 0, OFF(1) - 1, 1, 3, 1,
	 KERN_SUCCESS, "331.3...11......", OFF(9) - 1},
};

static void lay(void)
{
	/* What the library noted of the pages goes with them. */
	expect_code(mach_vm_deallocate(ground.task, ground.base, GROUND_PAGES * PAGE),
		    KERN_SUCCESS);
	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 1, "ro");
	ground_lay(&ground, 4, 1, "rw");
	expect_layout(&ground, start_layout);
}

static void try_row(unsigned number)
{
	const struct row *row = &rows[number];
	uint64_t at = row->far ? row->at : ground.base + row->at, before = at;

	trying("%s: %s%s", ground.name, row->words, natural ? ", vm_" : "");
	lay();
	expect_code(row->run(&at, row), row->want);
	expect_number(at, row->layout ? ground.base + row->result : before);
	expect_layout(&ground, row->layout ? row->layout : start_layout);
	if (row->want != KERN_SUCCESS)
		ground_verify(&ground);
	else if (row->run != allocate)
		expect_number(layout_has_flag(&ground, at, "dc"), row->inheritance == VM_INHERIT_NONE);
}

static void try_rows(void)
{
	layout_each_row(ARRAY_SIZE(rows), &natural, try_row);
}

static void each_row_holds(void **state)
{
	ground_each_place(&ground, try_rows);
}

/* ---- memory entries ---- */

struct entry_row {
	const char *words;
	uint64_t size;
	uint64_t offset; /* in the ground, up to its size */
	vm_prot_t permission;
	kern_return_t want;
	uint64_t result; /* the size afterwards */
};

#define CREATE (int)MAP_MEM_NAMED_CREATE
#define COPY   (int)MAP_MEM_VM_COPY
#define SHARE  (int)MAP_MEM_VM_SHARE
#define DATA   (int)MAP_MEM_USE_DATA_ADDR

static const struct entry_row entry_rows[] = {
	{"unknown flags", 0, 0, 0x100 | CREATE | 3, KERN_INVALID_VALUE},
	{"new: nothing", 0, 0, CREATE | 3, KERN_SUCCESS, 0},
	{"new: nothing, purgeable and not writable", 0, 0, CREATE | MAP_MEM_PURGABLE | 1,
	 KERN_SUCCESS, 0},
	{"new: purgeable and not writable", PAGE, 0, CREATE | MAP_MEM_PURGABLE | 1,
	 KERN_INVALID_ARGUMENT},
	{"new: too large", (UINT64_C(1) << 32) * PAGE, 0, CREATE | 3, KERN_FAILURE},
	{"new: a byte is a page", 1, 99, CREATE | 3, KERN_SUCCESS, PAGE},
	{"snapshot: nothing", 0, 0, COPY | 1, KERN_INVALID_ARGUMENT},
	{"snapshot: wraps", UINT64_MAX, 0, COPY | 1, KERN_INVALID_ARGUMENT},
	{"snapshot: hole", 2 * PAGE, OFF(2), COPY | 1, KERN_INVALID_ADDRESS},
	{"snapshot: no access", PAGE, OFF(5), COPY | 1, KERN_PROTECTION_FAILURE},
	{"snapshot: whole pages", 2, OFF(1) - 1, COPY | 3, KERN_SUCCESS, 2 * PAGE},
	{"snapshot: the bytes", 2, OFF(1) - 1, COPY | DATA | 3, KERN_SUCCESS, 2},
	{"of a range: nothing", 0, 0, 3, KERN_INVALID_ARGUMENT},
	{"of a range: wraps", 2 * PAGE, TOP, 3, KERN_INVALID_ARGUMENT},
	{"of a range: not mapped", PAGE, OFF(3), 1, KERN_INVALID_ADDRESS},
	{"of a range: more than now", PAGE, OFF(2), 3, KERN_PROTECTION_FAILURE},
	{"of a range: as much of it as there is", PAGE, OFF(2), 7 | VM_PROT_IS_MASK, KERN_SUCCESS,
	 PAGE},
	{"of a range: nothing of it is there", PAGE, OFF(5), 7 | VM_PROT_IS_MASK,
	 KERN_PROTECTION_FAILURE},
	{"of a range: of the first region", 5 * PAGE, 0, 1, KERN_SUCCESS, 2 * PAGE},
	{"of a range: the bytes", 10, OFF(1) + 9, DATA | 1, KERN_SUCCESS, 10},
	{"to share: hole", 5 * PAGE, 0, SHARE | 1, KERN_INVALID_ADDRESS},
	{"to share: of several regions", 3 * PAGE, 0, SHARE | 3, KERN_SUCCESS, 3 * PAGE},
};

static void try_entry(unsigned number)
{
	const struct entry_row *row = &entry_rows[number];
	uint64_t at = row->offset < GROUND_PAGES * PAGE ? ground.base + row->offset : row->offset;
	memory_object_size_t size = row->size;
	mach_port_t entry = 0x5555;
	vm_size_t words = row->size;
	kern_return_t kr;

	trying("%s: %s%s", ground.name, row->words, natural ? ", natural" : "");
	lay();
	ground_lay(&ground, 5, 1, "none");
	kr = natural ? mach_make_memory_entry(ground.task, &words, at, row->permission, &entry, 0)
		     : mach_make_memory_entry_64(ground.task, &size, at, row->permission, &entry,
						 0);
	expect_code(kr, row->want);
	expect_number(natural ? words : size, kr ? row->size : row->result);
	expect_number(entry == 0x5555, kr != KERN_SUCCESS);
	if (kr != KERN_SUCCESS)
		expect_layout(&ground, "331.30..........");
	ground_verify(&ground);
	if (kr == KERN_SUCCESS)
		task_drop(entry);
}

static void try_entries(void)
{
	layout_each_row(ARRAY_SIZE(entry_rows), &natural, try_entry);
}

static void each_row_of_entries_holds(void **state)
{
	ground_each_place(&ground, try_entries);
}

static const struct CMUnitTest tests[] = {
	TEST(each_row_holds),
	TEST(each_row_of_entries_holds),
};

HARNESS_MAIN(tests)
