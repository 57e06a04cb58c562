/* SPDX-License-Identifier: MIT */
/*
 * Registers of an x86 thread, 32-bit and 64-bit, for thread_get_state() and
 * thread_set_state().  Counts are 32-bit words.
 */
#ifndef MACH_I386_THREAD_STATUS_H
#define MACH_I386_THREAD_STATUS_H

#include <mach/machvm_export.h>
#include <mach/message.h>
#include <stdint.h>

#define i386_THREAD_STATE 1
#define i386_FLOAT_STATE 2
#define i386_EXCEPTION_STATE 3
#define x86_THREAD_STATE32 1
#define x86_FLOAT_STATE32 2
#define x86_EXCEPTION_STATE32 3
#define x86_THREAD_STATE64 4
#define x86_FLOAT_STATE64 5
#define x86_EXCEPTION_STATE64 6
#define x86_THREAD_STATE 7 /* a header that says which of the two follows */
#define x86_FLOAT_STATE 8
#define x86_EXCEPTION_STATE 9
#define x86_DEBUG_STATE32 10
#define x86_DEBUG_STATE64 11
#define x86_DEBUG_STATE 12
#define x86_AVX_STATE32 16
#define x86_AVX_STATE64 17
#define x86_AVX_STATE 18
#define x86_AVX512_STATE32 19
#define x86_AVX512_STATE64 20
#define x86_AVX512_STATE 21
#define x86_PAGEIN_STATE 22
#define x86_THREAD_FULL_STATE64 23
#define x86_INSTRUCTION_STATE 24
#define x86_LAST_BRANCH_STATE 25

struct x86_state_hdr {
	uint32_t flavor;
	uint32_t count;
};
typedef struct x86_state_hdr x86_state_hdr_t;

/* General registers; counts 16 and 42. */
struct __darwin_i386_thread_state {
	unsigned int __eax, __ebx, __ecx, __edx;
	unsigned int __edi, __esi, __ebp, __esp;
	unsigned int __ss, __eflags, __eip, __cs;
	unsigned int __ds, __es, __fs, __gs;
};
#define _STRUCT_X86_THREAD_STATE32 struct __darwin_i386_thread_state
typedef struct __darwin_i386_thread_state i386_thread_state_t;
typedef struct __darwin_i386_thread_state x86_thread_state32_t;
#define i386_THREAD_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(i386_thread_state_t) / sizeof(int)))
#define x86_THREAD_STATE32_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_thread_state32_t) / sizeof(int)))

struct __darwin_x86_thread_state64 {
	uint64_t __rax, __rbx, __rcx, __rdx;
	uint64_t __rdi, __rsi, __rbp, __rsp;
	uint64_t __r8, __r9, __r10, __r11, __r12, __r13, __r14, __r15;
	uint64_t __rip, __rflags, __cs, __fs, __gs;
};
#define _STRUCT_X86_THREAD_STATE64 struct __darwin_x86_thread_state64
typedef struct __darwin_x86_thread_state64 x86_thread_state64_t;
#define x86_THREAD_STATE64_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_thread_state64_t) / sizeof(int)))

/* x87 and SSE; count 131 each.  The layout after fpu_reserved is FXSAVE's. */
typedef struct fp_control {
	unsigned short __invalid : 1, __denorm : 1, __zdiv : 1, __ovrfl : 1, __undfl : 1,
	    __precis : 1, : 2, __pc : 2, __rc : 2, : 1, : 3;
} fp_control_t;
typedef struct fp_status {
	unsigned short __invalid : 1, __denorm : 1, __zdiv : 1, __ovrfl : 1, __undfl : 1,
	    __precis : 1, __stkflt : 1, __errsumm : 1, __c0 : 1, __c1 : 1, __c2 : 1, __tos : 3,
	    __c3 : 1, __busy : 1;
} fp_status_t;
struct __darwin_mmst_reg {
	char __mmst_reg[10];
	char __mmst_rsrv[6];
};
struct __darwin_xmm_reg {
	char __xmm_reg[16];
};

struct __darwin_i386_float_state {
	int __fpu_reserved[2];
	fp_control_t __fpu_fcw;
	fp_status_t __fpu_fsw;
	uint8_t __fpu_ftw, __fpu_rsrv1;
	uint16_t __fpu_fop;
	uint32_t __fpu_ip;
	uint16_t __fpu_cs, __fpu_rsrv2;
	uint32_t __fpu_dp;
	uint16_t __fpu_ds, __fpu_rsrv3;
	uint32_t __fpu_mxcsr, __fpu_mxcsrmask;
	struct __darwin_mmst_reg __fpu_stmm0, __fpu_stmm1, __fpu_stmm2, __fpu_stmm3;
	struct __darwin_mmst_reg __fpu_stmm4, __fpu_stmm5, __fpu_stmm6, __fpu_stmm7;
	struct __darwin_xmm_reg __fpu_xmm0, __fpu_xmm1, __fpu_xmm2, __fpu_xmm3;
	struct __darwin_xmm_reg __fpu_xmm4, __fpu_xmm5, __fpu_xmm6, __fpu_xmm7;
	char __fpu_rsrv4[14 * 16];
	int __fpu_reserved1;
};
typedef struct __darwin_i386_float_state i386_float_state_t;
typedef struct __darwin_i386_float_state x86_float_state32_t;
#define i386_FLOAT_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(i386_float_state_t) / sizeof(unsigned int)))
#define x86_FLOAT_STATE32_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_float_state32_t) / sizeof(unsigned int)))

