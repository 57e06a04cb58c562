/* SPDX-License-Identifier: MIT */
/* i386: bare system calls, and a child that shares our memory but not our thread area. */
#include "syscall.h"

#include <asm/ldt.h>
#include <stdint.h>
#include <string.h>

__asm__(".text\n"
	".globl machvm__syscall6\n"
	".hidden machvm__syscall6\n"
	".type machvm__syscall6, @function\n"
	"machvm__syscall6:\n"
	"	push %ebp\n"
	"	push %ebx\n"
	"	push %esi\n"
	"	push %edi\n"
	"	mov 20(%esp), %eax\n"
	"	mov 24(%esp), %ebx\n"
	"	mov 28(%esp), %ecx\n"
	"	mov 32(%esp), %edx\n"
	"	mov 36(%esp), %esi\n"
	"	mov 40(%esp), %edi\n"
	"	mov 44(%esp), %ebp\n"
	"	int $0x80\n"
	"	pop %edi\n"
	"	pop %esi\n"
	"	pop %ebx\n"
	"	pop %ebp\n"
	"	ret\n"
	".size machvm__syscall6, . - machvm__syscall6\n"

	/* clone_raw(flags, stack, ptid, ctid, tls): fn and arg lie on the child's stack */
	".type clone_raw, @function\n"
	"clone_raw:\n"
	"	push %ebx\n"
	"	push %esi\n"
	"	push %edi\n"
	"	mov 16(%esp), %ebx\n"
	"	mov 20(%esp), %ecx\n"
	"	mov 24(%esp), %edx\n"
	"	mov 28(%esp), %edi\n"
	"	mov 32(%esp), %esi\n"
	"	mov $120, %eax\n"
	"	int $0x80\n"
	"	test %eax, %eax\n"
	"	jz 1f\n"
	"	pop %edi\n"
	"	pop %esi\n"
	"	pop %ebx\n"
	"	ret\n"
	"1:	xor %ebp, %ebp\n"
	"	pop %eax\n" /* fn; its argument is on top now, as a call wants it */
	"	call *%eax\n"
	"	mov %eax, %ebx\n"
	"	mov $252, %eax\n" /* exit_group */
	"	int $0x80\n"
	"	hlt\n"
	".size clone_raw, . - clone_raw\n");

long clone_raw(unsigned long flags, void *stack, int *ptid, int *ctid, void *tls);

long machvm__arch_clone(unsigned long flags, void *stack_top, int *parent_tid, int *child_tid,
			void *tls, int (*fn)(void *), void *arg)
{
	/* fn popped, arg left at a multiple of 16: the child enters fn with an aligned stack. */
	uintptr_t top = (uintptr_t)stack_top & ~(uintptr_t)15;
	void **stack = (void **)(top - 20);

	stack[0] = (void *)(uintptr_t)fn;
	stack[1] = arg;
	return clone_raw(flags, stack, parent_tid, child_tid, tls);
}

void *machvm__arch_thread_area(void *block, unsigned long size)
{
	unsigned char *tp = (unsigned char *)block + size / 2;
	struct user_desc *area = (struct user_desc *)block;
	uintptr_t self = (uintptr_t)tp, entry, canary, guard;
	unsigned selector;

	__asm__("mov %%gs, %0" : "=r"(selector));
	__asm__("mov %%gs:0x10, %0" : "=r"(entry)); /* how libc enters the kernel */
	__asm__("mov %%gs:0x14, %0" : "=r"(canary));
	__asm__("mov %%gs:0x18, %0" : "=r"(guard));
	memcpy(tp, &self, sizeof(self));
	memcpy(tp + 8, &self, sizeof(self));
	memcpy(tp + 0x10, &entry, sizeof(entry));
	memcpy(tp + 0x14, &canary, sizeof(canary));
	memcpy(tp + 0x18, &guard, sizeof(guard));
	area->entry_number = selector >> 3;
	area->base_addr = (unsigned)self;
	area->limit = 0xfffff;
	area->seg_32bit = 1;
	area->limit_in_pages = 1;
	area->useable = 1;
	return area;
}
