/* SPDX-License-Identifier: MIT */
/*
 * frame_run(frame, seen): takes the frame away with rt_sigreturn, as a thread does that
 * lost its tracer; whoever made the frame sends us to frame_landed, which writes the
 * registers to `seen` and returns to the caller of frame_run. x16 and x17 are lost on the way.
 */
	.text
	.global frame_run
	.type frame_run, %function
frame_run:
	sub	sp, sp, #176
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	str	x1, [sp, #160]
	adrp	x9, home
	mov	x10, sp
	str	x10, [x9, :lo12:home]
	mov	sp, x0
	mov	x8, #139
	svc	#0
	brk	#1

	.global frame_landed
	.type frame_landed, %function
frame_landed:
	adrp	x16, home
	ldr	x16, [x16, :lo12:home]
	ldr	x16, [x16, #160]
	stp	x0, x1, [x16], #16
	stp	x2, x3, [x16], #16
	stp	x4, x5, [x16], #16
	stp	x6, x7, [x16], #16
	stp	x8, x9, [x16], #16
	stp	x10, x11, [x16], #16
	stp	x12, x13, [x16], #16
	stp	x14, x15, [x16], #16
	add	x16, x16, #16
	stp	x18, x19, [x16], #16
	stp	x20, x21, [x16], #16
	stp	x22, x23, [x16], #16
	stp	x24, x25, [x16], #16
	stp	x26, x27, [x16], #16
	stp	x28, x29, [x16], #16
	mov	x17, sp
	stp	x30, x17, [x16], #16
	mrs	x17, nzcv
	str	x17, [x16], #8
	add	x16, x16, #8
	stp	q0, q1, [x16], #32
	stp	q2, q3, [x16], #32
	stp	q4, q5, [x16], #32
	stp	q6, q7, [x16], #32
	stp	q8, q9, [x16], #32
	stp	q10, q11, [x16], #32
	stp	q12, q13, [x16], #32
	stp	q14, q15, [x16], #32
	stp	q16, q17, [x16], #32
	stp	q18, q19, [x16], #32
	stp	q20, q21, [x16], #32
	stp	q22, q23, [x16], #32
	stp	q24, q25, [x16], #32
	stp	q26, q27, [x16], #32
	stp	q28, q29, [x16], #32
	stp	q30, q31, [x16], #32
	adrp	x16, home
	ldr	x16, [x16, :lo12:home]
	mov	sp, x16
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #176
	ret

	.bss
	.balign 8
home:
	.skip 8

	.section .note.GNU-stack, "", %progbits
