/* SPDX-License-Identifier: MIT */
/*
 * Registers of an ARM thread, 32-bit and 64-bit, for thread_get_state() and
 * thread_set_state().  Counts are 32-bit words.
 */
#ifndef MACH_ARM_THREAD_STATUS_H
#define MACH_ARM_THREAD_STATUS_H

#include <mach/message.h>
#include <stdint.h>

#define ARM_THREAD_STATE 1 /* a header that says which of the two follows */
#define ARM_UNIFIED_THREAD_STATE ARM_THREAD_STATE
#define ARM_VFP_STATE 2
#define ARM_EXCEPTION_STATE 3
#define ARM_DEBUG_STATE 4
#define ARM_THREAD_STATE64 6
#define ARM_EXCEPTION_STATE64 7
#define ARM_THREAD_STATE32 9
#define ARM_DEBUG_STATE32 14
#define ARM_DEBUG_STATE64 15
#define ARM_NEON_STATE 16
#define ARM_NEON_STATE64 17
#define ARM_CPMU_STATE64 18
#define ARM_PAGEIN_STATE 27

struct arm_state_hdr {
	uint32_t flavor;
	uint32_t count;
};
typedef struct arm_state_hdr arm_state_hdr_t;

/* General registers; counts 17 and 68. */
struct __darwin_arm_thread_state {
	uint32_t __r[13];
	uint32_t __sp, __lr, __pc, __cpsr;
};
typedef struct __darwin_arm_thread_state arm_thread_state_t;
typedef struct __darwin_arm_thread_state arm_thread_state32_t;
#define ARM_THREAD_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(arm_thread_state_t) / sizeof(uint32_t)))
#define ARM_THREAD_STATE32_COUNT \
	((mach_msg_type_number_t)(sizeof(arm_thread_state32_t) / sizeof(uint32_t)))

struct __darwin_arm_thread_state64 {
	uint64_t __x[29];
	uint64_t __fp, __lr, __sp, __pc;
	uint32_t __cpsr, __pad;
};
#define _STRUCT_ARM_THREAD_STATE64 struct __darwin_arm_thread_state64
typedef struct __darwin_arm_thread_state64 arm_thread_state64_t;
#define ARM_THREAD_STATE64_COUNT \
	((mach_msg_type_number_t)(sizeof(arm_thread_state64_t) / sizeof(uint32_t)))

/* Accessors; pointers are not signed here. */
#define arm_thread_state64_get_pc(ts) ((ts).__pc)
#define arm_thread_state64_get_lr(ts) ((ts).__lr)
#define arm_thread_state64_get_sp(ts) ((ts).__sp)
#define arm_thread_state64_get_fp(ts) ((ts).__fp)
#define arm_thread_state64_set_pc_fptr(ts, fptr) ((ts).__pc = (uintptr_t)(fptr))
#define arm_thread_state64_set_lr_fptr(ts, fptr) ((ts).__lr = (uintptr_t)(fptr))
#define arm_thread_state64_set_sp(ts, ptr) ((ts).__sp = (uintptr_t)(ptr))
#define arm_thread_state64_set_fp(ts, ptr) ((ts).__fp = (uintptr_t)(ptr))

/* The last exception; counts 3 and 4. */
struct __darwin_arm_exception_state {
	uint32_t __exception, __fsr, __far;
};
typedef struct __darwin_arm_exception_state arm_exception_state_t;
typedef struct __darwin_arm_exception_state arm_exception_state32_t;
#define ARM_EXCEPTION_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(arm_exception_state_t) / sizeof(uint32_t)))

struct __darwin_arm_exception_state64 {
	uint64_t __far;
	uint32_t __esr, __exception;
};
typedef struct __darwin_arm_exception_state64 arm_exception_state64_t;
#define ARM_EXCEPTION_STATE64_COUNT \
	((mach_msg_type_number_t)(sizeof(arm_exception_state64_t) / sizeof(uint32_t)))

/* Vector registers; count 132. */
struct __darwin_arm_neon_state64 {
#if defined(__SIZEOF_INT128__)
	__extension__ unsigned __int128 __v[32];
#else
	uint64_t __v[32][2] __attribute__((aligned(16)));
#endif
	uint32_t __fpsr, __fpcr;
};
typedef struct __darwin_arm_neon_state64 arm_neon_state64_t;
#define ARM_NEON_STATE64_COUNT \
	((mach_msg_type_number_t)(sizeof(arm_neon_state64_t) / sizeof(uint32_t)))

/* Breakpoint and watchpoint registers; count 130. */
struct __darwin_arm_debug_state64 {
	uint64_t __bvr[16], __bcr[16], __wvr[16], __wcr[16];
	uint64_t __mdscr_el1; /* bit 0: single step */
};
typedef struct __darwin_arm_debug_state64 arm_debug_state64_t;
#define ARM_DEBUG_STATE64_COUNT \
	((mach_msg_type_number_t)(sizeof(arm_debug_state64_t) / sizeof(uint32_t)))

/* Self-describing form; count 70. */
struct arm_unified_thread_state {
	arm_state_hdr_t ash;
	union {
		arm_thread_state32_t ts_32;
		arm_thread_state64_t ts_64;
	} uts;
};
#define ts_32 uts.ts_32
#define ts_64 uts.ts_64
typedef struct arm_unified_thread_state arm_unified_thread_state_t;
#define ARM_UNIFIED_THREAD_STATE_COUNT \
	((mach_msg_type_number_t)(sizeof(arm_unified_thread_state_t) / sizeof(uint32_t)))

#endif
