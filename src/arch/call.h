/* SPDX-License-Identifier: MIT */
/*
 * System calls by name, and the ABIs that number them. Pure tables: no kernel
 * is talked to here, so that every ABI is known in every build.
 */
#ifndef MACHVM_ARCH_CALL_H
#define MACHVM_ARCH_CALL_H

#include <stdint.h>

enum machvm__abi {
	MACHVM__ABI_NONE,
	MACHVM__ABI_X86_64,
	MACHVM__ABI_I386,
	MACHVM__ABI_AARCH64,
};

/* Arguments are those of the 64-bit call; offsets are bytes, also for the i386 forms. */
enum machvm__call {
	MACHVM__CALL_MMAP,
	MACHVM__CALL_MUNMAP,
	MACHVM__CALL_MPROTECT,
	MACHVM__CALL_MADVISE,
	MACHVM__CALL_MREMAP,
	MACHVM__CALL_MSYNC,
	MACHVM__CALL_MLOCK,
	MACHVM__CALL_MLOCK2,
	MACHVM__CALL_MUNLOCK,
	MACHVM__CALL_MINCORE,
	MACHVM__CALL_MEMFD_CREATE,
	MACHVM__CALL_FTRUNCATE,
	MACHVM__CALL_FALLOCATE,
	MACHVM__CALL_OPENAT,
	MACHVM__CALL_CLOSE,
	MACHVM__CALL_PRCTL,
	MACHVM__CALL_PKEY_MPROTECT,
	MACHVM__CALL_PROCESS_VM_READV,
	MACHVM__CALL_PROCESS_VM_WRITEV,
	MACHVM__CALL_USERFAULTFD,
	MACHVM__CALL_GETPID,
	MACHVM__CALL_COUNT,
};

/* A call as one ABI spells it. */
struct machvm__call_form {
	uint32_t number;
	uint64_t args[6];
};

/*
 * Spells `call` for `abi`. Returns 0, -ENOSYS when the ABI has no such call, or -EOVERFLOW
 * when an argument does not fit the target's words.
 */
__attribute__((__warn_unused_result__)) int machvm__call_spell(enum machvm__abi abi,
							       enum machvm__call call,
							       const uint64_t args[6],
							       struct machvm__call_form *form);

/* What the return register means: a value, or -4095..-1. */
int64_t machvm__call_result(enum machvm__abi abi, uint64_t reg);

#endif
