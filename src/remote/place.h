/* SPDX-License-Identifier: MIT */
/*
 * Where in a target a call can be made: instructions that are there already, and
 * stack that nobody has used. Looked up once for an address space, then only compared.
 */
#ifndef MACHVM_REMOTE_PLACE_H
#define MACHVM_REMOTE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu.h"

enum { MACHVM__PLACE_SEAL = 16 };

struct machvm__place {
	struct machvm__cpu_code code; /* code.call is 0 until looked up */
	uint64_t stack, stack_end;    /* the main stack; 0 when it has none */

	/*
	 * The random bytes that execve leaves above the stack (AT_RANDOM): an address space that
	 * has them is the one that was looked at. 0 where they cannot be told, or where
	 * the code is in a mapping that may be gone all the same; then it is compared each time.
	 */
	uint64_t seal_at;
	unsigned char seal[MACHVM__PLACE_SEAL];
	bool proven; /* and that one is the owner's mem_fd */
};

/*
 * Fills `place` for calls in `abi`, reading the memory of the stopped thread `tid`, which the
 * mounted /proc knows by the other two numbers (the leader may be dead). 0 also
 * when there is no sigreturn stub or stack (they stay 0); -EOPNOTSUPP when there is no
 * system-call instruction at all.
 */
__attribute__((__warn_unused_result__)) int
machvm__place_find(struct machvm__place *place, int proc_pid, int proc_tid, int tid,
		   enum machvm__abi abi);

#endif
