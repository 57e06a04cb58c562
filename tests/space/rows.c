/* SPDX-License-Identifier: MIT */
/*
 * The routines on a range, one line for each thing that Mach says of them: the words,
 * the call, its code, and the map and the flags that the owner has afterwards. Each is
 * tried on the own task and on victims, in both spellings. A call that fails leaves
 * every page as it was.
 */
#include "layout.h"

#include <mach/host_priv.h>
#include <mach/vm_attributes.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_sync.h>

#define TOP (UINT64_MAX - PAGE + 1)

static struct ground ground;
static bool natural; /* vm_ and not mach_vm_ */

#define SPELL(routine, ...) (natural ? vm_##routine(__VA_ARGS__) : mach_vm_##routine(__VA_ARGS__))

static kern_return_t deallocate(uint64_t at, uint64_t size, int unused)
{
	return SPELL(deallocate, ground.task, at, size);
}

static kern_return_t protect(uint64_t at, uint64_t size, int protection)
{
	return SPELL(protect, ground.task, at, size, 0, protection);
}

static kern_return_t limit(uint64_t at, uint64_t size, int protection)
{
	return SPELL(protect, ground.task, at, size, 1, protection);
}

static kern_return_t inherit(uint64_t at, uint64_t size, int value)
{
	return SPELL(inherit, ground.task, at, size, (vm_inherit_t)value);
}

static kern_return_t wire(uint64_t at, uint64_t size, int access)
{
	return SPELL(wire, mach_host_self(), ground.task, at, size, access);
}

static kern_return_t synchronize(uint64_t at, uint64_t size, int flags)
{
	return SPELL(msync, ground.task, at, size, (vm_sync_t)flags);
}

static kern_return_t behave(uint64_t at, uint64_t size, int behavior)
{
	return SPELL(behavior_set, ground.task, at, size, behavior);
}

/* Of a value that is no question, so it comes back as it went. */
static kern_return_t attribute(uint64_t at, uint64_t size, int attribute)
{
	vm_machine_attribute_val_t value = MATTR_VAL_ICACHE_FLUSH;
	kern_return_t kr = SPELL(machine_attribute, ground.task, at, size,
				 (vm_machine_attribute_t)attribute, &value);

	expect_number(value, MATTR_VAL_ICACHE_FLUSH);
	return kr;
}

/*
 * 0 and 1 are private and writable, 2 can be read, 3 is a hole, 4 and 5 are private and
 * writable, 6 is of a shared file that was opened for reading, 7 of a private one.
 */
static const char start_layout[] = "331.33b3........";

static void lay(void)
{
	/* What the library noted of the pages goes with them. */
	expect_code(mach_vm_deallocate(ground.task, ground.base, GROUND_PAGES * PAGE),
		    KERN_SUCCESS);
	ground_lay(&ground, 0, 2, "rw");
	ground_lay(&ground, 2, 1, "ro");
	ground_lay(&ground, 4, 2, "rw");
	ground_lay(&ground, 6, 1, "shared-ro");
	ground_lay(&ground, 7, 1, "file-rw");
	expect_layout(&ground, start_layout);
}

struct row {
	const char *words;
	kern_return_t (*run)(uint64_t at, uint64_t size, int value);
	uint64_t at; /* in the ground, unless `far` */
	bool far;
	uint64_t size;
	int value;
	kern_return_t want;
	const char *layout; /* afterwards; none: as before */
	const char *flag;   /* of the kernel's, that pages have */
	const char *has;    /* a digit for each page: 1, it has it, 0, it has not */
};

#define AT(page, offset) (page) * PAGE + (offset), false
#define FAR(address)     (address), true
#define SYNC_BOTH        (int)(VM_SYNC_SYNCHRONOUS | VM_SYNC_ASYNCHRONOUS)

