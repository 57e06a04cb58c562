/* SPDX-License-Identifier: MIT */
/* aarch64: bare system calls, and a child that shares our memory but not our thread area. */
#include "syscall.h"

#include <stdint.h>

__asm__(".text\n"
	".globl machvm__syscall6\n"
	".hidden machvm__syscall6\n"
	".type machvm__syscall6, %function\n"
	"machvm__syscall6:\n"
	"	hint #34\n" /* bti c */
	"	mov x8, x0\n"
	"	mov x0, x1\n"
	"	mov x1, x2\n"
	"	mov x2, x3\n"
	"	mov x3, x4\n"
	"	mov x4, x5\n"
	"	mov x5, x6\n"
	"	svc #0\n"
	"	ret\n"
	".size machvm__syscall6, . - machvm__syscall6\n"

	/* clone_raw(flags, stack, ptid, tls, ctid): fn and arg lie on the child's stack */
	".type clone_raw, %function\n"
	"clone_raw:\n"
	"	mov x8, #220\n"
	"	svc #0\n"
	"	cbz x0, 1f\n"
	"	ret\n"
	"1:	mov x29, xzr\n"
	"	ldp x1, x0, [sp], #16\n"
	"	blr x1\n"
	"	mov x8, #94\n" /* exit_group */
	"	svc #0\n"
	"	udf #0\n"
	".size clone_raw, . - clone_raw\n");

long clone_raw(unsigned long flags, void *stack, int *ptid, void *tls, int *ctid);

long machvm__arch_clone(unsigned long flags, void *stack_top, int *parent_tid, int *child_tid,
			void *tls, int (*fn)(void *), void *arg)
{
	uintptr_t top = (uintptr_t)stack_top & ~(uintptr_t)15;
	void **stack = (void **)(top - 16);

	stack[0] = (void *)(uintptr_t)fn;
	stack[1] = arg;
	return clone_raw(flags, stack, parent_tid, tls, child_tid);
}

void *machvm__arch_thread_area(void *block, unsigned long size)
{
	/* The canary is a global here; thread-local variables lie above the thread pointer. */
	return (unsigned char *)block + size / 2;
}
