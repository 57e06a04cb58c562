/* SPDX-License-Identifier: MIT */
/* x86-64: bare system calls, and a child that shares our memory but not our thread area. */
#include "syscall.h"

#include <stdint.h>
#include <string.h>

__asm__(".text\n"
	".globl machvm__syscall6\n"
	".hidden machvm__syscall6\n"
	".type machvm__syscall6, @function\n"
	"machvm__syscall6:\n"
	"	endbr64\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"	ret\n"
	".size machvm__syscall6, . - machvm__syscall6\n"

	/* clone_raw(flags, stack, ptid, ctid, tls): fn and arg lie on the child's stack */
	".type clone_raw, @function\n"
	"clone_raw:\n"
	"	mov %rcx, %r10\n"
	"	mov $56, %eax\n"
	"	syscall\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"	ret\n"
	"1:	xor %ebp, %ebp\n"
	"	pop %rax\n"
	"	pop %rdi\n"
	"	call *%rax\n"
	"	mov %eax, %edi\n"
	"	mov $231, %eax\n" /* exit_group */
	"	syscall\n"
	"	hlt\n"
	".size clone_raw, . - clone_raw\n"
	".section .note.GNU-stack,\"\",@progbits\n"
	".text\n");

long clone_raw(unsigned long flags, void *stack, int *ptid, int *ctid, void *tls);

long machvm__arch_clone(unsigned long flags, void *stack_top, int *parent_tid, int *child_tid,
			void *tls, int (*fn)(void *), void *arg)
{
	/* 16 bytes popped, then call: the child enters fn with an aligned stack. */
	uintptr_t top = (uintptr_t)stack_top & ~(uintptr_t)15;
	void **stack = (void **)(top - 16);

	stack[0] = (void *)(uintptr_t)fn;
	stack[1] = arg;
	/* r8 is the fifth C argument and the fifth of clone: no move needed. */
	return clone_raw(flags, stack, parent_tid, child_tid, tls);
}

void *machvm__arch_thread_area(void *block, unsigned long size)
{
	/* The thread pointer in the middle: thread-local variables lie below it. */
	unsigned char *tp = (unsigned char *)block + size / 2;
	uintptr_t self = (uintptr_t)tp, canary, guard;

	__asm__("mov %%fs:0x28, %0" : "=r"(canary));
	__asm__("mov %%fs:0x30, %0" : "=r"(guard));
	memcpy(tp, &self, sizeof(self));
	memcpy(tp + 0x10, &self, sizeof(self));
	memcpy(tp + 0x28, &canary, sizeof(canary));
	memcpy(tp + 0x30, &guard, sizeof(guard));
	return tp;
}
