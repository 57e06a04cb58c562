/* SPDX-License-Identifier: MIT */
/*
 * How each ABI numbers the calls and takes their arguments. Numbers are the
 * kernel's uapi tables, written out because a build sees only its own.
 */
#include "call.h"

#include <errno.h>
#include <stddef.h>

/* x86-64, i386, aarch64 (the generic table) */
static const uint32_t numbers[MACHVM__CALL_COUNT][3] = {
	[MACHVM__CALL_MMAP] = {9, 192, 222}, /* i386: mmap2 */
	[MACHVM__CALL_MUNMAP] = {11, 91, 215},
	[MACHVM__CALL_MPROTECT] = {10, 125, 226},
	[MACHVM__CALL_MADVISE] = {28, 219, 233},
	[MACHVM__CALL_MREMAP] = {25, 163, 216},
	[MACHVM__CALL_MSYNC] = {26, 144, 227},
	[MACHVM__CALL_MLOCK] = {149, 150, 228},
	[MACHVM__CALL_MLOCK2] = {325, 376, 284},
	[MACHVM__CALL_MUNLOCK] = {150, 151, 229},
	[MACHVM__CALL_MINCORE] = {27, 218, 232},
	[MACHVM__CALL_MEMFD_CREATE] = {319, 356, 279},
	[MACHVM__CALL_FTRUNCATE] = {77, 194, 46}, /* i386: ftruncate64 */
	[MACHVM__CALL_FALLOCATE] = {285, 324, 47},
	[MACHVM__CALL_OPENAT] = {257, 295, 56},
	[MACHVM__CALL_CLOSE] = {3, 6, 57},
	[MACHVM__CALL_PRCTL] = {157, 172, 167},
	[MACHVM__CALL_PKEY_MPROTECT] = {329, 380, 288},
	[MACHVM__CALL_PROCESS_VM_READV] = {310, 347, 270},
	[MACHVM__CALL_PROCESS_VM_WRITEV] = {311, 348, 271},
	[MACHVM__CALL_USERFAULTFD] = {323, 374, 282},
	[MACHVM__CALL_GETPID] = {39, 20, 172},
};

static int narrow_sign(uint64_t arg)
{
	int64_t value = (int64_t)arg;

	/* An int given as -1 arrives sign-extended; everything else must be an unsigned word. */
	return arg <= UINT32_MAX || (value < 0 && value >= INT32_MIN) ? 0 : -EOVERFLOW;
}

static void split(uint64_t value, uint64_t *low, uint64_t *high)
{
	*low = value & UINT32_MAX;
	*high = value >> 32;
}

/* The i386 forms that take a 64-bit number spread it over two registers, or count pages. */
static int spell_i386(enum machvm__call call, struct machvm__call_form *form)
{
	uint64_t *a = form->args;

	if (call == MACHVM__CALL_MMAP) {
		if (a[5] & 0xfff)
			return -EINVAL;
		a[5] >>= 12;
	}
	if (call == MACHVM__CALL_FTRUNCATE)
		split(a[1], &a[1], &a[2]);
	if (call == MACHVM__CALL_FALLOCATE) {
		uint64_t length = a[3];

		split(a[2], &a[2], &a[3]);
		split(length, &a[4], &a[5]);
	}
	for (size_t i = 0; i < 6; i++) {
		if (narrow_sign(a[i]))
			return -EOVERFLOW;
		a[i] &= UINT32_MAX;
	}
	return 0;
}

int machvm__call_spell(enum machvm__abi abi, enum machvm__call call, const uint64_t args[6],
		       struct machvm__call_form *form)
{
	if (abi == MACHVM__ABI_NONE || call >= MACHVM__CALL_COUNT)
		return -ENOSYS;
	form->number = numbers[call][abi - MACHVM__ABI_X86_64];
	for (size_t i = 0; i < 6; i++)
		form->args[i] = args[i];
	return abi == MACHVM__ABI_I386 ? spell_i386(call, form) : 0;
}

int64_t machvm__call_result(enum machvm__abi abi, uint64_t reg)
{
	if (abi == MACHVM__ABI_I386) {
		uint32_t word = (uint32_t)reg;

		return word >= (uint32_t)-4095 ? (int64_t)(int32_t)word : (int64_t)word;
	}
	return (int64_t)reg;
}