static const struct row rows[] = {
	{"nothing is freed at any address", deallocate, FAR(UINT64_MAX), 0, 0, KERN_SUCCESS},
	{"a byte frees its page", deallocate, AT(1, 7), 1, 0, KERN_SUCCESS, "3.1.33b3........"},
	{"two bytes free two pages", deallocate, AT(1, PAGE - 1), 2, 0, KERN_SUCCESS,
	 "3...33b3........"},
	{"holes are freed", deallocate, AT(2, 0), 3 * PAGE, 0, KERN_SUCCESS, "33...3b3........"},
	{"a hole alone is freed", deallocate, AT(3, 0), 1, 0, KERN_SUCCESS},
	{"freeing: wraps", deallocate, AT(0, 0), UINT64_MAX, 0, KERN_INVALID_ARGUMENT},
	{"freeing: ends in the last page", deallocate, FAR(TOP), 1, 0, KERN_INVALID_ARGUMENT},
	{"freeing: begins below the map", deallocate, FAR(0), 1, 0, KERN_SUCCESS},
	{"freeing: ends beyond the map", deallocate, AT(0, 0), UINT64_C(1) << 62, 0, KERN_SUCCESS},

	{"protect: nothing, and no protection", protect, FAR(UINT64_MAX), 0, 0x20, KERN_SUCCESS},
	{"protect: a byte is a page", protect, AT(1, 7), 1, 1, KERN_SUCCESS, "311.33b3........"},
	{"protect: two bytes are two pages", protect, AT(0, PAGE - 1), 2, 0, KERN_SUCCESS,
	 "001.33b3........"},
	{"protect: no access is legal", protect, AT(0, 0), 3 * PAGE, 0, KERN_SUCCESS,
	 "000.33b3........"},
	{"protect: more than now", protect, AT(0, 0), 3 * PAGE, 7, KERN_SUCCESS,
	 "777.33b3........"},
	{"protect: wraps before bad bits", protect, FAR(TOP), 2 * PAGE, 0x20, KERN_INVALID_ADDRESS},
	{"protect: ends in the last page", protect, FAR(TOP), 1, 1, KERN_INVALID_ADDRESS},
	{"protect: bad bits before the map", protect, AT(3, 0), PAGE, 8, KERN_INVALID_ARGUMENT},
	{"protect: the mask bit is none", protect, AT(0, 0), PAGE, 0x40, KERN_INVALID_ARGUMENT},
	{"protect: page 0", protect, FAR(0), 1, 1, KERN_INVALID_ADDRESS},
	{"protect: beyond the map", protect, FAR(UINT64_C(1) << 62), 1, 1, KERN_INVALID_ADDRESS},
	{"protect: first page a hole", protect, AT(3, 0), 2 * PAGE, 1, KERN_INVALID_ADDRESS},
	{"protect: hole between", protect, AT(0, 0), 5 * PAGE, 1, KERN_INVALID_ADDRESS},
	{"protect: hole behind", protect, AT(4, 0), 5 * PAGE, 1, KERN_INVALID_ADDRESS},
	{"protect: maximum before a hole", protect, AT(6, 0), 8 * PAGE, 3, KERN_PROTECTION_FAILURE},
	{"protect: hole before a maximum", protect, AT(0, 0), 7 * PAGE, 3, KERN_INVALID_ADDRESS},
	{"protect: beyond the maximum", protect, AT(4, 0), 3 * PAGE, 3, KERN_PROTECTION_FAILURE},
	{"protect: copy over a hole", protect, AT(0, 0), 5 * PAGE, 3 | VM_PROT_COPY,
	 KERN_INVALID_ADDRESS},
	{"protect: copy of shared pages", protect, AT(5, 0), 3 * PAGE, 3 | VM_PROT_COPY,
	 KERN_SUCCESS, "331.3333........"},
	{"maximum: nothing", limit, AT(3, 0), 0, 1, KERN_SUCCESS},
	{"maximum: lowers the current", limit, AT(1, 0), PAGE, 5, KERN_SUCCESS, "311.33b3........"},
	{"maximum: leaves a lower current", limit, AT(2, 0), PAGE, 3, KERN_SUCCESS},
	{"maximum: none at all", limit, AT(0, 0), 1, 0, KERN_SUCCESS, "031.33b3........"},
	{"maximum: only shrinks", limit, AT(6, 0), 1, 3, KERN_PROTECTION_FAILURE},
	{"maximum: over a hole", limit, AT(2, 0), 2 * PAGE, 1, KERN_INVALID_ADDRESS},
	{"maximum: bad bits", limit, AT(0, 0), 1, 8, KERN_INVALID_ARGUMENT},

	{"inherit: nothing, and no value", inherit, FAR(UINT64_MAX), 0, 9, KERN_SUCCESS},
	{"inherit: a byte is a page", inherit, AT(1, 9), 1, VM_INHERIT_NONE, KERN_SUCCESS, NULL,
	 "dc", "01"},
	{"inherit: two bytes are two pages", inherit, AT(1, PAGE - 1), 2, VM_INHERIT_NONE,
	 KERN_SUCCESS, NULL, "dc", "011"},
	{"inherit: holes do not matter", inherit, AT(2, 0), 4 * PAGE, VM_INHERIT_NONE, KERN_SUCCESS,
	 NULL, "dc", "001.110"},
	{"inherit: nothing is mapped", inherit, AT(9, 0), PAGE, VM_INHERIT_NONE, KERN_SUCCESS},
	{"inherit: beyond the map", inherit, FAR(UINT64_C(1) << 62), 1, VM_INHERIT_NONE,
	 KERN_SUCCESS},
	{"inherit: the value before the range", inherit, FAR(TOP), PAGE, 3, KERN_INVALID_ARGUMENT},
	{"inherit: no such value", inherit, AT(0, 0), 1, -1, KERN_INVALID_ARGUMENT},
	{"inherit: wraps", inherit, AT(0, 0), UINT64_MAX, 1, KERN_INVALID_ARGUMENT},
	{"inherit: ends in the last page", inherit, FAR(TOP), 1, 1, KERN_INVALID_ARGUMENT},

	{"wire: bad bits before nothing", wire, AT(0, 0), 0, 8, KERN_INVALID_ARGUMENT},
	{"wire: nothing", wire, FAR(UINT64_MAX), 0, 1, KERN_SUCCESS},
	{"wire: a byte is a page", wire, AT(1, 9), 1, 3, KERN_SUCCESS, NULL, "lo", "010"},
	{"wire: two bytes are two pages", wire, AT(0, PAGE - 1), 2, 1, KERN_SUCCESS, NULL, "lo",
	 "110"},
	{"wire: wraps", wire, AT(0, 0), UINT64_MAX, 1, KERN_INVALID_ARGUMENT},
	{"wire: ends in the last page", wire, FAR(TOP), 1, 1, KERN_INVALID_ARGUMENT},
	{"wire: hole", wire, AT(2, 0), 2 * PAGE, 1, KERN_INVALID_ADDRESS, NULL, "lo", "000"},
	{"wire: access that is not there", wire, AT(1, 0), 2 * PAGE, 3, KERN_PROTECTION_FAILURE,
	 NULL, "lo", "000"},
	{"wire: access before a hole", wire, AT(2, 0), 2 * PAGE, 2, KERN_PROTECTION_FAILURE},
	{"unwire: first page a hole", wire, AT(3, 0), 2 * PAGE, 0, KERN_INVALID_ADDRESS},
	{"unwire: holes and what is not wired", wire, AT(2, 0), 4 * PAGE, 0, KERN_SUCCESS},
	{"unwire: beyond the map", wire, FAR(UINT64_C(1) << 62), 1, 0, KERN_INVALID_ADDRESS},
	{"unwire: wraps", wire, FAR(TOP), 2 * PAGE, 0, KERN_INVALID_ARGUMENT},

	{"sync: nothing, and both ways", synchronize, FAR(UINT64_MAX), 0, SYNC_BOTH, KERN_SUCCESS},
	{"sync: both ways", synchronize, FAR(TOP), 2 * PAGE, SYNC_BOTH, KERN_INVALID_ARGUMENT},
	{"sync: wraps", synchronize, AT(0, 0), UINT64_MAX, 0, KERN_INVALID_ADDRESS},
	{"sync: ends in the last page", synchronize, FAR(TOP), 1, 0, KERN_INVALID_ADDRESS},
	{"sync: holes", synchronize, AT(0, 0), 9 * PAGE, VM_SYNC_SYNCHRONOUS, KERN_SUCCESS},
	{"sync: a hole alone", synchronize, AT(3, 0), 1, VM_SYNC_ASYNCHRONOUS, KERN_SUCCESS},
	{"sync: holes, contiguous", synchronize, AT(0, 0), 9 * PAGE, VM_SYNC_CONTIGUOUS,
	 KERN_INVALID_ADDRESS},
	{"sync: no hole, contiguous", synchronize, AT(4, 1), 4 * PAGE - 1,
	 VM_SYNC_CONTIGUOUS | VM_SYNC_SYNCHRONOUS | VM_SYNC_INVALIDATE, KERN_SUCCESS},
	{"sync: a part of a hole, contiguous", synchronize, AT(2, 1), PAGE, VM_SYNC_CONTIGUOUS,
	 KERN_INVALID_ADDRESS},

	{"behavior: no such one, and nothing", behave, AT(0, 0), 0, 13, KERN_INVALID_ARGUMENT},
	{"behavior: nothing", behave, FAR(UINT64_MAX), 0, VM_BEHAVIOR_ZERO, KERN_SUCCESS},
	{"behavior: a byte is a page", behave, AT(1, 3), 1, VM_BEHAVIOR_RANDOM, KERN_SUCCESS, NULL,
	 "rr", "010"},
	{"behavior: two bytes are two pages", behave, AT(1, PAGE - 1), 2, VM_BEHAVIOR_SEQUENTIAL,
	 KERN_SUCCESS, NULL, "sr", "011"},
	{"behavior: wraps", behave, AT(0, 0), UINT64_MAX, 0, KERN_INVALID_ARGUMENT},
	{"behavior: ends in the last page", behave, FAR(TOP), 1, 0, KERN_NO_SPACE},
	{"behavior: beyond the map", behave, FAR(UINT64_C(1) << 60), 1, 0, KERN_NO_SPACE},
	{"behavior: hole", behave, AT(2, 0), 3 * PAGE, VM_BEHAVIOR_RANDOM, KERN_INVALID_ADDRESS,
	 NULL, "rr", "000.0"},
	{"behavior: zero of what cannot be written", behave, AT(1, 0), 2 * PAGE, VM_BEHAVIOR_ZERO,
	 KERN_PROTECTION_FAILURE},
	{"behavior: zero of a private file", behave, AT(7, 0), 1, VM_BEHAVIOR_ZERO, KERN_NO_ACCESS},
	{"behavior: zero over a hole", behave, AT(4, 0), 5 * PAGE, VM_BEHAVIOR_ZERO,
	 KERN_PROTECTION_FAILURE},
	{"behavior: reuse of shared memory", behave, AT(5, 0), 2 * PAGE, VM_BEHAVIOR_REUSABLE,
	 KERN_INVALID_ADDRESS},
	{"behavior: reuse of what cannot be written", behave, AT(2, 0), 1, VM_BEHAVIOR_REUSABLE,
	 KERN_PROTECTION_FAILURE},

	{"attribute: nothing, and no attribute", attribute, FAR(UINT64_MAX), 0, 99, KERN_SUCCESS},
	{"attribute: wraps", attribute, AT(0, 0), UINT64_MAX, 1, KERN_INVALID_ADDRESS},
	{"attribute: ends in the last page", attribute, FAR(TOP), 1, 1, KERN_INVALID_ADDRESS},
	{"attribute: beyond the map", attribute, FAR(UINT64_C(1) << 60), 1, 99,
	 KERN_INVALID_ADDRESS},
	{"attribute: the cache over a hole", attribute, AT(2, 0), 2 * PAGE, MATTR_CACHE,
	 KERN_FAILURE},
	{"attribute: the cache", attribute, AT(0, 5), 3 * PAGE - 5, MATTR_CACHE, KERN_SUCCESS},
	{"attribute: none", attribute, AT(0, 0), 1, 99, KERN_INVALID_ARGUMENT},
};

static void check_flags(const struct row *row)
{
	for (unsigned page = 0; row->flag && row->has[page]; page++)
		if (row->has[page] != '.')
			expect_number(
				layout_has_flag(&ground, ground.base + page * PAGE, row->flag),
				row->has[page] - '0');
}

static void try_row(unsigned number)
{
	const struct row *row = &rows[number];

	trying("%s: %s%s", ground.name, row->words, natural ? ", vm_" : "");
	lay();
	expect_code(row->run(row->far ? row->at : ground.base + row->at, row->size, row->value),
		    row->want);
	expect_layout(&ground, row->layout ? row->layout : start_layout);
	check_flags(row);
	/* What is still mapped in the same way holds what it held. */
	if (row->want != KERN_SUCCESS || !row->layout)
		ground_verify(&ground);
}

static void try_rows(void)
{
	layout_each_row(ARRAY_SIZE(rows), &natural, try_row);
}

static void each_row_holds(void **state)
{
	ground_each_place(&ground, try_rows);
}

static const struct CMUnitTest tests[] = {
	TEST(each_row_holds),
};

HARNESS_MAIN(tests)