struct __darwin_x86_float_state64 {
	int __fpu_reserved[2];
	fp_control_t __fpu_fcw;
	fp_status_t __fpu_fsw;
	uint8_t __fpu_ftw, __fpu_rsrv1;
	uint16_t __fpu_fop;
	uint32_t __fpu_ip;
	uint16_t __fpu_cs, __fpu_rsrv2;
	uint32_t __fpu_dp;
	uint16_t __fpu_ds, __fpu_rsrv3;
	uint32_t __fpu_mxcsr, __fpu_mxcsrmask;
	struct __darwin_mmst_reg __fpu_stmm0, __fpu_stmm1, __fpu_stmm2, __fpu_stmm3;
	struct __darwin_mmst_reg __fpu_stmm4, __fpu_stmm5, __fpu_stmm6, __fpu_stmm7;
	struct __darwin_xmm_reg __fpu_xmm0, __fpu_xmm1, __fpu_xmm2, __fpu_xmm3;
	struct __darwin_xmm_reg __fpu_xmm4, __fpu_xmm5, __fpu_xmm6, __fpu_xmm7;
	struct __darwin_xmm_reg __fpu_xmm8, __fpu_xmm9, __fpu_xmm10, __fpu_xmm11;
	struct __darwin_xmm_reg __fpu_xmm12, __fpu_xmm13, __fpu_xmm14, __fpu_xmm15;
	char __fpu_rsrv4[6 * 16];
	int __fpu_reserved1;
};
typedef struct __darwin_x86_float_state64 x86_float_state64_t;
#define x86_FLOAT_STATE64_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_float_state64_t) / sizeof(unsigned int)))

/* The last exception; counts 3 and 4. */
struct __darwin_i386_exception_state {
	uint16_t __trapno, __cpu;
	uint32_t __err, __faultvaddr;
};
typedef struct __darwin_i386_exception_state i386_exception_state_t;
typedef struct __darwin_i386_exception_state x86_exception_state32_t;
#define i386_EXCEPTION_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(i386_exception_state_t) / sizeof(int)))
#define x86_EXCEPTION_STATE32_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_exception_state32_t) / sizeof(int)))
#define I386_EXCEPTION_STATE_COUNT i386_EXCEPTION_STATE_COUNT

#pragma pack(push, 4) /* i386 aligns 64-bit fields to 4 as well: one layout for both */
struct __darwin_x86_exception_state64 {
	uint16_t __trapno, __cpu;
	uint32_t __err;
	uint64_t __faultvaddr;
};
#pragma pack(pop)
typedef struct __darwin_x86_exception_state64 x86_exception_state64_t;
#define x86_EXCEPTION_STATE64_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_exception_state64_t) / sizeof(int)))
#define X86_EXCEPTION_STATE64_COUNT x86_EXCEPTION_STATE64_COUNT

/* Debug registers; counts 8 and 16. */
struct __darwin_x86_debug_state32 {
	unsigned int __dr0, __dr1, __dr2, __dr3, __dr4, __dr5, __dr6, __dr7;
};
typedef struct __darwin_x86_debug_state32 x86_debug_state32_t;
#define x86_DEBUG_STATE32_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_debug_state32_t) / sizeof(int)))
#define X86_DEBUG_STATE32_COUNT x86_DEBUG_STATE32_COUNT

struct __darwin_x86_debug_state64 {
	uint64_t __dr0, __dr1, __dr2, __dr3, __dr4, __dr5, __dr6, __dr7;
};
typedef struct __darwin_x86_debug_state64 x86_debug_state64_t;
#define x86_DEBUG_STATE64_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_debug_state64_t) / sizeof(int)))
#define X86_DEBUG_STATE64_COUNT x86_DEBUG_STATE64_COUNT

/* Self-describing forms: counts 44, 133, 6 and 18. */
struct x86_thread_state {
	x86_state_hdr_t tsh;
	union {
		x86_thread_state32_t ts32;
		x86_thread_state64_t ts64;
	} uts;
};
struct x86_float_state {
	x86_state_hdr_t fsh;
	union {
		x86_float_state32_t fs32;
		x86_float_state64_t fs64;
	} ufs;
};
struct x86_exception_state {
	x86_state_hdr_t esh;
	union {
		x86_exception_state32_t es32;
		x86_exception_state64_t es64;
	} ues;
};
struct x86_debug_state {
	x86_state_hdr_t dsh;
	union {
		x86_debug_state32_t ds32;
		x86_debug_state64_t ds64;
	} uds;
};
typedef struct x86_thread_state x86_thread_state_t;
typedef struct x86_float_state x86_float_state_t;
typedef struct x86_exception_state x86_exception_state_t;
typedef struct x86_debug_state x86_debug_state_t;
#define x86_THREAD_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_thread_state_t) / sizeof(int)))
#define x86_FLOAT_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_float_state_t) / sizeof(unsigned int)))
#define x86_EXCEPTION_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_exception_state_t) / sizeof(unsigned int)))
#define x86_DEBUG_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(x86_debug_state_t) / sizeof(unsigned int)))

#endif
