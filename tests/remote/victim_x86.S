/* SPDX-License-Identifier: MIT */
/* Parts of the victim that need every register, or exact instructions. */

#define RSEQ_SIGNATURE 0x53053053

#ifdef __x86_64__
#define PATTERN %rdi
#define SPARE   %xmm15
#else
#define PATTERN %edi
#define SPARE   %xmm7
#endif

/* To 9 when a register is not what the pattern has there. */
.macro same reg, offset
	movdqu \offset(PATTERN), SPARE
	pcmpeqb \reg, SPARE
	pmovmskb SPARE, %eax
	cmp $0xffff, %eax
	jne 9f
.endm

/* 0 when the x87 still holds what fld1 and fldpi put there; else 1, and at 9. */
.macro verdict
	fldpi
	fcomip %st(1), %st
	jne 8f
	fstp %st(0)
	fld1
	fcomip %st(1), %st
	jne 8f
	fstp %st(0)
	xor %eax, %eax
	jmp 10f
9:	fstp %st(0)
8:	fstp %st(0)
	mov $1, %eax
10:
.endm

#ifdef __x86_64__

/* uint32_t spin_registers(const unsigned char *pattern, uint32_t rounds):
   loads all registers from the pattern, compares them again and again. */
	.text
	.globl spin_registers
	.type spin_registers, @function
spin_registers:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	sub $8, %rsp
	mov %esi, %ecx
	movdqu (%rdi), %xmm0
	movdqu 16(%rdi), %xmm1
	movdqu 32(%rdi), %xmm2
	movdqu 48(%rdi), %xmm3
	movdqu 64(%rdi), %xmm4
	movdqu 80(%rdi), %xmm5
	movdqu 96(%rdi), %xmm6
	movdqu 112(%rdi), %xmm7
	movdqu 128(%rdi), %xmm8
	movdqu 144(%rdi), %xmm9
	movdqu 160(%rdi), %xmm10
	movdqu 176(%rdi), %xmm11
	movdqu 192(%rdi), %xmm12
	movdqu 208(%rdi), %xmm13
	movdqu 224(%rdi), %xmm14
	fld1
	fldpi
	mov 256(%rdi), %rax
	mov 264(%rdi), %rbx
	mov 272(%rdi), %rdx
	mov 280(%rdi), %rsi
	mov 288(%rdi), %rbp
	mov 296(%rdi), %r8
	mov 304(%rdi), %r9
	mov 312(%rdi), %r10
	mov 320(%rdi), %r11
	mov 328(%rdi), %r12
	mov 336(%rdi), %r13
	mov 344(%rdi), %r14
	mov 352(%rdi), %r15
1:	cmp 256(%rdi), %rax
	jne 9f
	cmp 264(%rdi), %rbx
	jne 9f
	cmp 272(%rdi), %rdx
	jne 9f
	cmp 280(%rdi), %rsi
	jne 9f
	cmp 288(%rdi), %rbp
	jne 9f
	cmp 296(%rdi), %r8
	jne 9f
	cmp 304(%rdi), %r9
	jne 9f
	cmp 312(%rdi), %r10
	jne 9f
	cmp 320(%rdi), %r11
	jne 9f
	cmp 328(%rdi), %r12
	jne 9f
	cmp 336(%rdi), %r13
	jne 9f
	cmp 344(%rdi), %r14
	jne 9f
	cmp 352(%rdi), %r15
	jne 9f
	same %xmm0, 0
	same %xmm1, 16
	same %xmm2, 32
	same %xmm3, 48
	same %xmm4, 64
	same %xmm5, 80
	same %xmm6, 96
	same %xmm7, 112
	same %xmm8, 128
	same %xmm9, 144
	same %xmm10, 160
	same %xmm11, 176
	same %xmm12, 192
	same %xmm13, 208
	same %xmm14, 224
	mov 256(%rdi), %rax
	dec %ecx
	jnz 1b
	verdict
	add $8, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	.size spin_registers, . - spin_registers

/* int rseq_increment(volatile struct rseq *area, volatile uintptr_t *slots): one more in the
   64-byte slot of this CPU, in steps that an interruption would tear. */
	.section __rseq_cs, "aw"
	.balign 32
sequence:
	.long 0, 0
	.quad 10f, 20f - 10f, 30f
	.text
	.globl rseq_increment
	.type rseq_increment, @function
rseq_increment:
	lea sequence(%rip), %rax
	mov %rax, 8(%rdi)
10:	mov 4(%rdi), %eax
	shl $6, %rax
	mov (%rsi, %rax), %rdx
	/* Time in which a stop can fall. */
	mov $60, %ecx
1:	dec %ecx
	jnz 1b
	inc %rdx
	mov %rdx, (%rsi, %rax)
20:	movq $0, 8(%rdi)
	xor %eax, %eax
	ret
	.byte 0x0f, 0xb9, 0x3d
	.long RSEQ_SIGNATURE
30:	mov $1, %eax
	ret
	.size rseq_increment, . - rseq_increment

#else

	.text
	.globl spin_registers
	.type spin_registers, @function
spin_registers:
	push %ebx
	push %ebp
	push %esi
	push %edi
	mov 20(%esp), %edi
	mov 24(%esp), %ecx
	movdqu (%edi), %xmm0
	movdqu 16(%edi), %xmm1
	movdqu 32(%edi), %xmm2
	movdqu 48(%edi), %xmm3
	movdqu 64(%edi), %xmm4
	movdqu 80(%edi), %xmm5
	movdqu 96(%edi), %xmm6
	fld1
	fldpi
	mov 260(%edi), %ebx
	mov 264(%edi), %edx
	mov 268(%edi), %esi
	mov 272(%edi), %ebp
1:	cmp 260(%edi), %ebx
	jne 9f
	cmp 264(%edi), %edx
	jne 9f
	cmp 268(%edi), %esi
	jne 9f
	cmp 272(%edi), %ebp
	jne 9f
	same %xmm0, 0
	same %xmm1, 16
	same %xmm2, 32
	same %xmm3, 48
	same %xmm4, 64
	same %xmm5, 80
	same %xmm6, 96
	dec %ecx
	jnz 1b
	verdict
	pop %edi
	pop %esi
	pop %ebp
	pop %ebx
	ret
	.size spin_registers, . - spin_registers

	.section __rseq_cs, "aw"
	.balign 32
sequence:
	.long 0, 0
	.long 10f, 0, 20f - 10f, 0, 30f, 0
	.text
	.globl rseq_increment
	.type rseq_increment, @function
rseq_increment:
	push %ebx
	push %esi
	mov 12(%esp), %ebx
	mov 16(%esp), %esi
	movl $sequence, 8(%ebx)
10:	mov 4(%ebx), %eax
	shl $6, %eax
	mov (%esi, %eax), %edx
	mov $60, %ecx
1:	dec %ecx
	jnz 1b
	inc %edx
	mov %edx, (%esi, %eax)
20:	movl $0, 8(%ebx)
	xor %eax, %eax
	pop %esi
	pop %ebx
	ret
	.byte 0x0f, 0xb9, 0x3d
	.long RSEQ_SIGNATURE
30:	mov $1, %eax
	pop %esi
	pop %ebx
	ret
	.size rseq_increment, . - rseq_increment

#endif
	.section .note.GNU-stack, "", @progbits
